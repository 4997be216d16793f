"""Pages of the reference, as Markdown for mkdocstrings.

The public names are read from the source: those that a module lists in `__all__`, or imports
under their own names (`from ... import name as name`).
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import griffe
import macros

ROOT = Path(__file__).parents[2]
#: Modules and the introductions of their pages.
MODULES = {
    "models": "One class per method. [Models](../../models.md) compares them.",
    "layers": "Keras layers. Build, save and compile them like any other. Where sums of logarithms "
    "or distances need it, they compute in float32.",
    "losses": "Keras losses for `compile(loss=...)`.",
    "metrics": "Keras metrics (`update_state`, `result`) and the classifiers that some of them "
    "need. Each classifier is trained once and cached under `KERAS_HOME`.",
    "ops": "Pure functions of tensors, for every backend. Divergences and log-likelihoods are in "
    "nats, summed over dimensions. Layers, losses and models build on these functions.",
    "datasets": "Pairs of domains for `model.fit`. Only the functions that read data import "
    "TensorFlow Datasets, scikit-learn or Pillow; `import keras_latent` needs none of them.",
    "callbacks": "Callbacks for `model.fit`.",
    "visualization": "Matplotlib figures and sound files. Requires the extra `viz`.",
    "training": "One `train_step` for TensorFlow, JAX and PyTorch. "
    "[This guide](../guides/custom_models.md) builds custom models with it.",
    "presets": "Presets on model hubs: see [Models](../models.md#presets-on-model-hubs). Models "
    "themselves have `from_preset` and `save_to_preset`.",
}
COMMON = """## Common methods

Each model's page shows its own methods and those that it shares with related models. Every model is
also a [`PortableModel`][keras_latent.training.PortableModel] and a `keras.Model`: `compile`, `fit`,
`evaluate`, `save`, `keras.saving.load_model`, callbacks and mixed precision work as in Keras."""
REJECTION = """# Rejection sampling

Draws latents for which a classifier recognizes the generated output with confidence. They are the
training data of a bridge to a model without an encoder."""
# Where the methods are defined that only the page of `training.PortableModel` shows.
PORTABLE_MODEL = "keras_latent.src.training.model."
# Methods of Keras that every model overrides.
KERAS = {"call", "from_config", "get_config", "train_step", "test_step"}
# Methods that only other methods use.
PARTS = re.compile(
    "_|check_|graph_of_|(columns_of|data_spec|default_callbacks|drawn|encoded|hidden|images|"
    "in_columns|inputs_of|latents|noise|one_hot|optimizer_groups|own|padded|path|program|require_compiled|"
    "run|set_attributes|set_observation|shared|strengths|transfer_graph|transferred|unpack)$"
)
# Inherited methods that need a likelihood and a posterior, which these models do not have.
LIKELIHOOD = {"expected", "log_prob", "prior", "sample"}
WITHOUT_LIKELIHOOD = {
    *("CoGAN", "CycleGAN", "FaderNetwork", "LSTNet", "LatentDomainTransfer", "Pix2Pix"),
    *("StarGAN", "UNIT", "WaveGAN"),
}


@functools.cache
def package() -> griffe.Module:
    """Load the package with Griffe, without importing it."""
    return griffe.load("keras_latent", search_paths=[str(ROOT)])


def public_names(module: str) -> list[str]:
    """Return the public names of `keras_latent.<module>`."""
    names = []
    for node in ast.parse(package()[module].filepath.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            names += ast.literal_eval(node.value)
        elif isinstance(node, ast.ImportFrom):
            names += [name.name for name in node.names if name.asname == name.name]
    return sorted(names, key=str.lower)


def summary(obj: griffe.Object) -> str:
    """Return the first sentence of a docstring on one line, or the start of a constant's value."""
    if obj.docstring is None:
        return f"`{str(obj.value)[:60]} ...`" if obj.is_attribute else ""
    first = " ".join(obj.docstring.value.split("\n\n")[0].split())
    sentence = re.split(r"(?<=\.) (?=[A-Z])", first)[0]
    # Outside of code, a `|` would end the table's cell.
    return re.sub(r"(`[^`]*`)|\|", lambda found: found[1] or "\\|", sentence)


def methods(cls: griffe.Class) -> list[str]:
    """Return the documented methods of a model that are not common to all models."""
    return sorted(
        name
        for name, member in {**cls.inherited_members, **cls.members}.items()
        if name not in KERAS
        and not (name in LIKELIHOOD and cls.name in WITHOUT_LIKELIHOOD)
        and not PARTS.match(name)
        and member.is_function
        and member.docstring is not None
        and not member.canonical_path.startswith(PORTABLE_MODEL)
    )


def entry(module: str, name: str) -> str:
    """Return the mkdocstrings directive of a public name."""
    obj = package()[f"{module}.{name}"]
    options = [f"heading: {name}", f"toc_label: {name}"]
    if module == "models" and obj.is_class and name != "RejectionSamples":
        options += [f"members: [{', '.join(methods(obj))}]", "inherited_members: true"]
    elif obj.is_class:
        options += ["filters: ['!^_', '!^(get|from)_config$', '!^call$', '!^build$']"]
    lines = [f"::: keras_latent.{module}.{name}", "    options:"]
    return "\n".join([*lines, *(f"      {option}" for option in options)])


def pages() -> Iterator[tuple[str, str]]:
    """Yield the path and the Markdown of each page."""
    for module, introduction in MODULES.items():
        names = public_names(module)
        rows = [
            f"| [`{name}`][keras_latent.{module}.{name}] | {summary(package()[module][name])} |"
            for name in names
        ]
        table = "\n".join(["| name | description |", "| --- | --- |", *rows])
        parts = [f"# keras_latent.{module}", introduction, table]
        if module != "models":
            yield f"api/{module}.md", "\n\n".join([*parts, *(entry(module, n) for n in names)])
            continue
        yield "api/models/index.md", "\n\n".join([*parts, COMMON])
        rejection = [name for name in names if name.lower().startswith("rejection")]
        entries = [entry(module, name) for name in reversed(rejection)]
        yield "api/models/rejection_sampling.md", "\n\n".join([REJECTION, *entries])
        for name in set(names) - set(rejection):
            file = package()[module][name].target_path.split(".")[-2]
            yield (
                f"api/models/{file}.md",
                "\n\n".join([f"# {name}", macros.presets(name), entry(module, name)]),
            )
