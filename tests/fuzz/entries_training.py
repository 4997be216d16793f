"""`fit`, `evaluate`, `predict`, their counterparts on batches, and calls of models.

Read off the cases of `tests/models/test_every_model.py` and what each model declares of a batch.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from arguments import Argument, bools, choice, labels, size
from cases import Entry, entry
from entries_models import CASES, ROWS, attributes_of_rows, of_spec

from keras_latent.src.models.base.attributes import Signed
from keras_latent.src.models.bridging.batch import LabelsByDomain
from keras_latent.src.models.wavegan.waveforms import Waveforms
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Flags, Ignored, Input
from keras_latent.src.training.targets import AttributeLabels

METHODS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "__call__")


def compiled(name: str) -> keras.Model:
    """A small model. Every step runs uncompiled: most calls fail before the first one."""
    model = CASES[name].make(**CASES[name].options)
    model.compile(run_eagerly=True, jit_compile=False)
    return model


#: Methods that look at shapes and data types only: values may be on a device.
OF_SHAPES = ("train_on_batch", "test_on_batch", "__call__")
VALUES = ("NaN", "infinity", "0 to 255", "far too large", "negative", "two (ndarray)")


def without(argument: Argument, *names: str) -> Argument:
    return argument.but(*(label for label in names if label in argument.wrong))


def array(spec: Input, method: str) -> Argument:
    """Rows of what a model declares."""
    argument = bools(ROWS).but("floats") if isinstance(spec, Flags) else of_spec(spec)
    if isinstance(spec, Waveforms):
        images = argument.valid
        argument = dataclasses.replace(argument, valid=lambda: 2.0 * images() - 1.0)
    argument = argument.called("x")
    argument = argument if spec.required else without(argument, "none")
    argument = without(argument, "integers") if isinstance(spec, Signed) else argument
    return without(argument, *VALUES) if method in OF_SHAPES else argument


def labels_of(spec: BatchSpec) -> dict[str, Argument]:
    """`y`, or its part of each domain."""
    if isinstance(spec.targets, LabelsByDomain):
        domains = [name for name, s in spec.inputs.items() if s.required]
        return {f"y_{domain}": labels(ROWS).called(f"y['{domain}']") for domain in domains}
    if isinstance(spec.targets, AttributeLabels):
        return {"y": attributes_of_rows(ROWS, len(spec.targets.names))}
    return {"y": labels(ROWS)} if spec.targets is not None else {}


def data(spec: BatchSpec, method: str) -> dict[str, Argument]:
    """The arrays of a batch and its labels, by name."""
    inputs = spec.inputs if isinstance(spec.inputs, dict) else {spec.name: spec.inputs}
    found = {n: array(s, method) for n, s in inputs.items() if not isinstance(s, Ignored)}
    if method not in ("predict", "__call__"):
        y = labels_of(spec)
        found |= {n: without(a, *VALUES) for n, a in y.items()} if method in OF_SHAPES else y
    return found


def call(model: keras.Model, spec: BatchSpec, method: str, **arguments: Any) -> Any:
    """Puts the arrays together as the model takes them."""
    names = spec.inputs if isinstance(spec.inputs, dict) else (spec.name,)
    x: Any = {name: arguments.pop(name) for name in names if name in arguments}
    if getattr(model, "decodes_attributes", False) and method in ("predict", "__call__"):
        x = list(x.values())
    elif not isinstance(spec.inputs, dict):
        (x,) = x.values()
    given = [x]
    parts = {n[2:]: arguments.pop(n) for n in list(arguments) if n.startswith("y_")}
    if parts or "y" in arguments:
        given.append(parts or arguments.pop("y"))
    return getattr(model, method)(*given, **arguments)


def options(method: str) -> dict[str, Argument]:
    """Arguments of a method beside its data."""
    rows = size(2).but("none")
    more: dict[str, dict[str, Argument]] = {
        "fit": {
            "batch_size": rows,
            "epochs": size(1, least=0),
            "initial_epoch": size(0, least=0),
            "steps_per_epoch": size(1).but("none"),
            "verbose": choice(0).but("true"),
            "callbacks": Argument(list, choice("").wrong).but("none", "list", "dict", "empty"),
            "sample_weight": Argument(lambda: None, {"ones": lambda: np.ones(ROWS)}),
            "class_weight": Argument(lambda: None, {"one": lambda: {0: 1.0}}),
        },
        "evaluate": {"batch_size": rows, "verbose": choice(0).but("true")},
        "predict": {"batch_size": rows, "verbose": choice(0).but("true")},
    }
    return more.get(method, {})


def declared() -> Iterator[Entry]:
    for name in CASES:
        make = functools.cache(functools.partial(compiled, name))
        for method in METHODS:
            spec = make().predict_spec if method in ("predict", "__call__") else make().batch_spec
            if spec is None:
                continue
            yield entry(
                f"{name}.{method}",
                functools.partial(call, make(), spec, method),
                **data(spec, method),
                **options(method),
            )


ENTRIES = list(declared())
