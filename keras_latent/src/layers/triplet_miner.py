"""Triplet mining within a batch, or between the batches of two domains."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.ops.casting import to_labels, to_tensor
from keras_latent.src.ops.distances import pairwise_euclidean
from keras_latent.src.ops.divergences import pairwise_symmetric_kl
from keras_latent.src.ops.mining import (
    all_triplets,
    hard_triplets,
    random_triplets,
    semi_hard_triplets,
    triplet_masks,
)
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor

STRATEGIES = ("hard", "semi-hard", "all", "random")
DISTANCES = ("euclidean", "squared_euclidean", "symmetric_kl")


@keras.saving.register_keras_serializable(package="keras_latent")
class TripletMiner(keras.layers.Layer):
    """Selects triplets (anchor, positive, negative) by labels and distances.

    With one set of embeddings, positives are other rows with the anchor's label, and negatives
    are rows with a different label. With a second set, which may differ in size, anchors index
    the first set, and positives and negatives index the second; row i of one set may then be a
    positive for row i of the other. Rows with label -1 (missing) are never used.

    Strategies, per anchor:

    - `"hard"`: the farthest positive and the nearest negative (batch-hard, Hermans et al., 2017).
      Embeddings may collapse early in training.
    - `"semi-hard"`: a random positive, and the nearest negative with
      d_ap < d_an < d_ap + margin (FaceNet, Schroff et al., 2015). If there is none, the anchor has
      no triplet or, with `fallback`, the farthest negative is used (TensorFlow Addons).
    - `"random"`: a random positive and a random negative (TVAE).
    - `"all"`: every combination, B * B triplets per anchor for B candidates. The other strategies
      give one triplet per anchor, in O(A * B) memory.

    No gradient flows through the mining. Gather the rows and compute the distances to train on:

    ```python
    anchor, positive, negative, weight = miner(z, labels)
    rows = ops.take(z, anchor, axis=0)
    d_positive = keras_latent.ops.euclidean(rows, ops.take(z, positive, axis=0))
    d_negative = keras_latent.ops.euclidean(rows, ops.take(z, negative, axis=0))
    hinge = keras_latent.ops.triplet_hinge(d_positive, d_negative, margin=1.0)
    loss = keras_latent.ops.weighted_mean(hinge, weight)
    ```

    To mine VBTA's triplets, where `paired` marks the rows of two domains that are known pairs, set
    `row = ops.arange(batch)`, `labels = ops.where(paired, row, -1)` and `other_labels = row`. Each
    paired row then has one positive, and all other rows of the other domain are negatives.

    Args:
        strategy: `"hard"`, `"semi-hard"`, `"all"` or `"random"`.
        distance: `"euclidean"`, `"squared_euclidean"`, or `"symmetric_kl"` (VBTA's, in nats).
        margin: Margin of `"semi-hard"`, above 0, in units of the distance.
        seed: Integer seed of the random choices.
        fallback: Whether `"semi-hard"` uses the farthest negative if none is within the margin.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        embeddings: A float tensor of shape (A, dim) or, for `"symmetric_kl"`, a pair of them,
            `(z_mean, z_log_var)`.
        labels: Integers of shape (A,); -1 means missing.
        other_embeddings: The second set, (B, dim), or a pair. Optional.
        other_labels: Labels of the second set, (B,). Required with `other_embeddings`.

    Returns:
        `(anchor, positive, negative, weight)`: int32 indices, always in range, and a float32
        weight, 1 for a valid triplet and 0 otherwise. Their length is A, or A * B * B for
        `"all"`.

    Raises:
        ValueError: If an option is unknown, `margin` is not positive, the embeddings do not fit
            the distance, labels are not one integer per row, or only one of `other_embeddings` and
            `other_labels` is given.

    Example:

    >>> miner = TripletMiner("hard")
    >>> z = ops.convert_to_tensor([[0.0], [1.0], [3.0], [9.0]])
    >>> anchor, positive, negative, weight = miner(z, ops.convert_to_tensor([0, 0, 1, -1]))
    >>> int(positive[0]), int(negative[0])
    (1, 2)
    >>> print(ops.convert_to_numpy(weight))
    [1. 1. 0. 0.]
    """

    def __init__(
        self,
        strategy: str = "hard",
        distance: str = "euclidean",
        margin: float = 1.0,
        seed: int | None = None,
        fallback: bool = False,
        **kwargs: Any,
    ) -> None:
        # No autocast: distances in half precision would merge neighbors.
        super().__init__(autocast=False, **kwargs)
        self.strategy = checks.choice("strategy", strategy, STRATEGIES)
        self.distance = checks.choice("distance", distance, DISTANCES)
        self.margin = checks.positive("margin", margin, or_infinite=True)
        self.seed = checks.keras_seed("seed", seed)
        self.fallback = fallback
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def __call__(
        self,
        embeddings: Tensor | tuple[Tensor, Tensor],
        labels: Tensor,
        other_embeddings: Tensor | tuple[Tensor, Tensor] | None = None,
        other_labels: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if (other_embeddings is None) != (other_labels is None):
            raise ValueError(
                "`other_embeddings` and `other_labels` must be given together. Received: "
                f"other_embeddings={other_embeddings}, other_labels={other_labels}"
            )
        arguments = self._checked("embeddings", embeddings, "labels", labels)
        if other_labels is not None:
            arguments += self._checked(
                "other_embeddings", other_embeddings, "other_labels", other_labels
            )
            sets = (x[0] if isinstance(x, list) else x for x in arguments[::2])
            checks.same_last_axis("embeddings", next(sets), "other_embeddings", next(sets))
        return super().__call__(*arguments, **kwargs)

    def build(
        self,
        embeddings_shape: Any,
        labels_shape: Any,
        other_embeddings_shape: Any | None = None,
        other_labels_shape: Any | None = None,
    ) -> None:
        """There are no weights; Keras passes the shapes by these names."""

    def call(
        self,
        embeddings: Tensor | tuple[Tensor, Tensor],
        labels: Tensor,
        other_embeddings: Tensor | tuple[Tensor, Tensor] | None = None,
        other_labels: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        masks = triplet_masks(labels, other_labels)
        if self.strategy == "all":
            return all_triplets(*masks)
        if self.strategy == "random":
            chosen = random_triplets(*masks, seed=self.seed_generator)
        else:
            candidates = embeddings if other_embeddings is None else other_embeddings
            distances = ops.stop_gradient(self._distances(embeddings, candidates))
            if self.strategy == "hard":
                chosen = hard_triplets(distances, *masks)
            else:
                chosen = semi_hard_triplets(
                    distances, *masks, self.margin, self.seed_generator, self.fallback
                )
        return ops.arange(ops.shape(labels)[0], dtype="int32"), *chosen

    def _distances(self, anchors: Any, candidates: Any) -> Tensor:
        if self.distance == "symmetric_kl":
            return pairwise_symmetric_kl(*anchors, *candidates)
        squared = self.distance == "squared_euclidean"
        return pairwise_euclidean(anchors, candidates, squared=squared)

    def _checked(self, name: str, embeddings: Any, labels_name: str, labels: Any) -> list[Any]:
        """A set of embeddings and its labels, as tensors."""
        is_pair = isinstance(embeddings, (tuple, list)) and len(embeddings) == 2
        if is_pair != (self.distance == "symmetric_kl"):
            wanted = "a tensor" if is_pair else "a pair `(z_mean, z_log_var)`"
            raise ValueError(
                f"`{name}` must be {wanted} for distance={self.distance!r}. "
                f"{checks.received(name, embeddings)}"
            )
        if is_pair:
            embeddings = [to_tensor(f"{name}[{i}]", x) for i, x in enumerate(embeddings)]
            checks.same_shape(f"{name}[0]", embeddings[0], f"{name}[1]", embeddings[1])
        else:
            embeddings = to_tensor(name, embeddings)
        rows = embeddings[0] if is_pair else embeddings
        checks.rank(name, rows, 2)
        labels = to_labels(labels_name, labels)
        if None not in (rows.shape[0], labels.shape[0]) and rows.shape[0] != labels.shape[0]:
            raise ValueError(
                f"`{labels_name}` must have one value for each of the {rows.shape[0]} rows of "
                f"`{name}`. Received: {labels_name}.shape={tuple(labels.shape)}"
            )
        return [embeddings, labels]

    def compute_output_spec(
        self,
        embeddings: Any,
        labels: Any,
        other_embeddings: Any | None = None,
        other_labels: Any | None = None,
    ) -> tuple[keras.KerasTensor, ...]:
        anchors = labels.shape[0]
        candidates = anchors if other_labels is None else other_labels.shape[0]
        number = anchors
        if self.strategy == "all":
            number = None if None in (anchors, candidates) else anchors * candidates**2
        dtypes = ("int32", "int32", "int32", "float32")
        return tuple(keras.KerasTensor((number,), dtype=dtype) for dtype in dtypes)

    def get_config(self) -> dict[str, Any]:
        names = ("strategy", "distance", "margin", "seed", "fallback")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
