"""Two-dimensional convolutions whose gradients XLA computes fast on CPUs.

JAX differentiates a strided convolution by convolutions of inputs that are interleaved with zeros,
and the kernel of a transposed one by a convolution with a kernel as large as the image, over such
inputs. On CPUs, XLA multiplies all these zeros. Here, a convolution, its transpose and the gradient
of its kernel are three functions of two tensors each. The derivatives of each are the other two.
So any derivative in reverse mode consists of them. Platforms other than CPUs run XLA's own forms.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import keras
from jax import lax
from jax import numpy as jnp

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """A strided convolution, from `sizes` to `outputs`. Everything is `(height, width)`."""

    sizes: tuple[int, ...]
    outputs: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    before: tuple[int, ...]

    @property
    def padding(self) -> list[tuple[int, int]]:
        """Zeros before and after. A negative number after: what no output reads."""
        return [
            (before, (output - 1) * stride + kernel - size - before)
            for size, output, kernel, stride, before in zip(*self, strict=True)
        ]


def conv(
    inputs: Any,
    kernel: Any,
    strides: Sequence[int],
    padding: str,
    data_format: str,
    dilation_rate: Sequence[int],
) -> Any:
    """`keras.ops.conv`."""
    size, window = inputs.shape[1:-1], kernel.shape[:-2]
    if (
        not _is_plain(inputs, data_format, dilation_rate)
        or padding not in ("same", "valid")
        or inputs.shape[-1] != kernel.shape[-2]
        or (padding == "valid" and any(n < k for n, k in zip(size, window, strict=True)))
    ):
        return keras.ops.conv(inputs, kernel, strides, padding, data_format, dilation_rate)
    outputs, before = [], []
    for n, k, s in zip(size, window, strides, strict=True):
        outputs.append(-(-n // s) if padding == "same" else (n - k) // s + 1)
        before.append(max((outputs[-1] - 1) * s + k - n, 0) // 2 if padding == "same" else 0)
    shape = Geometry(size, tuple(outputs), window, tuple(strides), tuple(before))
    kernel = keras.ops.convert_to_tensor(kernel)
    return _conv(keras.ops.convert_to_tensor(inputs, kernel.dtype), kernel, shape)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Sequence[int],
    padding: str,
    output_padding: Sequence[int] | None,
    data_format: str,
    dilation_rate: Sequence[int],
) -> Any:
    """`keras.ops.conv_transpose`."""
    size, window = inputs.shape[1:-1], kernel.shape[:-2]
    if not _is_plain(inputs, data_format, dilation_rate) or output_padding is not None:
        return keras.ops.conv_transpose(
            inputs, kernel, strides, padding, output_padding, data_format, dilation_rate
        )
    pairs = list(zip(size, window, strides, strict=True))
    if padding == "same":
        sizes = [n * s for n, _, s in pairs]
        before = [max(k - s, 0) // 2 for _, k, s in pairs]
    else:
        sizes, before = [(n - 1) * s + max(k, s) for n, k, s in pairs], [0 for _ in pairs]
    shape = Geometry(tuple(sizes), size, window, tuple(strides), tuple(before))
    inputs = keras.ops.convert_to_tensor(inputs)
    return _conv_transpose(inputs, keras.ops.convert_to_tensor(kernel), shape)


def _is_plain(inputs, data_format, dilation_rate):
    known = all(isinstance(n, int) and n > 0 for n in inputs.shape[1:])
    return known and data_format == "channels_last" and max(dilation_rate) == 1


def _with_derivatives(fn: Callable) -> Callable:
    """`fn(a, b, geometry)`, linear in `a` and in `b`, with derivatives from `_DERIVATIVES`."""
    differentiable = jax.custom_vjp(fn, nondiff_argnums=(2,))

    def backward(shape, operands, gradient):
        return tuple(by(*operands, gradient, shape) for by in _DERIVATIVES[fn.__name__])

    differentiable.defvjp(lambda a, b, shape: (fn(a, b, shape), (a, b)), backward)
    # Outside of compiled functions, each geometry is compiled once.
    return functools.wraps(fn)(jax.jit(differentiable, static_argnums=2))


def _xla_conv(x, kernel, shape):
    return lax.conv_general_dilated(
        x, kernel, shape.strides, shape.padding, dimension_numbers=DIMENSIONS
    )


@_with_derivatives
def _conv(x, kernel, shape):
    """`(batch, *sizes, channels)` to `(batch, *outputs, filters)`."""
    return _xla_conv(x, kernel, shape)


@_with_derivatives
def _conv_transpose(y, kernel, shape):
    """`(batch, *outputs, filters)` to `(batch, *sizes, channels)`."""
    if math.prod(shape.strides) == 1:
        return _xla_conv_transpose(y, kernel, shape)
    return _on_cpu(_by_phases, _xla_conv_transpose, y, kernel, shape)


@_with_derivatives
def _kernel_gradient(x, y, shape):
    """The gradient of `sum(y * _conv(x, kernel))` with respect to the kernel."""
    return _xla_kernel_gradient(x, y, shape)


#: Of each function `fn(a, b)` and a gradient `c`: the gradients with respect to `a` and `b`.
_DERIVATIVES: dict[str, Any] = {
    "_conv": (
        lambda x, kernel, y, shape: _conv_transpose(y, kernel, shape),
        lambda x, kernel, y, shape: _kernel_gradient(x, y, shape),
    ),
    "_conv_transpose": (
        lambda y, kernel, x, shape: _conv(x, kernel, shape),
        lambda y, kernel, x, shape: _kernel_gradient(x, y, shape),
    ),
    "_kernel_gradient": (
        lambda x, y, kernel, shape: _conv_transpose(y, kernel, shape),
        lambda x, y, kernel, shape: _conv(x, kernel, shape),
    ),
}


def _on_cpu(fast, default, a, b, shape):
    """`fast(a, b, shape)` in programs for CPUs, `default(a, b, shape)` in others."""
    branches = {"cpu": fast, "default": default}
    return lax.platform_dependent(
        a, b, **{name: functools.partial(fn, shape=shape) for name, fn in branches.items()}
    )


def _xla_conv_transpose(y, kernel, shape):
    x = jax.ShapeDtypeStruct((y.shape[0], *shape.sizes, kernel.shape[-2]), y.dtype)
    return jax.linear_transpose(lambda x: _xla_conv(x, kernel, shape), x)(y)[0]


def _xla_kernel_gradient(x, y, shape):
    kernel = jax.ShapeDtypeStruct((*shape.kernel, x.shape[-1], y.shape[-1]), y.dtype)
    return jax.linear_transpose(lambda kernel: _xla_conv(x, kernel, shape), kernel)(y)[0]


def _by_phases(y, kernel, shape):
    """A convolution for every position within a block of `strides` outputs, without zeros.

    Position `t * stride + a` of the result is the sum of `y[t + first - m] * kernel[r + m *
    stride]` over `m`, with `first, r = divmod(a + before, stride)` (Crochiere and Rabiner,
    "Multirate Digital Signal Processing", 1983, section 3.3).
    """
    blocks = [-(-size // stride) for size, stride in zip(shape.sizes, shape.strides, strict=True)]

    def taps(axis, a):
        first, r = divmod(a + shape.before[axis], shape.strides[axis])
        count = len(range(r, shape.kernel[axis], shape.strides[axis]))
        padding = (count - 1 - first, first + blocks[axis] - shape.outputs[axis])
        return slice(r, None, shape.strides[axis]), padding, count

    def phase(a, b):
        (rows, above, height), (columns, left, width) = taps(0, a), taps(1, b)
        if not height * width:  # a kernel smaller than the strides does not reach it
            return jnp.zeros((y.shape[0], *blocks, kernel.shape[-2]), y.dtype)
        part = kernel[rows, columns][::-1, ::-1].swapaxes(2, 3)
        return lax.conv_general_dilated(
            y, part, (1, 1), [above, left], dimension_numbers=DIMENSIONS
        )

    down, right = shape.strides
    rows = [jnp.stack([phase(a, b) for b in range(right)], 3) for a in range(down)]
    x = jnp.stack(rows, 2).reshape(y.shape[0], blocks[0] * down, blocks[1] * right, -1)
    return x[:, : shape.sizes[0], : shape.sizes[1]]
