"""The presets of `DualVAE`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

DIGITS = (8, 8, 1)
FACES = (64, 64, 3)
#: `observation_variance` in squared pixels: about the error that remains, so that the KL
#: divergence does not dominate.
FACES_VAE = {"attributes": 40, "observation_variance": 0.02}
FACES_DUAL = {"alpha": 1.0, "use_bias": True, "consistency": 50.0, "input_noise": 0.1}


def networks():
    from keras_latent.src.models.dual_vae import networks

    return networks


PRESETS = presets_of(
    "DualVAE",
    {
        "dual_vae_celeba": Preset(
            "64x64 faces with 40 attributes: four convolutions each way, 256 latents, for a GPU. "
            "The paper does not state its networks.",
            lambda: networks().dual_vae(FACES, 256, width=64) | FACES_VAE | FACES_DUAL,
        ),
        "dual_vae_celeba_small": Preset(
            "`dual_vae_celeba` with a quarter of the width and 128 latents, for two CPU cores.",
            lambda: networks().dual_vae(FACES, width=16) | FACES_VAE | FACES_DUAL,
        ),
        "dual_vae_digits": Preset(
            "Scikit-learn's 8x8 digits with ten attributes; one dense layer each way.",
            lambda: (
                networks().dual_vae(DIGITS, 32, None, 256)
                | {"attributes": 10, "observation_variance": 0.05, "consistency": 20.0}
            ),
        ),
    },
)
