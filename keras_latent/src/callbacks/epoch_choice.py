"""Choosing an epoch of an unsupervised training without labels."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.weight_files import save_weights


@contextlib.contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Replaces the weights in a block by the moving averages of optimizers with `use_ema`.

    `keras.callbacks.SwapEMAWeights` rounds the weights when it swaps them on TensorFlow, so that a
    resumed training would differ. On JAX, predictions would delete arrays of the optimizer.
    """
    raw = [(v, np.array(keras.ops.convert_to_numpy(v))) for v in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    for variable, _ in raw:  # on JAX, the optimizer's own arrays
        variable.assign(keras.ops.copy(variable.value))
    try:
        yield
    finally:
        for variable, value in raw:
            variable.assign(value)


class EpochChoice(keras.callbacks.Callback):
    """Measures the model after each epoch, and keeps the weights of the best epoch.

    The loss of adversarial training does not tell which epoch is best. Criteria that need no labels
    of the target do: `mutual_information`, `negative_entropy`, `soft_neighborhood_density` and
    `circular_validation` in `metrics`, with a classifier's predictions of translated images, or the
    error of a cycle.

    If an optimizer averages its weights (`use_ema`), the averages are measured and kept.

    Args:
        directory: Folder for all measurements, in `epochs.json`, and for the weights of the best
            epoch by each criterion, `best-NAME.weights.h5`.
        measure: Function without arguments that measures the model, and returns a dict of names
            and numbers.
        criteria: Names of the measurements to choose by. Larger is better.
        done: Number of epochs already trained. If the training was killed before the last of them
            was measured, it is measured when training resumes.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_latent import callbacks, models
    >>> model = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
    >>> model.compile()
    >>> x = np.random.default_rng(0).random((8, 8, 8, 1), "float32")
    >>> choice = callbacks.EpochChoice(
    ...     tempfile.mkdtemp(),
    ...     lambda: {"cycle": -float(np.mean((model.cycle(x) - x) ** 2))},
    ...     criteria=("cycle",),
    ... )
    >>> batch = {"source": x, "target": x.swapaxes(1, 2), "paired": np.ones(8, bool)}
    >>> _ = model.fit(batch, epochs=3, callbacks=[choice], verbose=0)
    >>> best = choice.chosen("cycle")
    >>> model.load_weights(choice.weights("cycle"))
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        measure: Callable[[], dict[str, float]],
        criteria: Sequence[str],
        done: int = 0,
    ):
        super().__init__()
        self.done = done
        self.directory = Path(directory)
        self.measure = measure
        self.criteria = tuple(criteria)

    @property
    def file(self) -> Path:
        """The file of the measurements: a list with one entry per epoch."""
        return self.directory / "epochs.json"

    def measurements(self) -> list[dict[str, float]]:
        """Measurements of the finished epochs."""
        return json.loads(self.file.read_text()) if self.file.exists() else []

    def chosen(self, criterion: str) -> int:
        """The best finished epoch, counted from 1; the first of equals."""
        return 1 + int(np.argmax([row[criterion] for row in self.measurements()]))

    def weights(self, criterion: str) -> Path:
        """The file of the best epoch's weights."""
        return self.directory / f"best-{criterion}.weights.h5"

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if len(self.measurements()) < self.done:
            self.on_epoch_end(self.done - 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        with averaged(self.model):
            rows = [*self.measurements()[:epoch], self.measure()]
            for criterion in self.criteria:
                if rows[-1][criterion] > max((r[criterion] for r in rows[:-1]), default=-np.inf):
                    save_weights(self.model, self.weights(criterion))
        with replaced_when_complete(self.file) as temporary:
            temporary.write_text(json.dumps(rows, indent=1) + "\n")
