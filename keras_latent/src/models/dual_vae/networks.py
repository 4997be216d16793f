"""Networks for DualVAE, as a plain function that returns Keras models."""

import keras

from keras_latent.src.models.base.attribute_blocks import bodies
from keras_latent.src.models.base.blocks import gaussian_heads


def dual_vae(
    event_shape: tuple[int, ...],
    latent_dim: int = 128,
    width: int | None = 32,
    hidden: int | None = None,
) -> dict[str, keras.Model]:
    """Encoder and decoder for `VAE` and `DualVAE`.

    Args:
        event_shape: Shape of an image.
        latent_dim: Size of the latent.
        width: Filters of the first convolution; `None`: one dense layer instead.
        hidden: Width of that dense layer.
    """
    features, body = bodies(event_shape, latent_dim, 0, width, hidden)
    x = keras.Input(event_shape)
    heads = gaussian_heads(features.output_shape[-1], latent_dim, "heads")
    encoder = keras.Model(x, heads(features(x)), name="encoder")
    z = keras.Input((latent_dim,))
    return {"encoder": encoder, "decoder": keras.Model(z, body(z), name="decoder")}
