"""Evaluation metrics, and the classifiers that some of them use."""

from keras_latent.src.metrics.attribute_report import attribute_report
from keras_latent.src.metrics.classifiers.attribute_classifier import attribute_classifier
from keras_latent.src.metrics.classifiers.audio_classifier import (
    build_audio_classifier,
    reference_audio_classifier,
)
from keras_latent.src.metrics.classifiers.reference_classifier import (
    build_classifier,
    reference_classifier,
)
from keras_latent.src.metrics.conditional_inception_score import ConditionalInceptionScore
from keras_latent.src.metrics.frechet_distance import FrechetDistance
from keras_latent.src.metrics.kernel_distance import kernel_distance
from keras_latent.src.metrics.label_free import (
    circular_validation,
    mutual_information,
    negative_entropy,
    soft_neighborhood_density,
)
from keras_latent.src.metrics.log_likelihood import LogLikelihood, log_likelihood
from keras_latent.src.metrics.nearest_neighbor_accuracy import NearestNeighborAccuracy
from keras_latent.src.metrics.transfer_accuracy import TransferAccuracy
from keras_latent.src.metrics.triplet_accuracy import TripletAccuracy

__all__ = [
    "ConditionalInceptionScore",
    "FrechetDistance",
    "LogLikelihood",
    "NearestNeighborAccuracy",
    "TransferAccuracy",
    "TripletAccuracy",
    "attribute_classifier",
    "attribute_report",
    "build_audio_classifier",
    "build_classifier",
    "negative_entropy",
    "circular_validation",
    "kernel_distance",
    "log_likelihood",
    "mutual_information",
    "reference_audio_classifier",
    "reference_classifier",
    "soft_neighborhood_density",
]
