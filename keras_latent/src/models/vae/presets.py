"""The presets of `VAE`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

MNIST = (28, 28, 1)
DIGITS = (8, 8, 1)
FACES = (64, 64, 3)
SPECTROGRAM = (64, 64, 1)


def networks():
    from keras_latent.src.models.vae import networks

    return networks


def face_networks():
    from keras_latent.src.models.vbta import face_networks

    return face_networks


def bridging_networks():
    from keras_latent.src.models.bridging import networks

    return networks


PRESETS = presets_of(
    "VAE",
    {
        "vae_celeba_small": Preset(
            "64x64 faces in one domain: the networks of `vbta_celeba`, half as wide, 128 latents.",
            lambda: (
                face_networks().vae_faces(FACES, (16, 16), 4096, 128)
                | {"observation_variance": 0.02}
            ),
        ),
        "vae_mnist": Preset(
            "The single-domain counterpart of `vbta_mnist_transpose`.",
            lambda: networks().vae_mlp(MNIST) | {"observation_variance": 0.5},
        ),
        "vae_mnist_bridging": Preset(
            "The base model of the latent domain transfer paper for 28x28 images: three layers of "
            "1,024 each way, 100 latents, pixels of standard deviation 0.1.",
            lambda: bridging_networks().deep_vae_mlp(MNIST),
        ),
        "vae_spoken_digit": Preset(
            "Log-mel spectrograms of spoken digits, one second as 64x64 images: two layers of "
            "512 each way between 300 principal components, 16 latents. From spectrograms, "
            "`keras-latent run mnist-spoken-digit` makes sounds.",
            lambda: (
                bridging_networks().components_vae_mlp(SPECTROGRAM)
                | {"observation_variance": 0.004}
            ),
        ),
        "vae_digits": Preset(
            "The single-domain counterpart of `vbta_digits_transpose`.",
            lambda: (
                networks().vae_mlp(DIGITS, hidden=256, latent_dim=32)
                | {"observation_variance": 0.5}
            ),
        ),
    },
)
