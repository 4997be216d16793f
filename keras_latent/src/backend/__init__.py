"""The running Keras backend. Nothing else in the library asks which one it is.

`tensorflow.py`, `jax.py` and `torch.py` define the same names:

- `PIPELINE`: `"tf"` or `"numpy"`, the input pipeline that the trainer takes without conversion.
- `EXPORT_PACKAGES`: each format that this backend can export to, and the packages it needs.
- `as_keras_step(step)`: a method `step(self, data)` as Keras calls it for each batch.
- `minimize(loss_fn, variables, optimizer, others)`: one update of `variables`. `loss_fn()` returns
  a scalar loss and anything else, and so does `minimize`. `others` are all other variables that
  `loss_fn` may read or assign. The loss is scaled by the optimizer inside the gradient (mixed
  precision) and divided by the number of replicas under `tf.distribute`, which sums gradients.
- `minimize_each(loss_fn, groups, others)`: the same for several losses of one forward pass.
  `loss_fn()` returns a list of losses and anything else. `groups` holds the variables and the
  optimizer of each loss. All gradients are taken before the first update. Optimizers may share
  variables.
- `input_gradients(fn, x)`: the gradient of the sum of `fn(x)` with respect to `x`.
- `joint_logs(values)`: each scalar of a step and its weight, over all processes that take the
  step together. Only PyTorch leaves this to the library.
- `xla_helps(model, layers)`: whether a model with these layers runs faster with XLA.
- `preserved_random_stream()`: a context manager that restores the global random stream.
- `is_traced(x)`: whether a function that XLA can compile is being traced.
- `compiled(fn)`: `fn` compiled by XLA.
- `conv(inputs, kernel, strides, padding, data_format, dilation_rate)`, and `conv_transpose(...)`
  with `output_padding` after `padding`: those of `keras.ops` in two dimensions. `strides` and
  `dilation_rate` are pairs.
- `accelerators()`: names of the devices other than CPUs.
"""

import importlib
from typing import Any

import keras

NAME = keras.backend.backend()
if NAME not in ("tensorflow", "jax", "torch"):
    raise ImportError(
        "keras_latent runs on the tensorflow, jax and torch backends of Keras. "
        f"Received: KERAS_BACKEND={NAME!r}"
    )
_module: Any = importlib.import_module(f"{__name__}.{NAME}")

PIPELINE = _module.PIPELINE
EXPORT_PACKAGES = _module.EXPORT_PACKAGES
as_keras_step = _module.as_keras_step
minimize = _module.minimize
minimize_each = _module.minimize_each
input_gradients = _module.input_gradients
joint_logs = _module.joint_logs
xla_helps = _module.xla_helps
preserved_random_stream = _module.preserved_random_stream
is_traced = _module.is_traced
compiled = _module.compiled
conv = _module.conv
conv_transpose = _module.conv_transpose
accelerators = _module.accelerators
