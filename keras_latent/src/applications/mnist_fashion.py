"""BridgingVAE between MNIST and Fashion-MNIST: tables 1, 2 and 5 of its paper."""

import argparse

from keras_latent.src.applications import bridging, image_bridge
from keras_latent.src.applications.run_directory import RunDirectory

prolong = bridging.prolong
report = bridging.report


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains, measures and draws; returns the figures of `metrics.json`."""
    names, seeds = ("mnist", "fashion_mnist"), (0, 0)
    return image_bridge.run(arguments, directory, "mnist_fashion", names, seeds)
