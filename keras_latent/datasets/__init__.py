"""Pairs of image domains, ready for `model.fit`."""

from keras_latent.datasets.domain_pair import DomainPair
from keras_latent.datasets.export_npz import export_npz
from keras_latent.datasets.from_arrays import pair_from_arrays
from keras_latent.datasets.load_arrays import load_arrays
from keras_latent.datasets.load_pair import load_pair
from keras_latent.datasets.match_by_geometry import match_by_geometry
from keras_latent.datasets.random_affine import RandomAffine

__all__ = [
    "DomainPair",
    "RandomAffine",
    "export_npz",
    "load_arrays",
    "load_pair",
    "match_by_geometry",
    "pair_from_arrays",
]
