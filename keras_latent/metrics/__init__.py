"""Measures of transfer, and the classifiers that some of them need."""

from keras_latent.metrics.reference_classifier import build_classifier, reference_classifier
from keras_latent.metrics.transfer_accuracy import TransferAccuracy

__all__ = ["TransferAccuracy", "build_classifier", "reference_classifier"]
