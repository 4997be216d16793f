"""Pages of the reference: `<!-- api: keras_latent.layers -->` stands for all its public names.

The public names are read from the source: those that a module lists in `__all__`, or imports
under their own names (`from ... import name as name`).
"""

import ast
import functools
import re
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[2]
DIRECTIVE = re.compile(r"^<!-- api: ([\w.]+) -->$", re.M)
MODULES = (
    "models",
    "layers",
    "losses",
    "metrics",
    "ops",
    "datasets",
    "callbacks",
    "visualization",
    "training",
)
# What a page of a model leaves to that of `training.PortableModel`, and to Keras.
COMMON = "keras_latent.src.training.model."
KERAS = {
    "build",
    "call",
    "compute_output_shape",
    "from_config",
    "get_config",
    "networks_config",
    "train_step",
    "test_step",
    "trackers",
}
# And what the verbs and the training step are made of.
PARTS = re.compile(
    "_|check_|graph_of_|(columns_of|draw|drawn|hidden|in_columns|inputs_of|noise|one_hot|"
    "optimizer_groups|own|padded|path|program|run|run_graph|set_attributes|shared|strengths|"
    "transfer_graph|transferred|unpack|unpack_attributes|with_noise)$"
)


@functools.cache
def package() -> griffe.Module:
    """The package as Griffe reads it, without importing it."""
    return griffe.load("keras_latent", search_paths=[str(ROOT)])


@functools.cache
def public_names(module: str) -> dict[str, str]:
    """Public names of `keras_latent.<module>`, each with the path at which it is defined."""
    source = ast.parse(package()[module].filepath.read_text())
    exported, imported, explicit = [], {}, []
    for node in source.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            exported = ast.literal_eval(node.value)
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                imported[name.asname or name.name] = f"{node.module}.{name.name}"
                explicit += [name.asname] if name.asname == name.name else []
    return {name: imported[name] for name in sorted({*exported, *explicit}, key=str.lower)}


def summary(obj: griffe.Object) -> str:
    """The first sentence of an object's docstring, in a line; a constant says how it begins."""
    if obj.docstring is None:
        return f"`{str(obj.value)[:60]} ...`" if obj.is_attribute else ""
    first = " ".join(obj.docstring.value.split("\n\n")[0].split())
    sentence = re.split(r"(?<=\.) (?=[A-Z])", first)[0]
    # A `|` would end the table's cell, though not inside code.
    return re.sub(r"(`[^`]*`)|\|", lambda found: found[1] or "\\|", sentence)


def members_of(path: str) -> list[str]:
    """What the page of a model shows: its own methods and what it inherits, but for the common."""
    cls = package()[path.removeprefix("keras_latent.")]
    names = [
        name
        for name, member in {**cls.inherited_members, **cls.members}.items()
        if name not in KERAS
        and not PARTS.match(name)
        and member.is_function
        and member.docstring is not None
        and not member.canonical_path.startswith(COMMON)
    ]
    return sorted(names)


def entry(module: str, name: str, path: str, level: int) -> str:
    """The directive of mkdocstrings for one name, under its public path."""
    options = [f"heading: {name}", f"toc_label: {name}", f"heading_level: {level}"]
    target = package()[path.removeprefix("keras_latent.")]
    if module == "models" and target.is_class and "keras_latent.src.models" in path:
        options += [f"members: [{', '.join(members_of(path))}]", "inherited_members: true"]
    elif target.is_class:
        options += ["filters: ['!^_', '!^(get|from)_config$', '!^call$', '!^build$']"]
    lines = [f"[](){{#keras_latent.{module}.{name}}}", "", f"::: {path}", "    options:"]
    return "\n".join([*lines, *(f"      {option}" for option in options)])


def expand(found: re.Match) -> str:
    """Markdown of a module with a table of its names, or of a single name."""
    parts = found[1].removeprefix("keras_latent.").split(".")
    names = public_names(parts[0])
    if len(parts) == 2:
        return entry(*parts, names[parts[1]], level=2)
    rows = [
        f"| [`{name}`][{path}] | {summary(package()[path.removeprefix('keras_latent.')])} |"
        for name, path in names.items()
    ]
    table = ["| name | what it is |", "| --- | --- |", *rows]
    if parts[0] == "models":  # each has a page of its own
        return "\n".join(table)
    entries = [entry(parts[0], name, path, level=2) for name, path in names.items()]
    return "\n\n".join(["\n".join(table), *entries])


def on_config(config, **kwargs):
    # `mkdocs serve` builds anew when the source changes.
    package.cache_clear()
    public_names.cache_clear()
    return config


def on_page_markdown(markdown: str, **kwargs) -> str:
    return DIRECTIVE.sub(expand, markdown)
