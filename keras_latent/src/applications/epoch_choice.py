"""Which epoch of an unsupervised training to keep, when no label may say so."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_latent.src.utils.files import replaced_when_complete


def mutual_information(scores: np.ndarray) -> float:
    """`H(E p) - E H(p)` of a classifier's logits `(rows, classes)`, in nats.

    Large if the classifier is sure of each image (the second term is small) and sees all
    classes about equally often (the first is at most log(classes)): a translator that blurs
    digits loses the one, one that turns 4 into 9 the other. It needs no label of the images.

    Source: Bridle, Heading and MacKay, "Unsupervised classifiers, mutual information and
    'phantom targets'", NIPS (1991); as a criterion of domain adaptation: Shi and Sha, ICML
    (2012).
    """
    logits = np.asarray(scores, "float64")
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    p = np.exp(log_p)
    mean = p.mean(axis=0)
    of_mean = -np.sum(mean * np.log(np.maximum(mean, 1e-300)))
    return float(of_mean + np.mean(np.sum(p * log_p, axis=1)))


class EpochChoice(keras.callbacks.Callback):
    """Measures each epoch by criteria that need no label, and keeps the best one's weights.

    Args:
        directory: Folder for `epochs.json`, in which all measurements stand, and for the
            weights of the epochs that are best by one of `criteria`, `best-NAME.weights.h5`.
        measure: Function of nothing that returns the measurements of the model as it is, a
            dict of name to number.
        criteria: Names of the measurements to choose by; the larger, the better.
        done: Number of epochs that the model has been trained for already. If the training was
            killed before the last of them was measured, that is made up for.
    """

    def __init__(
        self,
        directory: Path,
        measure: Callable[[], dict],
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
        """Where the measurements stand: a list, an epoch each."""
        return self.directory / "epochs.json"

    def measurements(self) -> list[dict]:
        """The measurements of the finished epochs."""
        return json.loads(self.file.read_text()) if self.file.exists() else []

    def chosen(self, criterion: str) -> int:
        """Number of the best finished epoch, counted from 1; of equals, the first."""
        return 1 + int(np.argmax([row[criterion] for row in self.measurements()]))

    def weights(self, criterion: str) -> Path:
        """The weights of the best epoch."""
        return self.directory / f"best-{criterion}.weights.h5"

    def on_train_begin(self, logs=None):
        if len(self.measurements()) < self.done:
            self.on_epoch_end(self.done - 1)

    def on_epoch_end(self, epoch, logs=None):
        rows = [*self.measurements()[:epoch], self.measure()]
        self.directory.mkdir(parents=True, exist_ok=True)
        for criterion in self.criteria:
            if rows[-1][criterion] > max((r[criterion] for r in rows[:-1]), default=-np.inf):
                partial = self.directory / "partial.weights.h5"  # Keras asks for this ending
                self.model.save_weights(partial, overwrite=True)
                os.replace(partial, self.weights(criterion))
        with replaced_when_complete(self.file) as temporary:
            temporary.write_text(json.dumps(rows, indent=1) + "\n")
