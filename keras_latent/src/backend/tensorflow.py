"""TensorFlow: variables are assigned in place, and gradients come from a tape."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

PIPELINE = "tf"
conv = keras.ops.conv
conv_transpose = keras.ops.conv_transpose
EXPORT_PACKAGES = {"tf_saved_model": ("tensorflow",), "onnx": ("onnx", "tf2onnx")}
CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)


def as_keras_step(step: Callable) -> Callable:
    return step


def minimize(
    loss_fn: Callable[[], tuple[Any, Any]],
    variables: list[keras.Variable],
    optimizer: keras.optimizers.Optimizer,
    others: list[keras.Variable],
) -> tuple[Any, Any]:
    values = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, aux = loss_fn()
        scaled = optimizer.scale_loss(loss / _replicas())
    optimizer.apply(tape.gradient(scaled, values), variables)
    return loss, aux


def minimize_each(
    loss_fn: Callable[[], tuple[list[Any], Any]],
    groups: list[tuple[list[keras.Variable], keras.optimizers.Optimizer]],
    others: list[keras.Variable],
) -> tuple[list[Any], Any]:
    # A persistent tape is asked once per loss, and walks only what that loss depends on.
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch([v.value for variables, _ in groups for v in variables])
        losses, aux = loss_fn()
        scaled = [
            optimizer.scale_loss(loss / _replicas())
            for loss, (_, optimizer) in zip(losses, groups, strict=True)
        ]
    gradients = [
        tape.gradient(loss, [v.value for v in variables])
        for loss, (variables, _) in zip(scaled, groups, strict=True)
    ]
    for gradient, (variables, optimizer) in zip(gradients, groups, strict=True):
        optimizer.apply(gradient, variables)
    return losses, aux


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def input_gradients(fn: Callable[[Any], Any], x: Any) -> Any:
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(fn(x))
    return tape.gradient(total, x)


def joint_logs(values: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    return values


def xla_helps(model: keras.Model, layers: list[keras.layers.Layer]) -> bool:
    # On a CPU, oneDNN convolves faster than XLA (`benchmarks/speed_lstnet.py --xla`).
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return False
    return bool(tf.config.list_logical_devices("GPU")) or not any(map(_convolves, layers))


def _convolves(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, CONVOLUTIONS) or getattr(layer, "convolves", False)


@contextlib.contextmanager
def preserved_random_stream() -> Iterator[None]:
    yield


def is_traced(x: Any) -> bool:
    return not tf.executing_eagerly()


def compiled(fn: Callable) -> Callable:
    return tf.function(fn, jit_compile=True, autograph=False)


def accelerators() -> list[str]:
    details = tf.config.experimental.get_device_details
    gpus = tf.config.list_physical_devices("GPU")
    return [details(gpu).get("device_name", "GPU") for gpu in gpus]
