"""The networks of the VBTA paper for MNIST, as plain functions that return Keras models."""

import keras

from keras_latent.src.models.base.blocks import (
    dense_relu,
    gaussian_heads,
    linear_decoder,
    mlp_encoder,
)


def vbta_mlp(
    event_shape: tuple[int, ...], hidden: int = 512, latent_dim: int = 64
) -> dict[str, keras.Model]:
    """The networks of the VBTA paper for MNIST (section 5.3), as arguments of `VBTA`.

    `E_x`, `E_y` and `D` have one ReLU layer each; `E`, `D_x` and `D_y` are linear.
    """
    networks = {
        "shared_encoder": gaussian_heads(hidden, latent_dim, "shared_encoder"),
        "shared_decoder": dense_relu(latent_dim, hidden, "shared_decoder"),
    }
    for domain in ("source", "target"):
        encoder, decoder = f"{domain}_encoder", f"{domain}_decoder"
        networks[encoder] = mlp_encoder(event_shape, hidden, encoder)
        networks[decoder] = linear_decoder(hidden, event_shape, decoder)
    return networks
