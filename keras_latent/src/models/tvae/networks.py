"""A convolutional network for TVAE, as a plain function that returns Keras models."""

import keras
from keras import layers

from keras_latent.src.layers.convolutions import Conv2D
from keras_latent.src.models.base.blocks import gaussian_heads
from keras_latent.src.models.vae.networks import vae_mlp


def vae_conv_mlp(
    event_shape: tuple[int, int, int], hidden: int = 400, latent_dim: int = 20
) -> dict[str, keras.Model]:
    """`vae_mlp` with an encoder of four 3x3 convolutions, every other one of stride 2."""
    x = keras.Input(event_shape)
    features = x
    for filters, strides in ((32, 2), (64, 1), (64, 2), (64, 1)):
        features = Conv2D(filters, 3, strides, padding="same", use_bias=False)(features)
        features = layers.BatchNormalization(momentum=0.9)(features)
        features = layers.ReLU()(features)
    features = layers.Dropout(0.4)(layers.Flatten()(features))
    heads = gaussian_heads(features.shape[-1], latent_dim, "heads")
    encoder = keras.Model(x, heads(features), name="encoder")
    return vae_mlp(event_shape, hidden, latent_dim) | {"encoder": encoder}
