"""Tensor functions on `keras.ops`: divergences, distances, likelihoods, interpolation, mining."""

from keras_latent.src.ops.distances import euclidean, pairwise_euclidean
from keras_latent.src.ops.divergences import gaussian_kl, pairwise_symmetric_kl, symmetric_kl
from keras_latent.src.ops.gaussian import bound_log_var, log_softplus, sample_gaussian
from keras_latent.src.ops.interpolation import interpolate, lerp, slerp
from keras_latent.src.ops.likelihoods import bernoulli_log_prob, gaussian_log_prob
from keras_latent.src.ops.mining import (
    all_triplets,
    hard_triplets,
    random_triplets,
    semi_hard_triplets,
    triplet_masks,
)
from keras_latent.src.ops.sliced_wasserstein import random_projections, sliced_wasserstein
from keras_latent.src.ops.triplets import triplet_hinge, triplet_softplus, weighted_mean

__all__ = [
    "all_triplets",
    "bernoulli_log_prob",
    "bound_log_var",
    "euclidean",
    "gaussian_kl",
    "gaussian_log_prob",
    "hard_triplets",
    "interpolate",
    "lerp",
    "log_softplus",
    "pairwise_euclidean",
    "pairwise_symmetric_kl",
    "random_projections",
    "random_triplets",
    "sample_gaussian",
    "semi_hard_triplets",
    "slerp",
    "sliced_wasserstein",
    "symmetric_kl",
    "triplet_hinge",
    "triplet_masks",
    "triplet_softplus",
    "weighted_mean",
]
