"""What users pass to `compile` as the optimizer, and what files hold of it."""

from typing import Any

import keras

from keras_latent.src.training.optimizer_group import OptimizerGroup


def resolve(model: str, names: list[str] | None, optimizer: Any, scale: bool) -> Any:
    """The optimizer, or group of optimizers, that `compile` was given.

    Args:
        model: Name of the model class, for messages.
        names: Names of the model's optimizers; `None` if it has one without a name.
        optimizer: A Keras optimizer, its name, a dict of these by name, or a group.
        scale: Whether to wrap the members of a group in a `LossScaleOptimizer`. Keras wraps a
            single optimizer itself.

    Raises:
        ValueError: If the model is trained by another number of optimizers, or by others.
    """
    if names is None:
        several = isinstance(optimizer, dict) and "class_name" not in optimizer
        if several or isinstance(optimizer, OptimizerGroup):
            raise ValueError(
                f"{model} is trained by one optimizer. Received: optimizer={optimizer!r}. Pass it "
                "alone, as in `compile(keras.optimizers.Adam(1e-3))`."
            )
        return _optimizer(optimizer)
    name = None
    if isinstance(optimizer, OptimizerGroup):
        name, optimizer = optimizer.name, dict(optimizer.members)
    if not isinstance(optimizer, dict) or set(optimizer) != set(names):
        raise ValueError(
            f"{model} is trained by {len(names)} optimizers. Pass `optimizer` as a dict with the "
            f"keys {sorted(names)}. Received: optimizer={optimizer!r}. "
            "`compile()` uses the paper's optimizers."
        )
    members = {key: _optimizer(optimizer[key]) for key in names}
    if scale:
        scaled = keras.optimizers.LossScaleOptimizer
        members = {k: m if isinstance(m, scaled) else scaled(m) for k, m in members.items()}
    return OptimizerGroup(members, name=name)


def _optimizer(identifier: Any) -> keras.optimizers.Optimizer:
    try:
        return keras.optimizers.get(identifier)
    except ValueError as error:
        raise ValueError(
            "`optimizer` must be a Keras optimizer or its name, as in "
            f"`compile(keras.optimizers.Adam(1e-3))`. Received: optimizer={identifier!r}"
        ) from error


def of_any_backend(config: Any) -> Any:
    """A configuration in which each optimizer is that of the running backend.

    On PyTorch, `keras.optimizers.Adam` is a separate class, whose name Keras writes into the file.
    Another backend could not use it.
    """
    if isinstance(config, (list, tuple)):
        return type(config)(map(of_any_backend, config))
    if not isinstance(config, dict):
        return config
    config = {key: of_any_backend(value) for key, value in config.items()}
    if str(config.get("module")).startswith("keras.src.backend."):
        config |= {"module": "keras.optimizers", "registered_name": None}
    return config
