"""Batches of the latents of several domains, for a bridge between them."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.batches.order import cycle
from keras_latent.src.training.inputs import check_values, one_array
from keras_latent.src.utils import checks

Batch = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


class LatentBatches(keras.utils.PyDataset):
    """Training batches `(z, y)` for `BridgingVAE.fit`, on all backends.

    Each domain is shuffled independently, in an order that depends only on the seed. Smaller
    domains start over within an epoch. If labels are rare, set `labelled_per_batch`: each batch
    then gets that many additional labelled rows, balanced across classes, as
    `"<domain>_labelled"`. These train the classifier, and the regular rows, now without labels,
    train everything else. Table 3 of the paper is trained this way.

    Args:
        latents: Dict of domain to floats `(rows, dim)`, or `(rows, 2, dim)` for mean and
            log-variance.
        labels: Dict of domain to integers `(rows,)`, -1 where a label is missing. Some or all
            domains may be omitted.
        batch_size: Rows of each domain per batch.
        labelled_per_batch: Additional labelled rows per batch, for each domain with labels.
            `None`: no additional rows; labels belong to the regular rows.
        steps: Batches per epoch. Defaults to one pass over the largest domain.
        seed: Seed of the order.
        **kwargs: Arguments of `keras.utils.PyDataset`.

    Raises:
        ValueError: If there is no domain, rows and labels do not match, or a number is
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
        self._latents = {d: _rows(f"latents['{d}']", z) for d, z in latents.items()}
        if labels is not None and not isinstance(labels, Mapping):
            raise ValueError(
                f"`labels` must be a dict by domain, as `latents` is: {list(latents)}. "
                f"Received: {type(labels).__name__}"
            )
        if unknown := set(labels or {}) - set(latents):
            raise ValueError(
                f"`labels` must have no other keys than {list(latents)}. Received: {unknown}"
            )
        self._labels: dict[str, np.ndarray] = {}
        for d, given in (labels or {}).items():
            if given is None:
                continue
            y = array_checks.labels(f"labels['{d}']", given, len(self._latents[d]))
            if y.ndim != 1:
                raise ValueError(
                    f"`labels['{d}']` must be one class number per row, shape ({len(y)},), not "
                    f"one-hot rows or attributes. Received: shape={y.shape}"
                )
            self._labels[d] = y
        self.batch_size = checks.integer("batch_size", batch_size)
        if steps is None:
            steps = max(1, max(len(z) for z in self._latents.values()) // batch_size)
        self.steps = checks.integer("steps", steps)
        self.seed = checks.integer("seed", seed, at_least=0)
        # Labelled rows of each class, by domain.
        self._classes: dict[str, list[np.ndarray]] = {}
        if labelled_per_batch is not None:
            labelled_per_batch = checks.integer("labelled_per_batch", labelled_per_batch)
            self._classes = {
                d: [np.flatnonzero(y == k) for k in np.unique(y[y >= 0])]
                for d, y in self._labels.items()
                if max(y) >= 0
            }
            if not self._classes:
                raise ValueError(
                    "`labelled_per_batch` needs labels in at least one domain. Received: none"
                )
        self.labelled_per_batch = labelled_per_batch
        self.skip_epochs(0)

    def skip_epochs(self, n: int) -> None:
        """Continue as if `n` epochs had been delivered, to resume a training run."""
        self._epoch = checks.integer("n", n, at_least=0)
        self._rows: dict[str, np.ndarray] | None = None

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
        """Go to the next epoch's order."""
        self.skip_epochs(self._epoch + 1)

    def _draw(self) -> dict[str, np.ndarray]:
        """Row numbers of an epoch, `(steps, rows per batch)`, by the keys of a batch."""
        rng = np.random.default_rng([self.seed, self._epoch])
        drawn = {}
        for d, latents in self._latents.items():
            rows = cycle(rng, np.arange(len(latents)), self.steps * self.batch_size)
            drawn[d] = rows.reshape(self.steps, -1)
        for d, classes in self._classes.items():
            # Cycle through the classes, and through the rows of each class.
            count = self.steps * (self.labelled_per_batch or 0)
            turns = cycle(rng, np.arange(len(classes)), count)
            rows = np.empty(count, "int64")
            for k, members in enumerate(classes):
                place = np.flatnonzero(turns == k)
                rows[place] = cycle(rng, members, len(place))
            drawn[f"{d}_labelled"] = rows.reshape(self.steps, -1)
        return drawn


def _rows(name: str, value: Any) -> np.ndarray:
    z = one_array(name, value)
    if z.ndim not in (2, 3) or (z.ndim == 3 and z.shape[1] != 2) or not len(z):
        raise ValueError(
            f"`{name}` must have shape (rows, dim), or (rows, 2, dim) for mean and log-variance, "
            f"with one row or more. Received: shape={z.shape}"
        )
    check_values(name, z, pixels=False)
    return np.ascontiguousarray(z, "float32")
