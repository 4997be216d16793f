"""Stops a training at the first loss that is not finite."""

import math
import warnings
from typing import Any

import keras
import numpy as np

from keras_latent.src.utils import checks

ADVICE = (
    "Try a smaller learning rate, or clip gradients with `clipnorm=1.0` of the optimizer. Check "
    "that all of the data is finite and in range."
)
HALF = " Under `mixed_float16`, values above 65,504 are infinite: try `mixed_bfloat16`."


class StopAtNaN(keras.callbacks.Callback):
    """Stops a training at the first loss that is NaN or infinite, and restores the last weights.

    `fit` of every model adds this callback first, unless it is given one, or Keras's
    `TerminateOnNaN`. After each batch it looks at the logs named `loss` or `..._loss`, and after
    each epoch at the weights.

    The error names the epoch, the step, and what became NaN or infinite first. Before it is raised,
    the model, its optimizer and its streams of random numbers get back the values they had at the
    end of the last good epoch, or before the training. An optimizer with `use_ema` then averages
    the weights, as at the end of every training. `model.history` has the good epochs.

    Args:
        action: `"raise"` a `RuntimeError`, or `"warn"` once and continue.
        restore: Whether to keep a copy of the last good weights and of the state of the optimizer,
            in host memory.

    Raises:
        ValueError: If `action` is unknown.

    Example:

    >>> import keras, numpy as np
    >>> from keras_latent import models
    >>> vae = models.VAE.from_preset("vae_mnist", load_weights=False)
    >>> vae.compile(keras.optimizers.SGD(1e6))  # far too large
    >>> x = np.random.default_rng(0).random((64, 28, 28, 1), "float32")
    >>> try:
    ...     vae.fit(x, epochs=5, verbose=0)
    ... except RuntimeError as error:
    ...     print("stopped" if "epoch 1" in str(error) else error)
    stopped
    """

    #: Keras may run it in a thread beside the training (TensorFlow, JAX), which then does not wait.
    async_safe = True
    #: `fit` does not add it beside one of these.
    replaced_by = (keras.callbacks.TerminateOnNaN,)

    def __init__(self, action: str = "raise", *, restore: bool = True):
        super().__init__()
        self.action = checks.choice("action", action, ("raise", "warn"))
        self.restore = checks.flag("restore", restore)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._step: int | None = None  # the first bad one, from 0
        self._bad: dict[str, float] = {}
        self._epoch, self._good, self._warned = 0, 0, False
        self._kept: dict[int, tuple[keras.Variable, np.ndarray]] = {}
        model = self.model
        model.optimizer.build(model.trainable_variables)  # which TensorFlow does in the first step

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch
        if not self._kept:  # after all `on_train_begin`, of which one may load weights
            self._good = epoch
            self._keep()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # The logs are means over the epoch so far: one NaN stays. Batches may come out of order.
        bad = {k: v for k, v in (logs or {}).items() if _is_bad(v)}
        if any(map(_is_loss, bad)) and (self._step is None or batch < self._step):
            self._step, self._bad = batch, bad

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._step is not None:
            self._stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._step is not None:
            self._stop()
        elif not self._weights_are_finite():
            self._bad = {}
            self._stop()
        else:
            self._good = epoch + 1
            self._keep()

    def _weights_are_finite(self) -> bool:
        return all(
            np.isfinite(keras.ops.convert_to_numpy(v)).all() for v in self.model.trainable_variables
        )

    def _keep(self) -> None:
        """Copies the state of the training."""
        if not self.restore or self.action == "warn":
            return
        model = self.model
        for variable in (*model.variables, *model.optimizer.variables):
            value = keras.ops.convert_to_numpy(variable)
            if id(variable) in self._kept:
                np.copyto(self._kept[id(variable)][1], value)
            else:
                self._kept[id(variable)] = variable, np.array(value)

    def _stop(self) -> None:
        if self.action == "warn":
            if not self._warned:
                warnings.warn(self._message(), RuntimeWarning, stacklevel=2)
            self._warned = True
            return
        model = self.model  # on JAX, this moves the training's state into the variables
        for variable, value in self._kept.values():
            variable.assign(value)
        if self._kept:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        raise RuntimeError(self._message())

    def _message(self) -> str:
        place = f"epoch {self._epoch + 1}"
        if self._bad:
            # In the order of the model's terms. A loss is the sum of others.
            order = [m.name for m in self.model.metrics]
            names = sorted(self._bad, key=lambda k: order.index(k) if k in order else len(order))
            terms = [k for k in names if k != "loss"] or names
            what = ", ".join(f"`{k}` is {self._bad[k]}" for k in terms[:3])
            what += f", and {len(terms) - 3} more logs" if len(terms) > 3 else ""
            what = f"{what}, from step {(self._step or 0) + 1} of {place}"
        else:
            what = f"the last step of {place} made weights NaN or infinite"
        restored = ""
        if self._kept:
            good = f"from the end of epoch {self._good}" if self._good else "from before `fit`"
            restored = f" The model has its weights {good}."
        half = HALF if self.model.dtype_policy.compute_dtype == "float16" else ""
        return f"The training became NaN or infinite: {what}.{restored} {ADVICE}{half}"


def _is_bad(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _is_loss(name: str) -> bool:
    return name == "loss" or name.endswith("_loss")
