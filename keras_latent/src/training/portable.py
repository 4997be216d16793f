"""Functions that let one definition of a train step run on every backend."""

from collections.abc import Callable
from typing import Literal

import keras

from keras_latent.src import backend
from keras_latent.src.ops.casting import to_tensor
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor


def portable(step: Callable) -> Callable:
    """Makes a method `step(self, data)` a Keras `train_step` or `test_step`.

    Keras calls a model's `train_step` with the data on TensorFlow and PyTorch, where variables are
    assigned in place. On JAX it calls it with `(state, data)` and expects a pure function. There,
    the decorated step runs in a `keras.StatelessScope` over that state, and returns the new state.

    Args:
        step: A method `step(self, data)` that returns a dict of logs.

    Returns:
        The method that Keras calls. A subclass reaches it with `super().train_step(data)` on
        every backend.

    Raises:
        ValueError: If `step` is not a function.

    Example:

    >>> import keras
    >>> from keras_latent import training
    >>> class MyModel(training.PortableModel):
    ...     @training.portable
    ...     def train_step(self, data):
    ...         return self.get_metrics_result()
    """
    return backend.as_keras_step(checks.function("step", step))


def input_gradients(fn: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Gradient of the sum of `fn(x)` with respect to `x`. It can be differentiated again.

    Used for gradient penalties (R1, WGAN-GP). `fn` may read variables but must not assign any: no
    batch normalization, dropout or noise in training mode.

    Args:
        fn: Function of one float tensor.
        x: Float tensor `(batch, ...)`.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        ValueError: If `fn` is not a function, or `x` does not hold floats.
    """
    return backend.input_gradients(checks.function("fn", fn), to_tensor("x", x))


def native_pipeline() -> Literal["tf", "numpy"]:
    """The kind of input pipeline that the backend's trainer takes without conversion.

    Returns:
        `"tf"` (a `tf.data.Dataset`) on TensorFlow, `"numpy"` (a `keras.utils.PyDataset`, which
        needs no TensorFlow) on JAX and PyTorch.
    """
    return backend.PIPELINE


def default_jit_compile(model: keras.Model) -> bool:
    """What `jit_compile="auto"` means for a model: whether XLA makes it faster.

    Keras itself does not use XLA on TensorFlow without an accelerator. The models here have static
    shapes and gain from it there too, except for convolutions, which oneDNN runs faster on a CPU.
    If a custom layer convolves, set its attribute `convolves = True`. PyTorch runs eagerly, as in
    Keras.
    """
    layers = [model]
    for layer in layers:  # the list grows while it is walked
        layers.extend(getattr(layer, "layers", []))
    return backend.xla_helps(model, layers) and all(layer.supports_jit for layer in layers)
