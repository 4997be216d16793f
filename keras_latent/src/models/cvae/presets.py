"""The presets of `CVAE`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

DIGITS = (8, 8, 1)
FACES = (64, 64, 3)
#: `observation_variance` in squared pixels: about the error that remains, so that the KL
#: divergence does not dominate.
FACES_VAE = {"attributes": 40, "observation_variance": 0.02}


def networks():
    from keras_latent.src.models.cvae import networks

    return networks


PRESETS = presets_of(
    "CVAE",
    {
        "cvae_celeba": Preset(
            "The networks of `dual_vae_celeba`, with 40 attributes as input.",
            lambda: networks().cvae(FACES, 40, 256, width=64) | FACES_VAE,
        ),
        "cvae_celeba_small": Preset(
            "The networks of `dual_vae_celeba_small`, with 40 attributes as input.",
            lambda: networks().cvae(FACES, 40, width=16) | FACES_VAE,
        ),
        "cvae_digits": Preset(
            "Scikit-learn's 8x8 digits, with ten attributes as input; one dense layer each way.",
            lambda: networks().cvae(DIGITS, 10, 32, None, 256) | {"attributes": 10},
        ),
    },
)
