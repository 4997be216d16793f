"""The rows in each batch of each epoch: index arithmetic, no images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from keras_latent.src.datasets.batches.augment import Augmentation

# Seeds are `[seed, epoch]` for the order and `[seed, epoch, stream]` for augmentations.
# `[seed, epoch, 0]` is the same as `[seed, epoch]`, and `[seed, 0, 1]` and `[seed, 0, 4]` belong
# to `load_pair`.
_STREAMS = {"source": 2, "target": 3}


class Rows(NamedTuple):
    """Row numbers of one epoch; arrays of shape `(steps, batch_size)`."""

    source: np.ndarray
    target: np.ndarray
    paired: np.ndarray


class EpochOrder:
    """The order of a pair's training rows, a pure function of the seed and the epoch.

    Both formats of batches take their row numbers and the random numbers of augmentations from
    here. So they deliver the same batches, and setting the epoch resumes an interrupted run.

    Args:
        num_source: Rows of the source domain.
        num_target: Rows of the target domain.
        pairs: int array `(n, 2)`: the known pairs as (source row, target row).
        batch_size: Rows per batch.
        paired_per_batch: Known pairs per batch, or `None` to shuffle them among the other rows.
        seed: Seed of all epochs.
        augment: Augmentations by domain.
    """

    def __init__(
        self,
        num_source: int,
        num_target: int,
        pairs: np.ndarray,
        batch_size: int,
        paired_per_batch: int | None,
        seed: int,
        augment: Mapping[str, Augmentation] | None = None,
    ):
        self.pairs = pairs
        self.batch_size = batch_size
        self.paired_per_batch = paired_per_batch
        self.seed = seed
        self.augment = dict(augment or {})
        self._all = np.arange(num_source), np.arange(num_target)
        self._unpaired = (
            np.setdiff1d(self._all[0], pairs[:, 0]),
            np.setdiff1d(self._all[1], pairs[:, 1]),
        )
        if paired_per_batch is None:
            rows = len(pairs) + max(len(rows) for rows in self._unpaired)
            self.steps = rows // batch_size
        else:
            # If a batch has only known pairs, an epoch is as long as the larger domain.
            larger = max(num_source, num_target)
            self.steps = larger // (batch_size - paired_per_batch or batch_size)
        if self.steps == 0:
            raise ValueError(
                "`batch_size` must not exceed the rows of an epoch, because all training batches "
                f"have the same size. Received: batch_size={batch_size} with {num_source} "
                f"source rows, {num_target} target rows and {len(pairs)} known pairs. "
                "Lower `batch_size`."
            )
        self.restart(0)

    def restart(self, epoch: int) -> None:
        """Go to the start of an epoch."""
        self.epoch = epoch
        self.delivered: set[int] = set()  # Steps of this epoch that have been delivered.
        self._rows: Rows | None = None
        self._factors: dict[str, np.ndarray] | None = None

    def rows(self) -> Rows:
        """Row numbers of the current epoch."""
        if self._rows is None:
            rng = np.random.default_rng([self.seed, self.epoch])
            if self.paired_per_batch is None:
                parts = self._mixed(rng)
            else:
                parts = self._in_parts(rng, self.paired_per_batch)
            self._rows = Rows(*(part.reshape(self.steps, self.batch_size) for part in parts))
        return self._rows

    def factors(self) -> dict[str, np.ndarray]:
        """Numbers for the current epoch's augmentations: `(steps, batch_size, ...)` by domain."""
        if self._factors is None:
            self._factors = {}
            for domain, augmentation in self.augment.items():
                rng = np.random.default_rng([self.seed, self.epoch, _STREAMS[domain]])
                factors = augmentation.factors(rng, self.steps * self.batch_size)
                shape = self.steps, self.batch_size, *factors.shape[1:]
                self._factors[domain] = factors.reshape(shape)
        return self._factors

    def _mixed(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Known pairs and other rows, all shuffled together."""
        count = max(len(rows) for rows in self._unpaired)
        columns = []
        for domain in (0, 1):
            # If all rows of a domain are in known pairs, the other domain's unpaired rows meet
            # any row of it.
            rest = self._unpaired[domain] if len(self._unpaired[domain]) else self._all[domain]
            columns.append(np.concatenate([self.pairs[:, domain], cycle(rng, rest, count)]))
        paired = np.arange(len(self.pairs) + count) < len(self.pairs)
        shuffled = rng.permutation(len(paired))[: self.steps * self.batch_size]
        return tuple(column[shuffled] for column in (*columns, paired))

    def _in_parts(self, rng: np.random.Generator, known: int) -> tuple[np.ndarray, ...]:
        """Batches of `known` known pairs, followed by other rows."""
        rest = self.batch_size - known
        drawn = cycle(rng, np.arange(len(self.pairs)), self.steps * known, window=known)
        columns = []
        for domain in (0, 1):
            left = self.pairs[drawn, domain].reshape(self.steps, known)
            right = cycle(rng, self._all[domain], self.steps * rest, window=rest)
            columns.append(np.concatenate([left, right.reshape(self.steps, rest)], axis=1))
        paired = np.broadcast_to(np.arange(self.batch_size) < known, columns[0].shape)
        return *columns, paired


def cycle(rng: np.random.Generator, rows: np.ndarray, count: int, window: int = 1) -> np.ndarray:
    """Draw `count` of `rows` without replacement, starting over in a new order when all are used.

    Args:
        rng: Generator of the orders.
        rows: int array `(n,)`.
        count: How many rows to draw.
        window: Draws `[i * window, (i + 1) * window)` contain no row twice if `n` allows it,
            even where one round ends and the next begins.

    Returns:
        int array `(count,)`.
    """
    drawn = np.empty(count, dtype=np.int64)
    done = 0
    while done < count:
        turn = rng.permutation(rows)
        begun = drawn[done - done % window : done] if window else drawn[:0]
        if len(begun):
            taken = np.isin(turn, begun)
            turn = np.concatenate([turn[~taken], turn[taken]])
        turn = turn[: count - done]
        drawn[done : done + len(turn)] = turn
        done += len(turn)
    return drawn
