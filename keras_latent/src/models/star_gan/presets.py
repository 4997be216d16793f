"""The presets of `StarGAN`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

DIGITS = (8, 8, 1)
FACES = (64, 64, 3)


def networks():
    from keras_latent.src.models.star_gan import networks

    return networks


PRESETS = presets_of(
    "StarGAN",
    {
        "star_gan_faces": Preset(
            "The paper's generator for 64x64 faces with 40 attributes, and a discriminator with "
            "the convolutions of `dual_vae_celeba`.",
            lambda: networks().star_gan(FACES, 40, width=64) | {"attributes": 40},
        ),
        "star_gan_faces_small": Preset(
            "`star_gan_faces` with a quarter of the width, that of `dual_vae_celeba_small`.",
            lambda: networks().star_gan(FACES, 40, width=16) | {"attributes": 40},
        ),
        "star_gan_digits": Preset(
            "Scikit-learn's 8x8 digits with ten attributes; networks of one hidden layer.",
            lambda: networks().star_gan(DIGITS, 10, None, 256) | {"attributes": 10},
        ),
    },
)
