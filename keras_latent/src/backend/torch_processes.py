"""PyTorch in several processes (`torch.distributed`): together they take the steps of one."""

import contextvars
import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch
from torch import distributed

#: Rows of this process's part of the batch, within a train step.
_rows: contextvars.ContextVar[int] = contextvars.ContextVar("rows")
#: Optimizers whose first step has been prepared.
_started: weakref.WeakSet = weakref.WeakSet()
#: Distance of the seeds of two processes: far more than that of the seeds of two layers.
SEEDS_APART = 1_000_003


def several() -> bool:
    """Whether this process trains together with others."""
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def joint(train_step: Callable) -> Callable:
    """A train step after which the variables of all processes are equal.

    Seeds of noise and buffers of past images are not: each process has its own.
    """

    @functools.wraps(train_step)
    def step(self, data):
        if not several():
            return train_step(self, data)
        if self.optimizer not in _started:
            _start_equal(self)
            _started.add(self.optimizer)
        token = _rows.set(keras.tree.flatten(data)[0].shape[0])
        try:
            logs = train_step(self, data)
            _average_statistics(self)
        finally:
            _rows.reset(token)
        return logs

    return step


def _start_equal(model):
    """Copies the variables of the first process, and lets each process draw its own noise."""
    variables = [*model.variables, *model.optimizer.variables]
    shapes: list = [None] * distributed.get_world_size()
    distributed.all_gather_object(shapes, [tuple(v.shape) for v in variables])
    if any(other != shapes[0] for other in shapes):
        raise ValueError(
            "All processes must train the same model with the same optimizer: make and compile it "
            f"with the same arguments in each. Received: {len(variables)} variables in the process "
            f"of rank {distributed.get_rank()}, and others, or of other shapes, elsewhere"
        )
    for variable in variables:
        value = variable.value.detach()
        distributed.broadcast(value, 0)
        if variable.name == "seed_generator_state":
            value[0] += SEEDS_APART * distributed.get_rank()


def _average_statistics(model):
    """Averages what layers measure of their batches, such as moments of batch normalization.

    Variables of the aggregation `"only_first_replica"`, such as buffers of images, stay apart.
    """
    shared = [v for v in model.non_trainable_variables if v.aggregation != "only_first_replica"]
    values = [v.value for v in shared if v.value.is_floating_point()]
    if not values:
        return
    # In float64, the mean of equal numbers is that number: frozen weights do not change.
    means = _weighted_means([value.double() for value in values])
    with torch.no_grad():
        for value, mean in zip(values, means, strict=True):
            value.copy_(mean)


def mean_gradients(gradients: Sequence[Any], values: list[torch.Tensor]) -> list[Any]:
    """The gradients of all processes, averaged by their rows.

    Args:
        gradients: Those of this process, `None` where a variable was not used.
        values: The variables' values.

    Returns:
        Tensors, and `None` where no process used the variable.
    """
    if not several():
        return list(gradients)
    parts = [
        torch.zeros_like(value) if gradient is None else gradient
        for gradient, value in zip(gradients, values, strict=True)
    ]
    used = torch.tensor([float(g is not None) for g in gradients], device=parts[0].device)
    *means, shares = _weighted_means([*parts, used])
    return [m if share else None for m, share in zip(means, shares.tolist(), strict=True)]


def joint_logs(values: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Each scalar and its weight, over all processes if they take a train step together."""
    if not _rows.get(0):
        return values
    pairs = torch.stack([torch.stack([_double(x) for x in pair]) for pair in values.values()])
    value, weight = pairs.unbind(1)
    totals = torch.stack([value * weight, weight])
    distributed.all_reduce(totals)
    means = totals[0] / totals[1].clamp(min=1e-30)
    return dict(zip(values, zip(means.float(), totals[1].float(), strict=True), strict=True))


def _double(x):
    return keras.ops.cast(x, "float64").detach()


def _weighted_means(tensors):
    """Means over all processes, weighted by their rows, in one exchange."""
    rows = torch.ones_like(tensors[0].flatten()[:1])
    flat = torch.cat([t.flatten() for t in [rows, *tensors]]) * _rows.get(1)
    distributed.all_reduce(flat)
    means = (flat[1:] / flat[0]).split([t.numel() for t in tensors])
    return [mean.reshape(t.shape) for mean, t in zip(means, tensors, strict=True)]
