"""What `fit`, `evaluate`, `predict` and the methods on batches take, other than the data."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_latent.src.utils import checks

METHODS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")
SIGNATURES = {name: inspect.signature(getattr(keras.Model, name)) for name in METHODS}


def checked(model: keras.Model, method: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The arguments of a method of `keras.Model`, by name, checked except for the data.

    Raises:
        TypeError: If the method has no such argument.
        ValueError: If one has a wrong value.
    """
    try:
        given = SIGNATURES[method].bind(model, *args, **kwargs).arguments
    except TypeError as error:
        raise TypeError(f"{type(model).__name__}.{method}() {error}") from None
    del given["self"]
    given |= given.pop("kwargs", {})
    for name in ("sample_weight", "class_weight"):
        if given.get(name) is not None:
            refuse_weights(model, name, f"{name} of type {type(given[name]).__name__}")
    return {name: CHECKS.get(name, _any)(name, value) for name, value in given.items()}


def refuse_weights(model: keras.Model, name: str, received: str) -> None:
    """Raises the `ValueError` for sample weights and class weights."""
    raise ValueError(
        f"{type(model).__name__} takes no `{name}`: its objective is an average over rows. Set the "
        f"weights of its terms as arguments of the model. Received: {received}"
    )


def _any(name: str, value: Any) -> Any:
    return value


def _count(name: str, value: Any) -> int:
    return checks.integer(name, value, at_least=0)


def _size(name: str, value: Any) -> int | None:
    return None if value is None else checks.integer(name, value)


def _split(name: str, value: Any) -> float | None:
    return None if value is None else checks.fraction(name, value)


def _frequency(name: str, value: Any) -> int | list[int]:
    if isinstance(value, (list, tuple, set)):
        return [checks.integer(name, epoch) for epoch in value]
    return checks.integer(name, value)


def _verbose(name: str, value: Any) -> int | str:
    choices: tuple[int | str, ...] = ("auto", 0, 1, 2)
    return checks.choice(name, int(value) if isinstance(value, bool) else value, choices)


def _shuffle(name: str, value: Any) -> bool | str:
    if isinstance(value, str) and value == "batch":
        return value
    return checks.flag(name, bool(value) if isinstance(value, int) and value in (0, 1) else value)


def _callbacks(name: str, value: Any) -> Any:
    if value is None or isinstance(value, keras.callbacks.CallbackList):
        return value
    callbacks = keras.tree.flatten(value)
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            hint = ". Call the class: `EarlyStopping()`." if isinstance(callback, type) else ""
            raise ValueError(
                f"`{name}` must be a list of `keras.callbacks.Callback`. Received: {callback!r}"
                f"{hint}"
            )
    return callbacks


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("epochs", "initial_epoch"), _count),
    **dict.fromkeys(
        ("batch_size", "validation_batch_size", "steps_per_epoch", "validation_steps", "steps"),
        _size,
    ),
    "validation_split": _split,
    "validation_freq": _frequency,
    "verbose": _verbose,
    "shuffle": _shuffle,
    "callbacks": _callbacks,
    "return_dict": checks.flag,
}
