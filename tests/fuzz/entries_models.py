"""Models: constructors, methods on arrays, presets and exports.

Read off the classes: a model with a case in `tests/models/test_every_model.py` is fuzzed without a
line here, unless an argument has a new name and is neither a network nor a weight (a float of 0 or
more). Then add its kind to `OPTIONS` or `KINDS`.
"""

import dataclasses
import functools
import inspect
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
from arguments import (
    Argument,
    between,
    choice,
    floats,
    images,
    network,
    non_negative,
    number,
    paths,
    positive,
    rows,
    seed,
    size,
    sizes,
    text,
)
from cases import Entry, entry

from keras_latent import models, presets
from keras_latent.src.models.base.attributes import AttributeInput
from keras_latent.src.models.base.batched import exported_graphs
from keras_latent.src.models.base.latent_model import _arguments
from keras_latent.src.models.base.two_domain import Offset
from keras_latent.src.presets.registry import trained_presets
from keras_latent.src.training.inputs import Images, Input

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

import small_networks as small  # noqa: E402
from test_every_model import CASES, bridge  # noqa: E402

ROWS = 4


def base_and_bridge() -> models.LatentDomainTransfer:
    sources = small.vae(latent_dim=3), bridge(), small.vae(latent_dim=3, shape=small.SKETCH)
    return models.LatentDomainTransfer(*sources)


#: One small model of each class.
MODELS = {name: functools.cache(case.make) for name, case in CASES.items()}
MODELS["LatentDomainTransfer"] = functools.cache(base_and_bridge)


# Kinds of arguments ------------------------------------------------------------------------


def constant(value: Any) -> Argument:
    """A flag, or what has no wrong values for other reasons."""
    return Argument(lambda: value, {})


def attributes_of_rows(count: int, number: int) -> Argument:
    """1, 0 or -1 per row and attribute, as numbers of any kind; or `None`."""
    valid = (np.arange(count * number).reshape(count, number) % 3 - 1).astype("int32")
    wrong = floats(count, number).but("none", "bools", "integers").also(two=valid + 1.0)
    return dataclasses.replace(wrong, valid=lambda: valid)


def offsets(shape: tuple[int, ...]) -> Argument:
    """One latent, or one per row; or `None`."""
    return rows(ROWS, *shape).but("none", "one axis fewer", "integers")


OPTIONS: dict[str, Callable[[Any], Argument]] = {
    "attributes": lambda value: size(len(value)).also(
        names_again=("a",) * len(value), numbers=tuple(range(len(value))), number=1.5
    ),
    "buffer_size": lambda value: size(value, least=0),
    "conditional": constant,
    "critic_steps": size,
    "cycle_loss": choice,
    "denoise": constant,
    "domains": lambda value: choice(list(value)).also(
        one=value[:1], again=value[:1] * 2, numbers=tuple(range(len(value)))
    ),
    "ema_momentum": lambda value: between(0.9, 0.0, 0.95).but("none"),
    "gan": choice,
    "label_smoothing": lambda value: between(0.1, 0.0, 0.95),
    "latent_dims": lambda value: sizes(*value.values()).but("none"),
    "likelihood": choice,
    "mining": choice,
    "num_classes": lambda value: size(value, least=2).but("none"),
    "num_projections": size,
    "observation_variance": positive,
    "seed": lambda value: seed(),
    "swd_order": choice,
    "use_bias": constant,
    "warm_up": non_negative,
}
#: Networks that make another model, not a wrong one.
NOT_WRONG = {
    # The error is about the next network, which then does not fit.
    ("CoGAN", "shared_encoder"): ("none",),
    ("CoGAN", "shared_generator"): ("none",),
    ("CoGAN", "shared_discriminator"): ("none",),
    # One channel: a score per patch.
    ("CycleGAN", "target_discriminator"): ("the source_generator",),
    ("LSTNet", "shared_encoder"): ("none",),
    ("LSTNet", "shared_generator"): ("none",),
    ("UNIT", "shared_encoder"): ("none",),
    ("UNIT", "shared_generator"): ("none",),
    ("VBTA", "shared_encoder"): ("none",),
    ("VBTA", "shared_decoder"): ("none",),
    ("WaveGAN", "generator"): ("wider_input",),
}
KINDS: dict[str, Callable[[Any], Argument]] = {
    "attribute": lambda model: choice("a").but("none"),
    "batch_size": lambda model: size(2),
    "domain": lambda model: choice("source"),
    "latents": lambda model: constant(False),
    "learning_rate": lambda model: positive(0.1),
    "margin": lambda model: non_negative(1.0),
    "num": lambda model: size(ROWS),
    "present": lambda model: constant(None),
    "refine_steps": lambda model: size(2),
    "sample": lambda model: constant(True),
    "seed": lambda model: seed(),
    "steps": lambda model: size(3, least=2),
    "strength": lambda model: floats(ROWS).but("number", "one axis more", "integers"),
    "to": lambda model: choice("target"),
    "together": lambda model: constant(False),
}


