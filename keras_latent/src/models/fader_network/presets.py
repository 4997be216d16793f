"""The presets of `FaderNetwork`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

DIGITS = (8, 8, 1)
FACES = (64, 64, 3)


def networks():
    from keras_latent.src.models.fader_network import networks

    return networks


PRESETS = presets_of(
    "FaderNetwork",
    {
        "fader_celeba": Preset(
            "The networks of `dual_vae_celeba`, whose decoder takes 40 attributes.",
            lambda: networks().fader(FACES, 40, 256, width=64) | {"attributes": 40},
        ),
        "fader_celeba_small": Preset(
            "The networks of `dual_vae_celeba_small`, whose decoder takes 40 attributes, and "
            "a warm-up of 2,000 steps.",
            lambda: networks().fader(FACES, 40, width=16) | {"attributes": 40, "warm_up": 2000},
        ),
        "fader_digits": Preset(
            "Scikit-learn's 8x8 digits with ten attributes; one dense layer each way.",
            lambda: (
                networks().fader(DIGITS, 10, 32, None, 256, discriminator=64)
                | {"attributes": 10, "warm_up": 200}
            ),
        ),
    },
)
