"""PyTorch: steps run eagerly, and gradients come from autograd."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import torch

from keras_latent.src.backend import torch_processes

PIPELINE = "numpy"
conv = keras.ops.conv
conv_transpose = keras.ops.conv_transpose
EXPORT_PACKAGES = {"onnx": ("onnx",)}

joint_logs = torch_processes.joint_logs


def as_keras_step(step: Callable) -> Callable:
    return torch_processes.joint(step) if getattr(step, "__name__", "") == "train_step" else step


def minimize(
    loss_fn: Callable[[], tuple[Any, Any]],
    variables: list[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
    others: list[keras.Variable],
) -> tuple[Any, Any]:
    loss, aux = loss_fn()
    values = [v.value for v in variables]
    gradients = torch.autograd.grad(optimizer.scale_loss(loss), values, allow_unused=True)
    with torch.no_grad():
        optimizer.apply(torch_processes.mean_gradients(gradients, values), variables)
    return loss, aux


def minimize_each(
    loss_fn: Callable[[], tuple[list[Any], Any]],
    groups: list[tuple[list[keras.Variable], keras.optimizers.Optimizer]],
    others: list[keras.Variable],
) -> tuple[list[Any], Any]:
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
            values = [v.value for v in variables]
            optimizer.apply(torch_processes.mean_gradients(gradient, values), variables)
    return losses, aux


def input_gradients(fn: Callable[[Any], Any], x: Any) -> Any:
    with torch.enable_grad():  # which `evaluate` turns off
        x = x.detach().requires_grad_()
        return torch.autograd.grad(fn(x).sum(), x, create_graph=True)[0]


def xla_helps(model: keras.Model, layers: list[keras.layers.Layer]) -> bool:
    return False


def preserved_random_stream() -> contextlib.AbstractContextManager[Any]:
    # PyTorch's data loader draws a seed from the global stream for every pass over data, also in
    # `predict`, and Keras shuffles the arrays of `fit` by the same stream. So a callback that
    # predicts would change the training.
    return torch.random.fork_rng(devices=())


def is_traced(x: Any) -> bool:
    return False


def compiled(fn: Callable) -> Callable:
    return fn


def accelerators() -> list[str]:
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