def of_spec(spec: Input) -> Argument:
    """Rows of what a method declares."""
    if isinstance(spec, Offset):
        return offsets(spec.shape)
    if isinstance(spec, AttributeInput):
        return attributes_of_rows(ROWS, *spec.shape)
    return (images if isinstance(spec, Images) else rows)(ROWS, *spec.shape)


# Constructors ------------------------------------------------------------------------------


def networks_of(model: Any, name: str) -> Argument:
    """A network, and others: of another place, with other inputs, with other outputs."""
    right = getattr(model, name)
    argument = network(lambda: right)
    others = {
        f"the {other}": (lambda value=value: value)
        for other in _arguments(type(model))
        if isinstance(value := getattr(model, other), keras.Layer)
        and (value.input_shape, value.output_shape) != (right.input_shape, right.output_shape)
    }
    return Argument(argument.valid, argument.wrong | others | altered(right))


def altered(right: keras.Model) -> dict[str, Callable[[], keras.Model]]:
    """Networks that differ from one in their inputs or in their outputs."""

    def tensors():
        return [keras.Input(tensor.shape[1:]) for tensor in right.inputs]

    def applied(given):
        return right(given[0] if len(given) == 1 else given)

    def wider(x):
        return keras.layers.Concatenate()([x, x])

    @functools.cache
    def output_in_two():
        given = tensors()
        made = keras.tree.flatten(applied(given))
        return keras.Model(given, made[0] if len(made) == 2 else [made[0], made[0]])

    @functools.cache
    def wider_output():
        given = tensors()
        return keras.Model(given, keras.tree.map_structure(wider, applied(given)))

    @functools.cache
    def wider_input():
        first, *others = tensors()
        wide = keras.Input((*first.shape[1:-1], first.shape[-1] + 1))
        narrow = keras.layers.Dense(first.shape[-1])(wide)
        return keras.Model([wide, *others], applied([narrow, *others]))

    @functools.cache
    def input_more():
        given, more = tensors(), keras.Input((1,))
        return keras.Model([*given, more], applied(given))

    return {f.__name__: f for f in (output_in_two, wider_output, wider_input, input_more)}


def constructor(name: str, model: Any) -> Entry:
    arguments = {}
    annotations = {
        key: parameter.annotation
        for base in type(model).__mro__
        for key, parameter in inspect.signature(base.__init__).parameters.items()
    }
    for key in _arguments(type(model)):
        value = getattr(model, key)
        if isinstance(value, keras.Layer):
            arguments[key] = networks_of(model, key).but(*NOT_WRONG.get((name, key), ()))
        elif key in OPTIONS:
            arguments[key] = OPTIONS[key](value)
        elif annotations[key] is float:
            arguments[key] = non_negative(value)
        else:
            raise ValueError(f"Add the kind of `{name}({key}=)` to `OPTIONS`.")
    return entry(name, type(model), **arguments)


# Methods -----------------------------------------------------------------------------------


