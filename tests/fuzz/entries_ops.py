"""Tensor functions."""

from arguments import bools, choice, labels, non_negative, number, positive, seed, size, tensors
from cases import entry

from keras_latent import ops

X = tensors(4, 3)
FREE = tensors(4, 3, last=False)
OF_ANY_SHAPE = FREE.but("one axis more", "one axis fewer", "number", "list")
OTHER = X.but("none")
SEED = seed().also(beyond_uint32=2**32)
MASK = bools(4, 4)
DISTANCE = tensors(4)
T = number(0.5).but("list_of_one")  # a position per row, or one for all

ENTRIES = [
    entry("ops.all_triplets", ops.all_triplets, positives=MASK, negatives=MASK),
    entry("ops.bernoulli_log_prob", ops.bernoulli_log_prob, x=X, logits=X),
    entry("ops.bound_log_var", ops.bound_log_var, log_var=OF_ANY_SHAPE),
    entry("ops.euclidean", ops.euclidean, a=X, b=X),
    entry("ops.gaussian_kl", ops.gaussian_kl, mean=X, log_var=X),
    entry(
        "ops.gaussian_kl of two",
        ops.gaussian_kl,
        mean=X,
        log_var=X,
        other_mean=OTHER,
        other_log_var=OTHER,
    ),
    entry("ops.gaussian_log_prob", ops.gaussian_log_prob, x=X, mean=X, variance=positive(0.5)),
    entry(
        "ops.gaussian_log_prob with variances",
        ops.gaussian_log_prob,
        x=X,
        mean=X,
        variance=X.but("one axis fewer", "number"),
    ),
    entry(
        "ops.hard_triplets",
        ops.hard_triplets,
        distances=tensors(4, 4),
        positives=MASK,
        negatives=MASK,
    ),
    entry(
        "ops.interpolate", ops.interpolate, a=X, b=X, steps=size(3, least=2), kind=choice("linear")
    ),
    entry("ops.lerp", ops.lerp, a=X, b=X, t=T),
    entry("ops.log_softplus", ops.log_softplus, x=OF_ANY_SHAPE),
    entry("ops.pairwise_euclidean", ops.pairwise_euclidean, a=X, b=tensors(5, 3)),
    entry(
        "ops.pairwise_symmetric_kl",
        ops.pairwise_symmetric_kl,
        mean_a=X,
        log_var_a=X,
        mean_b=tensors(5, 3),
        log_var_b=tensors(5, 3),
    ),
    entry("ops.random_projections", ops.random_projections, num=size(4), dim=size(3), seed=SEED),
    entry("ops.random_triplets", ops.random_triplets, positives=MASK, negatives=MASK, seed=SEED),
    entry("ops.sample_gaussian", ops.sample_gaussian, mean=X, log_var=X, seed=SEED),
    entry(
        "ops.semi_hard_triplets",
        ops.semi_hard_triplets,
        distances=tensors(4, 4),
        positives=MASK,
        negatives=MASK,
        margin=positive(1.0).but("infinity"),
        seed=SEED,
    ),
    entry("ops.slerp", ops.slerp, a=X, b=X, t=T),
    entry(
        "ops.sliced_wasserstein",
        ops.sliced_wasserstein,
        x=X,
        y=tensors(5, 3),
        projections=tensors(2, 3),
        p=choice(2).also(fraction=1.5),
    ),
    entry("ops.symmetric_kl", ops.symmetric_kl, mean_a=X, log_var_a=X, mean_b=X, log_var_b=X),
    entry(
        "ops.triplet_hinge",
        ops.triplet_hinge,
        d_positive=DISTANCE,
        d_negative=DISTANCE,
        margin=non_negative(1.0),
    ),
    entry("ops.triplet_masks", ops.triplet_masks, labels=labels(4).but("too many")),
    entry(
        "ops.triplet_masks of two",
        ops.triplet_masks,
        labels=labels(4).but("too many"),
        other_labels=labels(5).but("too many", "none"),
    ),
    entry("ops.triplet_softplus", ops.triplet_softplus, d_positive=DISTANCE, d_negative=DISTANCE),
    # Weights may be flags or counts.
    entry(
        "ops.weighted_mean",
        ops.weighted_mean,
        values=DISTANCE,
        weights=DISTANCE.but("integers", "bools"),
    ),
]
