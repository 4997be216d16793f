"""Networks of a VAE with one hidden layer, as a plain function that returns Keras models."""

import keras

from keras_latent.src.models.base.blocks import (
    dense_relu,
    gaussian_heads,
    linear_decoder,
    mlp_encoder,
)


def vae_mlp(
    event_shape: tuple[int, ...], hidden: int = 512, latent_dim: int = 64
) -> dict[str, keras.Model]:
    """One hidden ReLU layer each way, with a softplus variance, as arguments of `VAE`."""
    x = keras.Input(event_shape)
    features = mlp_encoder(event_shape, hidden, "features")(x)
    encoder = keras.Model(x, gaussian_heads(hidden, latent_dim, "heads")(features), name="encoder")
    z = keras.Input((latent_dim,))
    features = dense_relu(latent_dim, hidden, "hidden")(z)
    decoder = keras.Model(
        z, linear_decoder(hidden, event_shape, "output")(features), name="decoder"
    )
    return {"encoder": encoder, "decoder": decoder}
