"""The presets of `LatentDomainTransfer`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of

MNIST = (28, 28, 1)
DIGITS = (8, 8, 1)


def transfer(event_shape, hidden, latent_dim, sizes):
    """Two VAEs of one hidden layer and a bridge, as arguments of `LatentDomainTransfer`."""
    from keras_latent.src.models.bridging.bridging_vae import BridgingVAE
    from keras_latent.src.models.bridging.networks import bridging_mlp
    from keras_latent.src.models.vae.networks import vae_mlp
    from keras_latent.src.models.vae.vae import VAE

    shared_dim, width, depth = sizes
    vaes = {
        domain: VAE(
            **vae_mlp(event_shape, hidden=hidden, latent_dim=latent_dim),
            observation_variance=0.05,
            name=domain,
        )
        for domain in ("source", "target")
    }
    bridge = BridgingVAE(
        **bridging_mlp(latent_dim=latent_dim, shared_dim=shared_dim, hidden=width, depth=depth),
        denoise=True,
        beta_kl=0.002,
        beta_cls=1.0,
    )
    return vaes | {"bridge": bridge}


PRESETS = presets_of(
    "LatentDomainTransfer",
    {
        "transfer_digits_transpose": Preset(
            "From scikit-learn's 8x8 digits to transposed digits of the same class: two small VAEs "
            "and the bridge between them.",
            lambda: transfer(DIGITS, 256, 32, (8, 128, 2)),
        ),
        "transfer_mnist_fashion": Preset(
            "From digits of MNIST to clothes of Fashion-MNIST and back: two small VAEs and the "
            "bridge between them.",
            lambda: transfer(MNIST, 256, 32, (16, 256, 3)),
        ),
    },
)
