"""Networks for FaderNetwork, as a plain function that returns Keras models."""

import keras
from keras import layers

from keras_latent.src.models.base.attribute_blocks import bodies, with_attributes


def fader(
    event_shape: tuple[int, ...],
    attributes: int,
    latent_dim: int = 128,
    width: int | None = 32,
    hidden: int | None = None,
    discriminator: int = 512,
) -> dict[str, keras.Model]:
    """The networks of `DualVAE`, and a discriminator with `discriminator` hidden units."""
    features, body = bodies(event_shape, latent_dim, attributes, width, hidden)
    x = keras.Input(event_shape)
    encoder = keras.Model(x, layers.Dense(latent_dim)(features(x)), name="encoder")
    critic = keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(discriminator),
            layers.LeakyReLU(0.2),
            # Seeded: else it draws from PyTorch's own stream there, which no file keeps.
            layers.Dropout(0.3, seed=0),
            layers.Dense(attributes, dtype="float32"),
        ],
        name="discriminator",
    )
    return {
        "encoder": encoder,
        "decoder": with_attributes(body, latent_dim, attributes),
        "discriminator": critic,
    }
