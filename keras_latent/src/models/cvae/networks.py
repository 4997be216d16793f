"""Networks for CVAE, as a plain function that returns Keras models."""

import keras
from keras import layers

from keras_latent.src.models.base.attribute_blocks import bodies, with_attributes
from keras_latent.src.models.base.blocks import gaussian_heads


def cvae(
    event_shape: tuple[int, ...],
    attributes: int,
    latent_dim: int = 128,
    width: int | None = 32,
    hidden: int | None = None,
) -> dict[str, keras.Model]:
    """The networks of `DualVAE`, with the attributes as further features and latents."""
    features, body = bodies(event_shape, latent_dim, attributes, width, hidden)
    x, y = keras.Input(event_shape), keras.Input((attributes,))
    h = layers.Concatenate()([features(x), y])
    heads = gaussian_heads(h.shape[-1], latent_dim, "heads")
    encoder = keras.Model([x, y], heads(h), name="encoder")
    return {"encoder": encoder, "decoder": with_attributes(body, latent_dim, attributes)}
