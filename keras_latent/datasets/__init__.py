"""Pairs of domains, of images or of sounds, ready for `model.fit`."""

from keras_latent.src.datasets.batches.latent_batches import LatentBatches
from keras_latent.src.datasets.batches.random_affine import RandomAffine
from keras_latent.src.datasets.batches.random_flip import RandomFlip
from keras_latent.src.datasets.folders.find_duplicates import find_duplicates
from keras_latent.src.datasets.folders.images_from_folder import FolderImages, images_from_folder
from keras_latent.src.datasets.folders.pair_from_folders import pair_from_folders
from keras_latent.src.datasets.matching.match_by_attributes import match_by_attributes
from keras_latent.src.datasets.matching.match_by_geometry import match_by_geometry
from keras_latent.src.datasets.matching.propagate_labels import propagate_labels
from keras_latent.src.datasets.pairs.domain_pair import DomainPair
from keras_latent.src.datasets.pairs.from_arrays import pair_from_arrays
from keras_latent.src.datasets.pairs.load_pair import load_pair
from keras_latent.src.datasets.sources.audio import fit_length, peak_normalize, read_wav
from keras_latent.src.datasets.sources.export_npz import export_npz
from keras_latent.src.datasets.sources.load_arrays import load_arrays
from keras_latent.src.datasets.sources.load_faces import Faces, load_faces
from keras_latent.src.datasets.sources.names import CELEBA_ATTRIBUTES
from keras_latent.src.datasets.sources.sounds import SAMPLE_RATES

__all__ = [
    "CELEBA_ATTRIBUTES",
    "SAMPLE_RATES",
    "DomainPair",
    "Faces",
    "FolderImages",
    "LatentBatches",
    "RandomAffine",
    "RandomFlip",
    "export_npz",
    "find_duplicates",
    "fit_length",
    "images_from_folder",
    "load_arrays",
    "load_faces",
    "load_pair",
    "match_by_attributes",
    "match_by_geometry",
    "pair_from_arrays",
    "pair_from_folders",
    "peak_normalize",
    "propagate_labels",
    "read_wav",
]
