"""Mining of triplets inside a batch, or from one domain's batch to another's."""

from typing import Any

import keras
from keras import ops

from keras_latent.src.ops.distances import pairwise_euclidean
from keras_latent.src.ops.divergences import pairwise_symmetric_kl
from keras_latent.src.ops.mining import (
    all_triplets,
    hard_triplets,
    random_triplets,
    semi_hard_triplets,
    triplet_masks,
)

STRATEGIES = ("hard", "semi-hard", "all", "random")
DISTANCES = ("euclidean", "squared_euclidean", "symmetric_kl")


@keras.saving.register_keras_serializable(package="keras_latent")
class TripletMiner(keras.layers.Layer):
    """Chooses triplets (anchor, positive, negative) by labels and distances.

    With one set of embeddings, positives are other rows of the anchor's label and negatives are
    rows of another label. With a second set, whose size may differ, anchors index the first set
    and positives and negatives the second: row i of one may then be positive for row i of the
    other. A row whose label is -1 (missing) is never anchor, positive or negative.

    The strategies, for each anchor:

    - `"hard"`: the farthest positive and the nearest negative (batch-hard, Hermans et al. 2017).
      It can collapse embeddings early in training.
    - `"semi-hard"`: a random positive, and the nearest negative with
      d_ap < d_an < d_ap + margin (FaceNet, Schroff et al. 2015). Without one the anchor has no
      triplet or, with `fallback`, the farthest negative (TensorFlow Addons).
    - `"random"`: a random positive and a random negative (TVAE).
    - `"all"`: every combination; B * B triplets for each anchor, B being the number of
      candidates. The other strategies give one, in O(A * B) memory.

    Mining only chooses: no gradient flows through it. Gather the rows, and compute the
    distances that are to be trained:

    ```python
    anchor, positive, negative, weight = miner(z, labels)
    rows = ops.take(z, anchor, axis=0)
    d_positive = keras_latent.ops.euclidean(rows, ops.take(z, positive, axis=0))
    d_negative = keras_latent.ops.euclidean(rows, ops.take(z, negative, axis=0))
    hinge = keras_latent.ops.triplet_hinge(d_positive, d_negative, margin=1.0)
    loss = keras_latent.ops.weighted_mean(hinge, weight)
    ```

    VBTA's triplets, where `paired` says which rows of two domains are known to belong together:
    `row = ops.arange(batch)`, `labels = ops.where(paired, row, -1)`, `other_labels = row`. A
    paired row then has one positive, and every other row of the other domain as a negative.

    Args:
        strategy: `"hard"`, `"semi-hard"`, `"all"` or `"random"`.
        distance: `"euclidean"`, `"squared_euclidean"`, or `"symmetric_kl"` (VBTA's, in nats).
        margin: The margin of `"semi-hard"`, above 0, in the unit of the distance.
        seed: Integer seed of the random choices.
        fallback: Whether `"semi-hard"` takes the farthest negative where it finds none.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        embeddings: A float tensor of shape (A, dim), or, for `"symmetric_kl"`, a pair
            `(z_mean, z_log_var)` of them.
        labels: Integers of shape (A,); -1 means missing.
        other_embeddings: The second set, (B, dim), or a pair. Optional.
        other_labels: Its labels, (B,). Given together with `other_embeddings`.

    Returns:
        `(anchor, positive, negative, weight)`: int32 indices, always in range, and a float32
        weight, 1 for a valid triplet and 0 otherwise. Their length is A, or A * B * B for
        `"all"`.

    Raises:
        ValueError: If an option is unknown, `margin` is not positive, the embeddings do not suit
            the distance, labels are not integers or their number is not that of the rows, or
            only one of `other_embeddings` and `other_labels` is given.

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
        # Half precision would merge neighbours: distances are taken on the embeddings as given.
        super().__init__(autocast=False, **kwargs)
        if strategy not in STRATEGIES:
            raise ValueError(
                f"Argument `strategy` must be one of {STRATEGIES}. Received: strategy={strategy!r}"
            )
        if distance not in DISTANCES:
            raise ValueError(
                f"Argument `distance` must be one of {DISTANCES}. Received: distance={distance!r}"
            )
        if not margin > 0:
            raise ValueError(f"Argument `margin` must be positive. Received: margin={margin}")
        self.strategy = strategy
        self.distance = distance
        self.margin = margin
        self.seed = seed
        self.fallback = fallback
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(
        self,
        embeddings_shape: Any,
        labels_shape: Any,
        other_embeddings_shape: Any | None = None,
        other_labels_shape: Any | None = None,
    ) -> None:
        """Nothing to build: only names the shapes of the arguments."""

    def call(
        self,
        embeddings: Any,
        labels: Any,
        other_embeddings: Any | None = None,
        other_labels: Any | None = None,
    ) -> tuple[Any, Any, Any, Any]:
        self._check(embeddings, labels, other_embeddings, other_labels)
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

    def _distances(self, anchors: Any, candidates: Any) -> Any:
        if self.distance == "symmetric_kl":
            return pairwise_symmetric_kl(*anchors, *candidates)
        squared = self.distance == "squared_euclidean"
        return pairwise_euclidean(anchors, candidates, squared=squared)

    def _check(
        self, embeddings: Any, labels: Any, other_embeddings: Any, other_labels: Any
    ) -> None:
        if (other_embeddings is None) != (other_labels is None):
            raise ValueError(
                "Arguments `other_embeddings` and `other_labels` must be given together. Received: "
                f"other_embeddings={other_embeddings}, other_labels={other_labels}"
            )
        self._check_set("embeddings", embeddings, "labels", labels)
        if other_labels is not None:
            self._check_set("other_embeddings", other_embeddings, "other_labels", other_labels)

    def _check_set(self, name: str, embeddings: Any, labels_name: str, labels: Any) -> None:
        is_pair = isinstance(embeddings, (tuple, list)) and len(embeddings) == 2
        if is_pair != (self.distance == "symmetric_kl"):
            wanted = "a tensor" if is_pair else "a pair `(z_mean, z_log_var)`"
            raise ValueError(
                f"Argument `{name}` must be {wanted} for distance={self.distance!r}. Received: "
                f"{name}={embeddings}"
            )
        rows, labelled = (embeddings[0] if is_pair else embeddings).shape[0], labels.shape[:1]
        if len(labels.shape) != 1 or (None not in (rows, labelled[0]) and rows != labelled[0]):
            raise ValueError(
                f"Argument `{labels_name}` must have one value for each of the {rows} rows of "
                f"`{name}`. Received: {labels_name}.shape={tuple(labels.shape)}"
            )

    def compute_output_spec(
        self,
        embeddings: Any,
        labels: Any,
        other_embeddings: Any | None = None,
        other_labels: Any | None = None,
    ) -> tuple[keras.KerasTensor, ...]:
        self._check(embeddings, labels, other_embeddings, other_labels)
        anchors = labels.shape[0]
        candidates = anchors if other_labels is None else other_labels.shape[0]
        number = anchors
        if self.strategy == "all":
            number = None if None in (anchors, candidates) else anchors * candidates**2
        dtypes = ("int32", "int32", "int32", "float32")
        return tuple(keras.KerasTensor((number,), dtype=dtype) for dtype in dtypes)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update(
            {
                "strategy": self.strategy,
                "distance": self.distance,
                "margin": self.margin,
                "seed": self.seed,
                "fallback": self.fallback,
            }
        )
        return config
