"""The presets of `JMVAE`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

#: As in the presets of `VBTA`, so that the methods are compared and not the likelihoods.
SQUARED_ERROR = {"observation_variance": 0.5}


def networks():
    from keras_latent.src.models.jmvae import networks

    return networks


PRESETS = presets_of(
    "JMVAE",
    {
        "jmvae_mnist_transpose": Preset(
            "The counterpart of `vbta_mnist_transpose`: networks of its sizes, reconstruction by "
            "squared errors (variance 1/2), alpha = 1.",
            lambda: networks().jmvae_mlp((28, 28, 1)) | SQUARED_ERROR,
        ),
        "jmvae_digits_transpose": Preset(
            "The same for scikit-learn's 8x8 digits, half as wide.",
            lambda: networks().jmvae_mlp((8, 8, 1), hidden=256, latent_dim=32) | SQUARED_ERROR,
        ),
    },
)
