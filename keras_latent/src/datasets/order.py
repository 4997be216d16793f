"""Which rows meet in which batch of which epoch: index arithmetic, no images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from keras_latent.src.datasets.augment import Augmentation


class Rows(NamedTuple):
    """Row numbers of one epoch, each array of shape `(steps, batch_size)`."""

    source: np.ndarray
    target: np.ndarray
    paired: np.ndarray


class EpochOrder:
    """The order of a pair's training rows, a pure function of the seed and the epoch.

    Both pipelines read their row numbers from here, and the numbers that augmentations draw,
    so they deliver the same batches, and an interrupted run continues by setting the epoch.

    Args:
        num_source: Rows of the source domain.
        num_target: Rows of the target domain.
        pairs: int array `(n, 2)`: the known pairs as (source row, target row).
        batch_size: Rows in each batch.
        paired_per_batch: Known pairs in each batch, or `None` to shuffle them in among
            the other rows.
        seed: Seed of every epoch.
        augment: The augmentations by domain, `"source"` before `"target"`.
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
        larger = max(num_source, num_target)
        if paired_per_batch is None:
            rows = len(pairs) + max(len(rows) for rows in self._unpaired)
            self.steps = rows // batch_size
        else:
            # With nothing but pairs in a batch, an epoch is as long as the larger domain.
            self.steps = larger // (batch_size - paired_per_batch or batch_size)
        if self.steps == 0:
            raise ValueError(
                "`batch_size` must not exceed the rows of an epoch, since training batches are "
                f"all of the same size. Received: batch_size={batch_size} with {num_source} "
                f"source rows, {num_target} target rows and {len(pairs)} known pairs. "
                "Lower `batch_size`."
            )
        self.restart(0)

    def restart(self, epoch: int) -> None:
        """Go to the beginning of an epoch."""
        self.epoch = epoch
        self.delivered = set()  # Steps that a pipeline has handed out in this epoch.
        self._rows = None
        self._factors = None

    def rows(self) -> Rows:
        """Row numbers of the current epoch."""
        if self._rows is None:
            rng = np.random.default_rng([self.seed, self.epoch])
            flat = self._mixed(rng) if self.paired_per_batch is None else self._in_parts(rng)
            self._rows = Rows(*(part.reshape(self.steps, self.batch_size) for part in flat))
        return self._rows

    def factors(self) -> dict[str, np.ndarray]:
        """Numbers for the current epoch's augmentations: `(steps, batch_size, ...)` by domain."""
        if self._factors is None:
            self._factors = {}
            for domain, augmentation in self.augment.items():
                # Streams of their own, beside [seed, epoch] (which is [seed, epoch, 0]) and
                # `load_pair`'s [seed, 0, 1].
                stream = {"source": 2, "target": 3}[domain]
                rng = np.random.default_rng([self.seed, self.epoch, stream])
                factors = augmentation.factors(rng, self.steps * self.batch_size)
                shape = self.steps, self.batch_size, *factors.shape[1:]
                self._factors[domain] = factors.reshape(shape)
        return self._factors

    def _mixed(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        count = max(len(rows) for rows in self._unpaired)
        columns = []
        for domain in (0, 1):
            # Where every row of one domain is in a known pair, the other domain's rows
            # without a partner still need company: any row of that domain.
            rest = self._unpaired[domain] if len(self._unpaired[domain]) else self._all[domain]
            columns.append(np.concatenate([self.pairs[:, domain], cycle(rng, rest, count)]))
        paired = np.arange(len(self.pairs) + count) < len(self.pairs)
        shuffled = rng.permutation(len(paired))[: self.steps * self.batch_size]
        return tuple(column[shuffled] for column in (*columns, paired))

    def _in_parts(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        known = self.paired_per_batch
        rest = self.batch_size - known
        lines = cycle(rng, np.arange(len(self.pairs)), self.steps * known, window=known)
        columns = []
        for domain in (0, 1):
            left = self.pairs[lines, domain].reshape(self.steps, known)
            right = cycle(rng, self._all[domain], self.steps * rest, window=rest)
            columns.append(np.concatenate([left, right.reshape(self.steps, rest)], axis=1))
        paired = np.broadcast_to(np.arange(self.batch_size) < known, columns[0].shape)
        return *columns, paired


def cycle(rng: np.random.Generator, rows: np.ndarray, count: int, window: int = 1) -> np.ndarray:
    """Draw `count` of `rows`, going through all of them in a new order each time around.

    Args:
        rng: Where the orders come from.
        rows: int array `(n,)`.
        count: How many to draw.
        window: Entries `[i * window, (i + 1) * window)` hold no row twice, as far as
            `n` allows, also where one round ends and the next begins.

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
