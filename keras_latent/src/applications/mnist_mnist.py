"""BridgingVAE between two VAEs of MNIST of different seeds: tables 1 to 4 of its paper."""

import argparse

from keras_latent.src.applications import bridging, image_bridge
from keras_latent.src.applications.run_directory import RunDirectory

prolong = bridging.prolong
report = bridging.report


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains, measures and draws; returns the figures of `metrics.json`."""
    # The bridge's seed changes the bridge alone: the frozen models are always these two.
    names, seeds = ("mnist", "mnist"), (0, 1)
    return image_bridge.run(arguments, directory, "mnist_mnist", names, seeds)
