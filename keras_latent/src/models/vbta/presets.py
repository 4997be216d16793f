"""The presets of `VBTA`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

MNIST = (28, 28, 1)
DIGITS = (8, 8, 1)
FACES = (64, 64, 3)
#: The paper does not state the variance. With 1/2, the loss is the squared error. With 1, it is
#: half of that, and transfers are too blurred for the printed accuracy.
SQUARED_ERROR = {"observation_variance": 0.5}


def networks():
    from keras_latent.src.models.vbta import networks

    return networks


def face_networks():
    from keras_latent.src.models.vbta import face_networks

    return face_networks


PRESETS = presets_of(
    "VBTA",
    {
        "vbta_celeba": Preset(
            "The configuration of the VBTA paper for 64x64 faces of men and of women: "
            "reconstruction by squared errors (variance 1/2), alpha = beta = gamma = 1. The paper "
            "does not state the filters (here 32).",
            lambda: face_networks().vbta_faces(FACES) | SQUARED_ERROR,
        ),
        "vbta_celeba_small": Preset(
            "64x64 faces of men and of women for two CPU cores: one encoder for both "
            "domains, a deep decoder per domain, 128 latents, squared errors, and a sliced "
            "Wasserstein distance between the domains' latents.",
            lambda: (
                face_networks().vbta_faces_apart(FACES, 32, 128) | SQUARED_ERROR | {"swd": 500.0}
            ),
        ),
        "vbta_mnist_transpose": Preset(
            "The configuration of the VBTA paper for MNIST: reconstruction by squared errors "
            "(variance 1/2), alpha = beta = gamma = 1, and no loss on the pairs except the "
            "triplets.",
            lambda: networks().vbta_mlp(MNIST) | SQUARED_ERROR,
        ),
        "vbta_mnist_transpose_sharp": Preset(
            "The paper's networks with less observation noise and cross-reconstruction of the "
            "known pairs: sharper translations.",
            lambda: (
                networks().vbta_mlp(MNIST)
                | {"observation_variance": 0.05, "gamma": 10.0, "cross_reconstruction": 1.0}
            ),
        ),
        "vbta_digits_transpose": Preset(
            "The paper's configuration for scikit-learn's 8x8 digits, half as wide.",
            lambda: networks().vbta_mlp(DIGITS, hidden=256, latent_dim=32) | SQUARED_ERROR,
        ),
        "vbta_digits_transpose_sharp": Preset(
            "`vbta_mnist_transpose_sharp` for scikit-learn's 8x8 digits, half as wide.",
            lambda: (
                networks().vbta_mlp(DIGITS, hidden=256, latent_dim=32)
                | {"observation_variance": 0.05, "gamma": 10.0, "cross_reconstruction": 1.0}
            ),
        ),
    },
)
