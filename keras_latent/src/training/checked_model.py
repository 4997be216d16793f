"""A Keras model that checks its data: what it takes is declared once."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.training import batches
from keras_latent.src.training.arguments import checked, refuse_weights
from keras_latent.src.training.batches import BatchSpec


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
        """Callbacks that `fit` puts before those that it is given, unless one replaces them."""
        return []

    def check_data(self, x: Any, y: Any, sizes: tuple[int, ...]) -> None:
        """Raises or warns about data that fits `batch_spec` and still cannot be trained on.

        Args:
            x: The inputs: all rows, or the first batch, in host memory.
            y: The labels.
            sizes: Rows of the training batches, as far as known; empty in `evaluate`.
        """

    def check_inputs(self, x: Any, values: bool = True) -> None:
        """Raises `ValueError` unless `x` is what `predict` takes.

        Args:
            x: The inputs: arrays in host memory, or tensors if `values` is False.
            values: Whether to check values too.
        """
        if self.predict_spec is not None:
            self.predict_spec.check_inputs(type(self).__name__, x, values)

    def require_compiled(self) -> None:
        """Raises `ValueError` unless `compile` was called."""
        if not self.compiled:
            raise ValueError(
                f"Call `model.compile()` first. Without arguments, this `{type(self).__name__}` "
                "uses the optimizer of its paper."
            )

    def _checked(self, x, y, train=False, batch_size=None, validation_split=None):
        """`x` for Keras, after a check of its rows or of its first batch."""
        x = batches.with_tuples(x)
        if self.batch_spec is None:
            return x
        x, batch, whole = batches.first_batch(x, y)
        if batch is None:
            return x
        inputs, labels = self._unweighted(batch)
        inputs, labels = batches.as_numpy(inputs), batches.as_numpy(labels)
        self.batch_spec.check(type(self).__name__, inputs, labels, values=True)
        rows = len(keras.tree.flatten(inputs)[0])
        if whole:
            rows = batches.check_equal_rows(inputs)
        sizes = batches.batch_sizes(rows, whole, batch_size, validation_split) if train else ()
        self.check_data(inputs, labels, sizes)
        return x

    def _checked_validation(self, data):
        """`validation_data` for Keras, after the same checks."""
        parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
        try:
            x, y = self._unweighted(parts)
            x = self._checked(x, y)
        except ValueError as error:
            raise ValueError(f"`validation_data` is wrong: {error}") from error
        return x if len(parts) == 1 and not isinstance(data, (tuple, list)) else (x, y)

    def _unweighted(self, data):
        """Inputs and labels of `x`, `(x,)` or `(x, y)`."""
        if isinstance(data, (tuple, list)) and not 1 <= len(data) <= 3:
            raise ValueError(
                "A batch must be `(x,)` or `(x, y)`. "
                f"Received: a {type(data).__name__} of {len(data)} parts"
            )
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            refuse_weights(self, "sample_weight", "data of three parts, (x, y, sample_weight)")
        return x, y

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.fit`. Arrays, or the first batch of a dataset, are checked first.

        Raises:
            ValueError: If the model is not compiled, cannot be trained on such data, or an argument
                is wrong.
        """
        self.require_compiled()
        given = checked(self, "fit", x, y, *args, **kwargs)
        sizes = {key: given.get(key) for key in ("batch_size", "validation_split")}
        given["x"] = self._checked(x, y, train=True, **sizes)
        if given.get("validation_data") is not None:
            given["validation_data"] = self._checked_validation(given["validation_data"])
        callbacks = given.get("callbacks") or []
        if isinstance(callbacks, list):
            defaults = self.default_callbacks()
            given["callbacks"] = [c for c in defaults if not _replaced(c, callbacks)] + callbacks
        self._own_averages()  # of a `fit` that was interrupted
        history = super().fit(**given)
        self._own_averages()
        return history

    def _own_averages(self):
        members = getattr(self.optimizer, "optimizers", [self.optimizer])
        if any(member.use_ema for member in members):
            # Keras has replaced the weights by their averages, on JAX by the same arrays. A
            # second `fit` would donate each of them twice, which JAX refuses.
            for variable in self.trainable_variables:
                variable.assign(ops.copy(variable.value))

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.evaluate`. The data is checked as in `fit`.

        Raises:
            ValueError: If the model is not compiled, does not take such data, or an argument is
                wrong.
        """
        self.require_compiled()
        given = checked(self, "evaluate", x, y, *args, **kwargs)
        if not given.get("_use_cached_eval_dataset"):  # otherwise `fit` has checked it
            given["x"] = self._checked(x, y)
        return super().evaluate(**given)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.predict`: what `call` returns. The data is checked as in `fit`.

        Raises:
            ValueError: If shapes or values are not what the model takes, or an argument is wrong.
        """
        given = checked(self, "predict", x, *args, **kwargs)
        if self.predict_spec is not None:
            x, batch, _ = batches.first_batch(batches.with_tuples(x), None)
            if batch is not None:
                self.check_inputs(batches.as_numpy(keras.utils.unpack_x_y_sample_weight(batch)[0]))
        return super().predict(**given | {"x": x})

    def train_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.train_on_batch`. Shapes are checked first."""
        return super().train_on_batch(**self._checked_batch("train_on_batch", x, y, args, kwargs))

    def test_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`keras.Model.test_on_batch`. Shapes are checked first."""
        return super().test_on_batch(**self._checked_batch("test_on_batch", x, y, args, kwargs))

    def predict_on_batch(self, x: Any) -> Any:
        """`keras.Model.predict_on_batch`. Shapes are checked first."""
        self.check_inputs(x, values=False)
        return super().predict_on_batch(x)

    def _checked_batch(self, method, x, y, args, kwargs):
        self.require_compiled()
        given = checked(self, method, x, y, *args, **kwargs)
        if self.batch_spec is not None:
            self.batch_spec.check(type(self).__name__, x, y)
        return given

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            self.check_inputs(args[0], values=False)
        return super().__call__(*args, **kwargs)

    def unpack(self, data: Any) -> Any:
        """A batch as tensors: the inputs, or `(inputs, labels)` if `batch_spec` has targets.

        `train_on_batch` passes NumPy arrays and `None` on PyTorch; `fit` passes tensors.

        Raises:
            ValueError: If the batch has sample weights, or shapes or data types are wrong.
        """
        x, y = self._unweighted(data)
        if self.batch_spec is None:
            return keras.tree.map_structure(ops.convert_to_tensor, x)
        return self.batch_spec.to_tensors(type(self).__name__, x, y)


def _replaced(callback: keras.callbacks.Callback, given: list[keras.callbacks.Callback]) -> bool:
    """Whether a default callback is left out, since one like it is given."""
    kinds = (type(callback), *getattr(callback, "replaced_by", ()))
    return any(isinstance(other, kinds) for other in given)