def methods(cls: type) -> Iterator[tuple[str, Callable]]:
    """Methods on arrays: those with a `batch_size`."""
    for name, function in inspect.getmembers(cls, inspect.isfunction):
        ours = function.__module__.startswith("keras_latent.src.models.")
        of_users = not name.startswith("_") and name != "run"
        if ours and of_users and "batch_size" in inspect.signature(function).parameters:
            yield name, function


def options_of(model: Any, parameters: dict[str, inspect.Parameter]) -> dict[str, Argument]:
    """Arguments by name; text with a default is one of a few names."""
    options = {}
    for name, parameter in parameters.items():
        if name in KINDS:
            options[name] = KINDS[name](model)
        elif isinstance(parameter.default, str):
            options[name] = choice(parameter.default)
        if parameter.default is None and "none" in getattr(options.get(name), "wrong", ()):
            options[name] = options[name].but("none")
    return options


def method(model: Any, name: str, function: Callable) -> Entry:
    parameters = dict(list(inspect.signature(function).parameters.items())[1:])
    arguments = options_of(model, parameters)
    specs = inputs_of(model, name, {n: a.valid() for n, a in arguments.items()})
    for n in set(parameters) - set(specs) - set(arguments):  # such as the ends of `interpolate`
        first = "decode" if n.startswith("z") or n == "attributes" else "encode"
        of_first = inputs_of(model, first, {"domain": "source"})
        specs[n] = of_first["attributes" if n == "attributes" else next(iter(of_first))]
    arguments |= {n: of_spec(specs[n]) for n in parameters if n in specs}
    return entry(f"{type(model).__name__}.{name}", getattr(model, name), **arguments)


def inputs_of(model: Any, name: str, options: dict[str, Any]) -> dict[str, Input]:
    """What a method declares of its inputs; nothing if it is made of others."""
    graph = exported_graphs(type(model)).get(name)
    if graph is None:
        return {}
    known = inspect.signature(graph).parameters
    chosen = {n: value for n, value in options.items() if n in known}
    optional = {"given": ("attributes", "offset")} if hasattr(graph, "__signature__") else {}
    if "strength" in chosen:
        chosen["strength"] = 1.0
    return dict(graph(model, **chosen, **optional).inputs)


def tensor_functions(model: Any) -> Iterator[Entry]:
    """Those that declare what they take."""
    for name, function in inspect.getmembers(type(model), inspect.isfunction):
        if not hasattr(function, "inputs"):
            continue
        arguments = options_of(model, dict(inspect.signature(function).parameters))
        options = {key: argument.valid() for key, argument in arguments.items()}
        for argument, spec in function.inputs.items():
            arguments[argument] = floats(ROWS, *spec(model, **options).shape)
        yield entry(f"{type(model).__name__}.{name}", getattr(model, name), **arguments)


# Presets, exports, and the rest ------------------------------------------------------------


def new_folder() -> str:
    return tempfile.mkdtemp() + "/new"


def classifier(shape: tuple[int, ...]) -> keras.Model:
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)]
    return keras.Sequential(layers)


def transfer_of_base_models() -> Entry:
    right = MODELS["LatentDomainTransfer"]()
    others = {name: MODELS[name] for name in ("VAE", "VBTA", "CVAE", "BridgingVAE", "LSTNet")}

    def base(name: str) -> Argument:
        argument = network(lambda: getattr(right, name))
        return Argument(argument.valid, argument.wrong | others)

    bridges = network(lambda: right.bridge)
    return entry(
        "LatentDomainTransfer",
        models.LatentDomainTransfer,
        source=base("source"),
        bridge=Argument(bridges.valid, bridges.wrong | {"VAE": others["VAE"]}),
        target=base("target"),
        domains=choice(["source", "target"]).but("none").also(one=("source",), numbers=(1, 2)),
    )


def of_two_domains(name: str, model: Any) -> Iterator[Entry]:
    h = classifier(model.event_shapes["source"])
    right = network(lambda: h)
    wrong = right.wrong | altered(h) | {"of the other": lambda: classifier(small.SKETCH)}
    del wrong["wider_output"], wrong["output_in_two"]  # it returns what the classifier does
    classifiers = Argument(right.valid, wrong)
    call = model.to_classifier
    yield entry(f"{name}.to_classifier", call, classifier=classifiers, domain=choice("target"))


