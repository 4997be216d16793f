"""What tests share: gradients and compilation of a backend, and what a run leaves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np


def gradients(fn: Callable[..., Any], *inputs: Any) -> list[np.ndarray]:
    """The gradients of the sum of `fn(*inputs)` with respect to each input."""
    tensors = [keras.ops.convert_to_tensor(np.asarray(x, dtype="float32")) for x in inputs]
    total = lambda *args: keras.ops.sum(fn(*args))  # noqa: E731
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = total(*tensors)
        found = tape.gradient(loss, tensors, unconnected_gradients="zero")
    elif keras.backend.backend() == "jax":
        import jax

        found = jax.jit(jax.grad(total, argnums=tuple(range(len(tensors)))))(*tensors)
    else:
        import torch

        tensors = [tensor.requires_grad_() for tensor in tensors]
        loss = total(*tensors)
        if loss.requires_grad:
            found = torch.autograd.grad(loss, tensors, allow_unused=True, materialize_grads=True)
        else:
            found = [torch.zeros_like(tensor) for tensor in tensors]
    return [keras.ops.convert_to_numpy(gradient) for gradient in found]


def torch_gradients(fn: Callable[..., Any], *inputs: Any) -> list[np.ndarray]:
    """The same with PyTorch in float64, whatever the backend: the oracle."""
    import torch

    tensors = [torch.tensor(np.asarray(x), dtype=torch.float64, device="cpu") for x in inputs]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    return [g.numpy() for g in torch.autograd.grad(fn(*tensors).sum(), tensors)]


def compiled(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` compiled by XLA on TensorFlow and JAX; as it is on PyTorch."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(fn, jit_compile=True)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(fn)
    return fn


def to_numpy(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def assert_overwritten(out: Path) -> None:
    """`--overwrite` knows all that the run in this folder has written."""
    from keras_latent.src.applications.running.run_directory import RunDirectory

    there = {path for path in out.rglob("*") if path.is_file()}
    with RunDirectory(out, json.loads((out / "run.json").read_text())) as directory:
        assert there <= set(directory.made())
