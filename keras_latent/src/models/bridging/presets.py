"""The presets of `BridgingVAE`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of


def networks():
    from keras_latent.src.models.bridging import networks

    return networks


PRESETS = presets_of(
    "BridgingVAE",
    {
        "bridging_mnist": Preset(
            "The bridge of the latent domain transfer paper between two image models: 8 shared "
            "dimensions, four layers of 512 each way; beta_KL is 0.005, as in its "
            "reference code: with the 0.05 of the paper's appendix, nothing can be reconstructed.",
            lambda: networks().bridging_mlp(),
        ),
        "bridging_mnist_sharp": Preset(
            "`bridging_mnist` with 16 shared dimensions, a larger weight of the classifier, and "
            "reconstruction of means instead of draws.",
            lambda: (
                networks().bridging_mlp(shared_dim=16)
                | {"denoise": True, "beta_kl": 0.002, "beta_cls": 1.0}
            ),
        ),
        "bridging_digits": Preset(
            "A small bridge between two `vae_digits`: 8 shared dimensions, two layers of 128.",
            lambda: (
                networks().bridging_mlp(latent_dim=32, hidden=128, depth=2)
                | {"denoise": True, "beta_kl": 0.002, "beta_cls": 0.5}
            ),
        ),
        "bridging_speech": Preset(
            "The bridge of the paper between digits and speech: 16 shared dimensions, eight layers "
            "of 1,024 each way.",
            lambda: (
                networks().bridging_mlp(shared_dim=16, hidden=1024, depth=8)
                | {"beta_kl": 0.01, "beta_swd": 3.0, "beta_cls": 0.3}
            ),
        ),
    },
)
