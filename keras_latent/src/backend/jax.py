"""JAX: a step is a pure function of its state, so variables are read and assigned in scopes."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras

from keras_latent.src.backend import jax_convolutions

PIPELINE = "numpy"
conv = jax_convolutions.conv
conv_transpose = jax_convolutions.conv_transpose
EXPORT_PACKAGES = {"tf_saved_model": ("tensorflow",), "onnx": ("jax2onnx",)}


def as_keras_step(step: Callable) -> Callable:
    @functools.wraps(step)
    def stateless_step(self, *args):
        if len(args) == 1:  # `super().train_step(data)`, in the scope of the caller's step
            return step(self, *args)
        state, data = args
        groups = [self.trainable_variables, self.non_trainable_variables]
        if len(state) == 4:  # a train step
            groups.append(self.optimizer.variables)
        groups.append(self.metrics_variables)
        with keras.StatelessScope(state_mapping=_pairs(groups, state)) as scope:
            logs = step(self, data)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)

    return stateless_step


def minimize(
    loss_fn: Callable[[], tuple[Any, Any]],
    variables: list[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
    others: list[keras.Variable],
) -> tuple[Any, Any]:
    def objective(values, other_values):
        # The loss reads the given values. What it assigns (seeds, moments of batch
        # normalization, metrics) is caught here, to leave the gradient as `aux`.
        mapping = _pairs([variables, others], [values, other_values])
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            loss, aux = loss_fn()
            scaled = optimizer.scale_loss(loss)
        return scaled, (loss, aux, [scope.get_current_value(v) for v in others])

    gradient_fn = jax.value_and_grad(objective, has_aux=True)
    values = [v.value for v in variables]
    (_, (loss, aux, other_values)), gradients = gradient_fn(values, [v.value for v in others])
    _assign(others, other_values)
    _apply(optimizer, gradients, variables)
    return loss, aux


def minimize_each(
    loss_fn: Callable[[], tuple[list[Any], Any]],
    groups: list[tuple[list[keras.Variable], keras.optimizers.Optimizer]],
    others: list[keras.Variable],
) -> tuple[list[Any], Any]:
    trainable = list({id(v): v for variables, _ in groups for v in variables}.values())
    state = [[v.value for v in group] for group in (trainable, others)]
    found = []
    for i, (variables, optimizer) in enumerate(groups):

        def objective(values, i=i, variables=variables, optimizer=optimizer):
            # Later pairs win: the weights that this loss is differentiated by.
            mapping = _pairs([trainable, others, variables], [*state, values])
            with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
                losses, aux = loss_fn()
                scaled = optimizer.scale_loss(losses[i])
            return scaled, (losses, aux, [scope.get_current_value(v) for v in others])

        # The same forward pass each time, with the same noise: XLA keeps one of them, and
        # removes what loss `i` does not depend on.
        found.append(jax.grad(objective, has_aux=True)([v.value for v in variables]))
    losses, aux, other_values = found[0][1]
    _assign(others, other_values)
    for (gradients, _), (variables, optimizer) in zip(found, groups, strict=True):
        _apply(optimizer, gradients, variables)
    return losses, aux


def _apply(optimizer, gradients, variables):
    # `stateless_apply`, because `apply` assigns inside `cond` where losses are scaled.
    values, slots = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], gradients, [v.value for v in variables]
    )
    _assign(variables, values)
    _assign(optimizer.variables, slots)


def _pairs(groups, values):
    return [pair for g, v in zip(groups, values, strict=True) for pair in zip(g, v, strict=True)]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def input_gradients(fn: Callable[[Any], Any], x: Any) -> Any:
    return jax.grad(lambda x: jax.numpy.sum(fn(x)))(x)


def joint_logs(values: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    return values


def xla_helps(model: keras.Model, layers: list[keras.layers.Layer]) -> bool:
    return True


@contextlib.contextmanager
def preserved_random_stream() -> Iterator[None]:
    yield


def is_traced(x: Any) -> bool:
    return isinstance(x, jax.core.Tracer)


def compiled(fn: Callable) -> Callable:
    return jax.jit(fn)


def accelerators() -> list[str]:
    return [d.device_kind for d in jax.devices() if d.platform != "cpu"]
