"""One train step, three backends: the only file that branches on the backend.

Keras hands a model's `train_step` its data on TensorFlow and PyTorch, where
variables are assigned in place, and `(state, data)` on JAX, where the step must
be a pure function. `portable` lets one definition serve all three, and
`apply_gradients_of` is the one step that each framework writes differently: the
loss, its gradients with respect to some of the variables, and the update.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, Literal

import keras

BACKEND = keras.backend.backend()

if BACKEND == "jax":
    import jax
elif BACKEND == "tensorflow":
    import tensorflow as tf
elif BACKEND == "torch":
    import torch
else:
    raise ImportError(
        "keras_latent trains on the tensorflow, jax and torch backends of Keras. "
        f"Received: KERAS_BACKEND={BACKEND!r}"
    )


def portable(step: Callable) -> Callable:
    """Makes a method written as `step(self, data)` a Keras `train_step` or `test_step`.

    On JAX the step runs in a `keras.StatelessScope` over the state that Keras hands
    in, so that reading and assigning variables, seed generators and metrics works as
    on the other backends, and the new values are returned as the new state. On
    TensorFlow and PyTorch the method is returned unchanged.

    Args:
        step: A method `step(self, data)` that returns a dict of logs.

    Returns:
        The method that Keras calls. A subclass reaches it with
        `super().train_step(data)` on every backend.

    Example:

    >>> import keras
    >>> from keras_latent import training
    >>> class MyModel(training.PortableModel):
    ...     @training.portable
    ...     def train_step(self, data):
    ...         return self.get_metrics_result()
    """
    if BACKEND != "jax":
        return step

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


def apply_gradients_of(
    loss_fn: Callable[[], tuple[Any, Any]],
    variables: list[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
    others: list[keras.Variable],
) -> tuple[Any, Any]:
    """Evaluates a loss, differentiates it and lets the optimizer update the variables.

    The loss is scaled by the optimizer inside the gradient (mixed precision), and
    divided by the number of replicas under `tf.distribute`, which sums gradients.

    Args:
        loss_fn: Called once, without arguments; returns a scalar loss, in nats or
            whatever the model's objective is in, and anything else (`aux`).
        variables: The variables to update, in the order `optimizer` was built with.
        optimizer: A built optimizer.
        others: All other variables that `loss_fn` may read or assign.

    Returns:
        `(loss, aux)` as `loss_fn` returned them.
    """
    return _IMPLEMENTATION[BACKEND](loss_fn, variables, optimizer, others)


def _apply_tensorflow(loss_fn, variables, optimizer, others):
    values = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, aux = loss_fn()
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scaled = optimizer.scale_loss(loss / replicas)
    optimizer.apply(tape.gradient(scaled, values), variables)
    return loss, aux


def _apply_torch(loss_fn, variables, optimizer, others):
    loss, aux = loss_fn()
    values = [v.value for v in variables]
    gradients = torch.autograd.grad(optimizer.scale_loss(loss), values, allow_unused=True)
    with torch.no_grad():
        optimizer.apply(list(gradients), variables)
    return loss, aux


def _apply_jax(loss_fn, variables, optimizer, others):
    def objective(values, other_values):
        # Reads come from the given values, and what the loss assigns (seeds, moments of
        # batch normalisation, metrics) is caught here, to leave the gradient as `aux`.
        mapping = _pairs([variables, others], [values, other_values])
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            loss, aux = loss_fn()
            scaled = optimizer.scale_loss(loss)
        return scaled, (loss, aux, [scope.get_current_value(v) for v in others])

    gradient_fn = jax.value_and_grad(objective, has_aux=True)
    values = [v.value for v in variables]
    (_, (loss, aux, other_values)), gradients = gradient_fn(values, [v.value for v in others])
    _assign(others, other_values)
    # `stateless_apply`, because `apply` assigns inside `cond` where losses are scaled.
    values, slots = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], gradients, values
    )
    _assign(variables, values)
    _assign(optimizer.variables, slots)
    return loss, aux


_IMPLEMENTATION = {"tensorflow": _apply_tensorflow, "jax": _apply_jax, "torch": _apply_torch}


def apply_gradients_of_each(
    loss_fn: Callable[[], tuple[list[Any], Any]],
    groups: list[tuple[list[keras.Variable], keras.optimizers.Optimizer]],
    others: list[keras.Variable],
) -> tuple[list[Any], Any]:
    """Evaluates several losses at once; each optimizer then moves its variables by its own loss.

    What the losses have in common is computed once, and all gradients are those of the
    weights before the step. Optimizers may share variables: they move them one after the other.

    Args:
        loss_fn: Called without arguments; returns a list of scalar losses and anything else.
        groups: For each loss, the variables to update, in the order its optimizer was built
            with, and that built optimizer.
        others: All variables that `loss_fn` may read or assign, but no optimizer updates.

    Returns:
        `(losses, aux)` as `loss_fn` returned them.
    """
    return _IMPLEMENTATION_OF_EACH[BACKEND](loss_fn, groups, others)


def _apply_each_tensorflow(loss_fn, groups, others):
    # Persistent: asked once for each loss, and goes through no more than that loss depends on.
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch([v.value for variables, _ in groups for v in variables])
        losses, aux = loss_fn()
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        scaled = [
            optimizer.scale_loss(loss / replicas)
            for loss, (_, optimizer) in zip(losses, groups, strict=True)
        ]
    gradients = [
        tape.gradient(loss, [v.value for v in variables])
        for loss, (variables, _) in zip(scaled, groups, strict=True)
    ]
    for gradient, (variables, optimizer) in zip(gradients, groups, strict=True):
        optimizer.apply(gradient, variables)
    return losses, aux


def _apply_each_torch(loss_fn, groups, others):
    losses, aux = loss_fn()
    gradients = [
        torch.autograd.grad(
            optimizer.scale_loss(loss),
            [v.value for v in variables],
            retain_graph=True,
            allow_unused=True,
        )
        for loss, (variables, optimizer) in zip(losses, groups, strict=True)
    ]
    with torch.no_grad():
        for gradient, (variables, optimizer) in zip(gradients, groups, strict=True):
            optimizer.apply(list(gradient), variables)
    return losses, aux


def _apply_each_jax(loss_fn, groups, others):
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
        # leaves out what loss `i` does not depend on.
        found.append(jax.grad(objective, has_aux=True)([v.value for v in variables]))
    losses, aux, other_values = found[0][1]
    _assign(others, other_values)
    for (gradients, _), (variables, optimizer) in zip(found, groups, strict=True):
        values, slots = optimizer.stateless_apply(
            [v.value for v in optimizer.variables], gradients, [v.value for v in variables]
        )
        _assign(variables, values)
        _assign(optimizer.variables, slots)
    return losses, aux


_IMPLEMENTATION_OF_EACH = {
    "tensorflow": _apply_each_tensorflow,
    "jax": _apply_each_jax,
    "torch": _apply_each_torch,
}


def _pairs(groups, values):
    return [pair for g, v in zip(groups, values, strict=True) for pair in zip(g, v, strict=True)]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def input_gradients(fn: Callable[[Any], Any], x: Any) -> Any:
    """Gradient of the sum of `fn(x)` with respect to `x`, itself differentiable.

    For penalties on gradients (R1, WGAN-GP). `fn` may read variables but not assign any:
    no batch normalisation, dropout or noise in training mode.

    Args:
        fn: Function of one float tensor.
        x: Float tensor `(batch, ...)`.

    Returns:
        Tensor of the shape of `x`.
    """
    if BACKEND == "jax":
        return jax.grad(lambda x: jax.numpy.sum(fn(x)))(x)
    if BACKEND == "tensorflow":
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(fn(x))
        return tape.gradient(total, x)
    with torch.enable_grad():  # which `evaluate` turns off
        x = x.detach().requires_grad_()
        return torch.autograd.grad(fn(x).sum(), x, create_graph=True)[0]


CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)


def _convolves(layer):
    return isinstance(layer, CONVOLUTIONS) or getattr(layer, "convolves", False)


def default_jit_compile(model: keras.Model) -> bool:
    """Whether `jit_compile="auto"` means XLA: always, where Keras can and it is no loss.

    Keras itself leaves XLA out on a TensorFlow without accelerators; the models here
    have static shapes and gain from it there too, but for convolutions, which oneDNN does
    faster on a CPU (`benchmarks/speed_lstnet.py --xla` compares them). A layer of one's own
    that convolves says so by an attribute `convolves = True`. PyTorch runs eagerly, as in
    Keras.
    """
    if BACKEND == "torch":
        return False
    layers = [model]
    for layer in layers:  # grows while it is walked
        layers.extend(getattr(layer, "layers", []))
    if BACKEND == "tensorflow":
        if model.distribute_strategy.num_replicas_in_sync > 1:
            return False
        on_cpu = not tf.config.list_logical_devices("GPU")
        if on_cpu and any(map(_convolves, layers)):
            return False
    return all(layer.supports_jit for layer in layers)


@contextlib.contextmanager
def random_stream_kept() -> Iterator[None]:
    """Gives PyTorch's global stream of random numbers back as it was.

    Its loader of batches draws a seed for every pass over data, that of `predict` too, and
    Keras shuffles the arrays of `fit` by the same stream: predictions in a callback would
    change the training. On the other backends there is nothing to do.
    """
    with torch.random.fork_rng(devices=()) if BACKEND == "torch" else contextlib.nullcontext():
        yield


def native_pipeline() -> Literal["tf", "numpy"]:
    """The kind of input pipeline that the backend's trainer takes without conversion.

    Returns:
        `"tf"` (a `tf.data.Dataset`) on TensorFlow, `"numpy"` (a
        `keras.utils.PyDataset`, which needs no TensorFlow) on JAX and PyTorch.
    """
    return "tf" if BACKEND == "tensorflow" else "numpy"
