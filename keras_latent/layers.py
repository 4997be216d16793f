"""Keras layers for sampling, gated mixing, distances, triplet mining and audio networks."""

from keras_latent.src.layers.gated_mixing import GatedMixingLayer
from keras_latent.src.layers.gaussian_sampling import GaussianSampling
from keras_latent.src.layers.phase_shuffle import PhaseShuffle
from keras_latent.src.layers.polyphase import PolyphaseConv1D, PolyphaseConv1DTranspose
from keras_latent.src.layers.sliced_wasserstein import SlicedWasserstein
from keras_latent.src.layers.triplet_miner import TripletMiner

__all__ = [
    "GatedMixingLayer",
    "GaussianSampling",
    "PhaseShuffle",
    "PolyphaseConv1D",
    "PolyphaseConv1DTranspose",
    "SlicedWasserstein",
    "TripletMiner",
]