def rejection() -> Entry:
    model = MODELS["VAE"]()
    right, h = network(lambda: model), classifier(small.DIGIT)
    wrong = altered(h) | {"no scores": lambda: small.vae(), "other": lambda: classifier((3,))}
    del wrong["wider_output"]
    others = {name: MODELS[name] for name in ("LSTNet", "BridgingVAE")}
    return entry(
        "rejection_sample",
        models.rejection_sample,
        generator=Argument(right.valid, right.wrong | others | {"classifier": lambda: h}),
        classifier=Argument(lambda: h, network(lambda: h).wrong | wrong),
        per_class=size(2),
        threshold=between(0.0, 0.0, 1.0),
        max_draws=size(60).but("none"),
        batch_size=size(20),
        seed=seed(),
        allow_fewer=constant(True),
    )


def called(make: Callable, **options: Any) -> None:
    """Makes a tensor function, and calls it: some options are only looked at then."""
    function = make(**options)
    if callable(function):
        x, y = small.attributed_digits(2)
        function({"x": keras.ops.convert_to_tensor(x), "y": keras.ops.convert_to_tensor(y)})


def of_class(name: str, model: Any) -> Iterator[Entry]:
    cls = type(model)
    small_ones = [preset for preset in cls.presets if "digits" in preset or "tiny" in preset]
    preset = choice([*small_ones, *cls.presets][0])
    yield entry(
        f"{name}.from_preset",
        functools.partial(cls.from_preset, load_weights=False),
        preset=preset,
    )
    if trained := [preset for preset in trained_presets() if preset in cls.presets]:
        yield entry(f"{name}.preset_card", cls.preset_card, preset=choice(trained[0]))
    for function in ("directions", "transfer_function", "boundary_function"):
        if hasattr(model, function):
            call = getattr(model, function)
            options = options_of(model, dict(inspect.signature(call).parameters))
            if "strength" in options:
                options["strength"] = number(1.0)
            yield entry(f"{name}.{function}", functools.partial(called, call), **options)
    if hasattr(model, "to_classifier"):
        yield from of_two_domains(name, model)
    for verb, graph in exported_graphs(cls).items():
        options = options_of(model, dict(inspect.signature(graph).parameters))
        if "strength" in options:
            options["strength"] = number(1.0).but("none", "list_of_one")
        call = functools.partial(model.verb_model, verb)
        yield entry(f"{name}.verb_model({verb})", call, **options)


@functools.cache
def saved_folder() -> str:
    folder = new_folder()
    MODELS["VAE"]().save_to_preset(folder)
    return folder


def of_one(model: Any) -> Iterator[Entry]:
    """What all models inherit."""
    yield transfer_of_base_models()
    yield rejection()
    yield entry("VAE.prior", model.prior, num=size(2), seed=seed())
    yield entry("VAE.verb_model", model.verb_model, verb=choice("encode"))
    yield entry("VAE.save_to_preset", model.save_to_preset, preset_dir=paths(new_folder))
    yield entry(
        "presets.upload_preset",
        mock.patch.dict(sys.modules, huggingface_hub=mock.MagicMock())(presets.upload_preset),
        uri=text("hf://user/name").also(empty="", folder="user/name"),
        preset=paths(saved_folder),
    )
    own = "onnx" if keras.backend.backend() == "torch" else "tf_saved_model"
    opset = size(18).but("none")
    yield entry(
        "VAE.export",
        functools.partial(model.export, verbose=False),
        filepath=paths(new_folder),
        format=choice(own),
        verb=choice("encode"),
        opset_version=dataclasses.replace(opset, valid=lambda: None),
    )


def declared() -> Iterator[Entry]:
    for name, make in MODELS.items():
        model = make()
        if name != "LatentDomainTransfer":
            yield constructor(name, model)
        for method_name, function in methods(type(model)):
            yield method(model, method_name, function)
        yield from tensor_functions(model)
        yield from of_class(name, model)
    yield from of_one(MODELS["VAE"]())


ENTRIES = list(declared())
