"""A Keras model that checks its data: what it takes is declared once."""

import inspect
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_latent.src.training import batches
from keras_latent.src.training.batches import BatchSpec

FIT = inspect.signature(keras.Model.fit)


class CheckedModel(keras.Model):
    """Checks what `fit`, `evaluate` and `predict` are given against `batch_spec`.

    Shapes are checked when a step is traced as well, and values before the first step.
    """

    @property
    def batch_spec(self) -> BatchSpec | None:
        """What a batch must be; `None`: it is not checked."""
        return None

    @property
    def predict_spec(self) -> BatchSpec | None:
        """What `predict` takes."""
        return self.batch_spec

    def default_callbacks(self) -> list[keras.callbacks.Callback]:
        """Callbacks that `fit` adds, unless it is given one of the same class."""
        return []

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        """Raises or warns about data that fits `batch_spec` and still cannot be trained on.

        Args:
            x: The inputs: all rows, or the first batch, in host memory.
            y: The labels.
            sizes: Rows of the training batches, as far as known; empty in `evaluate`.
        """

    def check_inputs(self, x: Any) -> None:
        """Raises `ValueError` unless `x`, in host memory, is what `predict` takes."""
        if self.predict_spec is not None:
            self.predict_spec.check_inputs(type(self).__name__, x, values=True)

    def require_compiled(self) -> None:
        """Raises `ValueError` unless `compile` was called."""
        if not self.compiled:
            raise ValueError(
                f"Call `model.compile()` first. Without arguments, this `{type(self).__name__}` "
                "uses the optimizer of its paper."
            )

    def _checked(self, x, y, peek=True, train=False, batch_size=None, validation_split=None):
        """`x` for Keras, after a check of its rows or of its first batch."""
        if self.batch_spec is None:
            return x
        x, batch, whole = batches.first_batch(x, y, peek)
        if batch is None:
            return x
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(batch)
        inputs, labels = batches.as_numpy(inputs), batches.as_numpy(labels)
        self.batch_spec.check(type(self).__name__, inputs, labels, values=True)
        rows = len(keras.tree.flatten(inputs)[0])
        if whole:
            rows = batches.check_equal_rows(inputs)
        sizes = batches.batch_sizes(rows, whole, batch_size, validation_split) if train else ()
        self.check_data(inputs, labels, sizes)
        return x

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.fit`. Arrays, or the first batch of a dataset, are checked first.

        Raises:
            ValueError: If the model is not compiled, or cannot be trained on such data.
        """
        self.require_compiled()
        try:
            given = FIT.bind(self, x, y, *args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.fit() {error}") from None
        del given["self"]
        if given.get("sample_weight") is not None:
            self._refuse_sample_weight()
        sizes = {key: given.get(key) for key in ("batch_size", "validation_split")}
        given["x"] = self._checked(x, y, train=True, **sizes)
        callbacks = given.get("callbacks")
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [] if callbacks is None else list(keras.tree.flatten(callbacks))
            kinds = tuple(type(callback) for callback in callbacks)
            given["callbacks"] = callbacks + [
                callback
                for callback in self.default_callbacks()
                if not any(issubclass(kind, type(callback)) for kind in kinds)
            ]
        history = super().fit(**given)
        members = getattr(self.optimizer, "optimizers", [self.optimizer])
        if any(member.use_ema for member in members):
            # Keras has replaced the weights by their averages, on JAX by the same arrays. A
            # second `fit` would donate each of them twice, which JAX refuses.
            for variable in self.trainable_variables:
                variable.assign(ops.copy(variable.value))
        return history

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.evaluate`. The data is checked as in `fit`.

        Raises:
            ValueError: If the model is not compiled, or does not take such data.
        """
        self.require_compiled()
        # Inside `fit`, Keras has already made an iterator of a generator.
        x = self._checked(x, y, peek=not kwargs.get("_use_cached_eval_dataset"))
        return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.predict`: what `call` returns. Arrays are checked first.

        Raises:
            ValueError: If shapes or values are not what the model takes.
        """
        if isinstance(x, (np.ndarray, dict, list, tuple)) or ops.is_tensor(x):
            self.check_inputs(batches.as_numpy(x))
        return super().predict(x, *args, **kwargs)

    def unpack(self, data: Any) -> Any:
        """A batch as tensors: the inputs, or `(inputs, labels)` if `batch_spec` has targets.

        `train_on_batch` passes NumPy arrays and `None` on PyTorch; `fit` passes tensors.

        Raises:
            ValueError: If the batch has sample weights, or shapes or data types are wrong.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            self._refuse_sample_weight()
        if self.batch_spec is None:
            return keras.tree.map_structure(ops.convert_to_tensor, x)
        return self.batch_spec.to_tensors(type(self).__name__, x, y)

    def _refuse_sample_weight(self):
        raise ValueError(
            f"{type(self).__name__} takes no `sample_weight`. Set the weights of the "
            "objective's terms as arguments of the model."
        )
