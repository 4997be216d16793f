"""Batches of latents of several domains, for a bridge between them."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_latent.src.datasets.checks import check_integer, check_labels
from keras_latent.src.datasets.order import cycle

Batch = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


class LatentBatches(keras.utils.PyDataset):
    """Training batches `(z, y)` for `BridgingVAE.fit`, on every backend.

    Each domain goes through its rows in an order of its own, the same for a seed everywhere; a
    smaller one starts over within an epoch. Where labels are rare, `labelled_per_batch` rows with
    a label are added to each batch, drawn evenly among the classes, as `"<domain>_labelled"`:
    they train the classifier, and the rows of all data, now without labels, the rest. So the
    paper's table 3 is trained.

    Args:
        latents: Dict of domain to floats, `(rows, dim)`, or `(rows, 2, dim)`: mean and
            log-variance.
        labels: Dict of domain to integers `(rows,)`, -1 where a label is missing. A domain, or
            all of them, may be left out.
        batch_size: Rows of each domain in a batch.
        labelled_per_batch: Labelled rows of each domain that has any, beside them; `None`: labels
            come with the rows.
        steps: Batches in an epoch. Default: what the largest domain fills.
        seed: Seed of the order.
        **kwargs: Arguments of `keras.utils.PyDataset`.

    Raises:
        ValueError: If there is no domain, rows and labels do not fit together, or a number is
            not positive.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets
    >>> z = {"source": np.zeros((100, 5), "float32"), "target": np.zeros((80, 5), "float32")}
    >>> y = {"source": np.repeat([0, 1, -1], [3, 3, 94])}
    >>> batches = datasets.LatentBatches(z, y, batch_size=20, labelled_per_batch=4)
    >>> inputs, labels = batches[0]
    >>> {name: rows.shape for name, rows in inputs.items()}
    {'source': (20, 5), 'target': (20, 5), 'source_labelled': (4, 5)}
    >>> sorted(labels["source_labelled"].tolist())
    [0, 0, 1, 1]

    Source: Tian and Engel (2018), section 4.4.
    """

    def __init__(
        self,
        latents: Mapping[str, Any],
        labels: Mapping[str, Any] | None = None,
        batch_size: int = 128,
        labelled_per_batch: int | None = None,
        steps: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(latents, Mapping) or not latents:
            raise ValueError(
                f"`latents` must be a dict of domain to latents. Received: {type(latents).__name__}"
            )
        self._latents = {d: np.ascontiguousarray(z, "float32") for d, z in latents.items()}
        if labels is not None and not isinstance(labels, Mapping):
            raise ValueError(
                f"`labels` must be a dict by domain, as `latents` is: {list(latents)}. "
                f"Received: {type(labels).__name__}"
            )
        if unknown := set(labels or {}) - set(latents):
            raise ValueError(
                f"`labels` must have no other keys than {list(latents)}. Received: {unknown}"
            )
        self._labels = {
            d: check_labels(f"labels['{d}']", y, len(latents[d]))
            for d, y in (labels or {}).items()
            if y is not None
        }
        for d, y in self._labels.items():
            if y.ndim != 1:
                raise ValueError(
                    f"`labels['{d}']` must hold one class number a row, ({len(y)},), not one-hot "
                    f"rows or attributes. Received: shape={y.shape}"
                )
        self.batch_size = check_integer("batch_size", batch_size, at_least=1)
        largest = max(len(z) for z in self._latents.values())
        self.steps = (
            max(1, largest // batch_size)
            if steps is None
            else check_integer("steps", steps, at_least=1)
        )
        self.seed = check_integer("seed", seed, at_least=0)
        self.labelled_per_batch, self._classes = None, {}
        if labelled_per_batch is not None:
            self.labelled_per_batch = check_integer(
                "labelled_per_batch", labelled_per_batch, at_least=1
            )
            self._classes = {d: _rows_by_class(y) for d, y in self._labels.items() if max(y) >= 0}
            if not self._classes:
                raise ValueError(
                    "`labelled_per_batch` needs labels in one domain or more. Received none."
                )
        self.skip_epochs(0)

    def skip_epochs(self, n: int) -> None:
        """Goes on as if `n` epochs had been delivered: for a training that is resumed."""
        self._epoch = check_integer("n", n, at_least=0)
        self._rows = None

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> Batch:
        if self._rows is None:
            self._rows = self._draw()
        z, y = {}, {}
        for d, latents in self._latents.items():
            rows = self._rows[d][index]
            z[d] = latents[rows]
            if d in self._labels and self.labelled_per_batch is None:
                y[d] = self._labels[d][rows]
        for d in self._classes:
            rows = self._rows[f"{d}_labelled"][index]
            z[f"{d}_labelled"], y[f"{d}_labelled"] = self._latents[d][rows], self._labels[d][rows]
        return z, y

    def on_epoch_end(self) -> None:
        self.skip_epochs(self._epoch + 1)

    def _draw(self) -> dict[str, np.ndarray]:
        """Row numbers of an epoch, `(steps, rows of a batch)`, by the keys of a batch."""
        rng = np.random.default_rng([self.seed, self._epoch])
        drawn = {}
        for d, latents in self._latents.items():
            rows = np.arange(len(latents))
            count = self.steps * self.batch_size
            drawn[d] = cycle(rng, rows, count).reshape(self.steps, self.batch_size)
        for d, classes in self._classes.items():
            count = self.steps * self.labelled_per_batch
            # Every class in turn, and in each class every row in turn.
            turns = cycle(rng, np.arange(len(classes)), count)
            rows = np.empty(count, "int64")
            for k, members in enumerate(classes):
                place = np.flatnonzero(turns == k)
                rows[place] = cycle(rng, members, len(place))
            drawn[f"{d}_labelled"] = rows.reshape(self.steps, self.labelled_per_batch)
        return drawn


def _rows_by_class(labels: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(labels == k) for k in np.unique(labels[labels >= 0])]
