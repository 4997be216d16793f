"""Tensor functions."""

from arguments import floats
from cases import entry

from keras_latent import ops

MEAN = floats(4, 3)

ENTRIES = [
    entry("ops.euclidean", ops.euclidean, a=MEAN, b=MEAN),
    entry("ops.pairwise_euclidean", ops.pairwise_euclidean, a=MEAN, b=floats(5, 3)),
    entry("ops.gaussian_kl", ops.gaussian_kl, mean=MEAN, log_var=MEAN),
]
