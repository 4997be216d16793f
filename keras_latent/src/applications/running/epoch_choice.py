"""Choosing an epoch of an unsupervised training without labels."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.weight_files import save_weights


def mutual_information(scores: np.ndarray) -> float:
    """The information `H(E p) - E H(p)` of a classifier's logits `(rows, classes)`, in nats.

    It is large if the classifier is sure of each image (the second term is small) and predicts all
    classes equally often (the first is at most log(classes)). A translator that blurs digits
    increases the second term, one that turns every 4 into a 9 reduces the first. No labels are
    needed.

    Source: Bridle, Heading and MacKay, "Unsupervised classifiers, mutual information and
    'phantom targets'", NIPS (1991); as a criterion of domain adaptation: Shi and Sha, ICML
    (2012).
    """
    logits = np.asarray(scores, "float64")
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    p = np.exp(log_p)
    mean = p.mean(axis=0)
    entropy_of_mean = -np.sum(mean * np.log(np.maximum(mean, 1e-300)))
    return float(entropy_of_mean + np.mean(np.sum(p * log_p, axis=1)))


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
    """Measures each epoch by criteria that need no labels, and keeps the best weights of each.

    If an optimizer averages its weights (`use_ema`), the averages are measured and kept.

    Args:
        directory: Folder for all measurements, in `epochs.json`, and for the weights of the best
            epoch by each criterion, `best-NAME.weights.h5`.
        measure: Function without arguments that measures the model, and returns a dict of names
            and numbers.
        criteria: Names of the measurements to choose by. Larger is better.
        done: Number of epochs already trained. If the training was killed before the last of them
            was measured, it is measured when training resumes.
    """

    def __init__(
        self,
        directory: Path,
        measure: Callable[[], dict[str, float]],
        criteria: tuple[str, ...],
        done: int = 0,
    ):
        super().__init__()
        self.done = done
        self.directory = Path(directory)
        self.measure = measure
        self.criteria = criteria

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

    def on_train_begin(self, logs: dict | None = None) -> None:
        if len(self.measurements()) < self.done:
            self.on_epoch_end(self.done - 1)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        with averaged(self.model):
            rows = [*self.measurements()[:epoch], self.measure()]
            for criterion in self.criteria:
                if rows[-1][criterion] > max((r[criterion] for r in rows[:-1]), default=-np.inf):
                    save_weights(self.model, self.weights(criterion))
        with replaced_when_complete(self.file) as temporary:
            temporary.write_text(json.dumps(rows, indent=1) + "\n")
