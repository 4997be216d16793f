"""A group of optimizers that Keras takes for one."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import keras

from keras_latent.src.utils import checks


@keras.saving.register_keras_serializable(package="keras_latent")
class OptimizerGroup(keras.optimizers.Optimizer):
    """Several optimizers behind the one `model.optimizer` that Keras knows.

    The `variables` of `model.optimizer` are part of JAX's training state, of `.keras` files and of
    `BackupAndRestore`. A second optimizer, kept as a plain attribute, would silently be frozen on
    JAX and lost on saving. The variables of a group are those of all its members. Unlike in
    `keras.optimizers.MultiOptimizer`, which assigns each variable to one optimizer and updates
    them all at once, the members have their own losses, are run in turn, and may share variables
    (in algorithm 1 of the DualVAE paper, both optimizers update the encoder).

    `keras.callbacks.LearningRateScheduler` and `ReduceLROnPlateau` act on each member.

    Args:
        members: Dict of name to `keras.optimizers.Optimizer`, in the order of their turns.
        name: Optional name.

    Raises:
        ValueError: If `members` is empty or holds anything but optimizers.

    Example:

    >>> import keras
    >>> from keras_latent import training
    >>> group = training.OptimizerGroup(
    ...     {"critic": keras.optimizers.Adam(1e-4), "generator": keras.optimizers.SGD(1e-2)}
    ... )
    >>> sorted(group.members)
    ['critic', 'generator']
    """

    def __init__(self, members: dict[str, keras.optimizers.Optimizer], name: str | None = None):
        if not isinstance(members, dict) or not members or any(m is None for m in members.values()):
            raise ValueError(
                "`members` must be a non-empty dict of name to optimizer. "
                f"Received: members={members!r}"
            )
        get = keras.optimizers.get
        members = {
            checks.text("members", name): checks.from_keras(f"members[{name!r}]", get, member)
            for name, member in members.items()
        }
        super().__init__(learning_rate=0.0, name=name)
        # Not a plain dict: Keras would save each member a second time, beside `variables`.
        self.members = MappingProxyType(members)
        self._variables_by_member: Callable[[], dict[str, list[Any]]] | None = None

    def bind(self, variables_by_member: Callable[[], dict[str, list[keras.Variable]]]) -> None:
        """Sets which variables each member updates; called by the model's `compile`."""
        self._variables_by_member = variables_by_member

    def build(self, variables: list[keras.Variable]) -> None:
        """Creates the slots of all members. `variables` are the model's trainable ones."""
        if self.built:
            return
        if self._variables_by_member is None:
            raise ValueError(
                "An `OptimizerGroup` is built by the model it is compiled with, which knows the "
                "variables of each member. Pass it to `model.compile`."
            )
        groups = self._variables_by_member()
        for name, member in self.members.items():
            member.build(groups[name])
        super().build(variables)

    def trainable_variables_of(self, name: str) -> list[keras.Variable]:
        """The variables that member `name` updates, in the order it was built with."""
        assert self._variables_by_member is not None, "bind() first"
        return self._variables_by_member()[name]

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The members. Keras's callbacks recognize a group by this attribute."""
        return list(self.members.values())

    @property
    def variables(self) -> list[keras.Variable]:
        return self._variables[:] + [v for m in self.optimizers for v in m.variables]

    @property
    def iterations(self) -> keras.Variable:
        return self.optimizers[0].iterations

    @property
    def learning_rate(self) -> Any:
        raise AttributeError(
            f"A group has no learning rate. Its members {list(self.members)} have one each: "
            "`model.optimizer.members[name].learning_rate`."
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            f"A group has no learning rate. Set those of its members "
            f"{list(self.members)}: `model.optimizer.members[name].learning_rate = ...`."
        )

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        raise ValueError(
            "The members of an `OptimizerGroup` are run in turn: call "
            "`model.minimize(loss_fn, ..., of=name)` in `train_step`."
        )

    def finalize_variable_values(self, var_list: Any) -> None:
        for name, member in self.members.items():
            member.finalize_variable_values(self.trainable_variables_of(name))

    def set_weights(self, weights: list[Any]) -> None:
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def get_config(self) -> dict[str, Any]:
        members = {k: keras.saving.serialize_keras_object(v) for k, v in self.members.items()}
        return {"members": members, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "OptimizerGroup":
        members = {
            k: keras.saving.deserialize_keras_object(v, custom_objects=custom_objects)
            for k, v in config["members"].items()
        }
        return cls(members, name=config["name"])
