"""Small models of two real domains, with and without shared parts."""

import keras
import numpy as np
from keras import layers

from keras_latent import datasets, models
from keras_latent.layers import PhaseShuffle, PolyphaseConv1D, PolyphaseConv1DTranspose
from keras_latent.src.models.base import blocks
from keras_latent.src.models.cvae import networks as cvae_networks
from keras_latent.src.models.cyclegan import networks as cyclegan_networks
from keras_latent.src.models.dual_vae import networks as dual_vae_networks
from keras_latent.src.models.fader_network import networks as fader_networks
from keras_latent.src.models.jmvae.networks import jmvae_mlp
from keras_latent.src.models.lstnet import networks as lstnet_networks
from keras_latent.src.models.pix2pix import networks as pix2pix_networks
from keras_latent.src.models.star_gan import networks as star_gan_networks
from keras_latent.src.models.vae.networks import vae_mlp
from keras_latent.src.models.vbta.networks import vbta_mlp

DIGIT, SKETCH = (8, 8, 1), (6, 4, 3)


def digits(rows=200):
    """Real digits and their transposes, float32 in [0, 1]."""
    (images, _), _ = datasets.load_arrays("digits")
    images = (images[:rows] / 255).astype("float32")
    return images, np.ascontiguousarray(images.swapaxes(1, 2))


def labelled_digits(rows=200):
    """The same digits, float32 in [0, 1], and which digit each is."""
    (_, labels), _ = datasets.load_arrays("digits")
    return digits(rows)[0], labels[:rows]


def sketches(images):
    """The same digits in another shape, (6, 4, 3): cut, thinned and coloured."""
    return images[:, 1:7, ::2] * np.array([1.0, 0.5, 0.25], "float32")


def batch(rows=200, paired=None, other=sketches):
    """Source 8x8x1, target 6x4x3."""
    images, _ = digits(rows)
    known = np.ones(rows, bool) if paired is None else np.asarray(paired)
    return {"source": images, "target": other(images), "paired": known}


def vae(hidden=16, latent_dim=4, shape=DIGIT, **kwargs):
    return models.VAE(**vae_mlp(shape, hidden, latent_dim), seed=1, **kwargs)


def tvae(hidden=16, latent_dim=4, shape=DIGIT, **kwargs):
    return models.TVAE(**vae_mlp(shape, hidden, latent_dim), **({"seed": 1} | kwargs))


def vbta(hidden=16, latent_dim=4, source=DIGIT, target=SKETCH, **kwargs):
    """A VBTA with shared parts and domains of unequal shapes."""
    parts = vbta_mlp(source, hidden, latent_dim)
    other = vbta_mlp(target, hidden, latent_dim)
    parts |= {name: other[name] for name in ("target_encoder", "target_decoder")}
    return models.VBTA(**parts, **({"seed": 1} | kwargs))


def jmvae(hidden=8, latent_dim=4, source=DIGIT, target=SKETCH, **kwargs):
    """A JMVAE of domains of unequal shapes."""
    return models.JMVAE(**jmvae_mlp(source, hidden, latent_dim, target), **{"seed": 1} | kwargs)


# Rows as in `lstnet_networks`: both domains become features of 4x4.
LSTNET_TABLES = {
    "source_encoder": ((1, 3, 2, "same"),),
    "target_encoder": ((1, (3, 1), 1, "valid"),),
    "shared_encoder": ((1, 3, 1, "same"),),
    "shared_generator": ((1, 3, 1, "same"),),
    "source_generator": ((1, 3, 2, "same"),),
    "target_generator": ((1, (3, 1), 1, "valid"),),
    "source_discriminator": ((1, 3, "same", 2),),
    "target_discriminator": ((1, 3, "same", 2),),
    "latent_discriminator": ((1, 3, "same", 1),),
}


def lstnet(width=4, spectral_normalization=False, **kwargs):
    """An LSTNet of convolutions with batch normalisation, for domains of unequal shapes."""
    shapes = {"source": DIGIT, "target": SKETCH, "latent": (4, 4, width)}
    parts = {}
    for name, table in LSTNET_TABLES.items():
        domain, kind = name.split("_")
        shape = shapes.get(domain, shapes["latent"])
        if kind == "discriminator":
            parts[name] = lstnet_networks.discriminator(
                table, width, shape, name, spectral_normalization
            )
        elif kind == "encoder" or domain == "shared":
            parts[name] = lstnet_networks.convolutions(
                table, width, shape, name, transposed=kind == "generator"
            )
        else:
            parts[name] = lstnet_networks.generator(table, width, shapes["latent"], shape[-1], name)
    return models.LSTNet(**parts, **({"seed": 1} | kwargs))


def lstnet_parts(hidden=8, latent_dim=4, source=DIGIT, target=SKETCH):
    """Networks of an LSTNet of dense layers, which compile fast."""
    parts = {
        "shared_encoder": blocks.dense_relu(hidden, latent_dim, "shared_encoder"),
        "shared_generator": blocks.dense_relu(latent_dim, hidden, "shared_generator"),
    }
    for name, shape in {"source": source, "target": target, "latent": (latent_dim,)}.items():
        parts[f"{name}_discriminator"] = keras.Sequential(
            [
                keras.Input(shape),
                layers.Flatten(),
                layers.Dense(hidden, activation="tanh"),
                layers.Dense(1),
            ],
            name=f"{name}_discriminator",
        )
        if name != "latent":
            encoder, generator = f"{name}_encoder", f"{name}_generator"
            parts[encoder] = blocks.mlp_encoder(shape, hidden, encoder)
            parts[generator] = blocks.linear_decoder(hidden, shape, generator)
            parts[generator].add(layers.Activation("tanh"))
    return parts


def lstnet_mlp(hidden=8, latent_dim=4, source=DIGIT, target=SKETCH, **kwargs):
    """An LSTNet of dense layers, without batch normalisation."""
    parts = lstnet_parts(hidden, latent_dim, source, target)
    return models.LSTNet(**parts | {"seed": 1} | kwargs)


def unit_mlp(*sizes, **kwargs):
    """A UNIT of dense layers, without batch normalisation."""
    parts = lstnet_parts(*sizes)
    del parts["latent_discriminator"]
    return models.UNIT(**parts | {"seed": 1} | kwargs)


def cogan(hidden=8, latent_dim=4, source=DIGIT, target=SKETCH, **kwargs):
    """A CoGAN of dense layers, with a batch normalisation in the shared generator."""
    parts = lstnet_parts(hidden, latent_dim, source, target)
    del parts["latent_discriminator"]
    parts["shared_generator"].add(layers.BatchNormalization())
    for name, shape in {"source": source, "target": target}.items():
        first = blocks.mlp_encoder(shape, hidden, f"{name}_discriminator")
        parts[f"{name}_discriminator"] = first
    parts["shared_discriminator"] = keras.Sequential(
        [keras.Input((hidden,)), layers.Dense(hidden, activation="tanh"), layers.Dense(1)],
        name="shared_discriminator",
    )
    parts["shared_encoder"] = keras.Sequential(
        [keras.Input((hidden,)), layers.Dense(latent_dim)], name="shared_encoder"
    )
    return models.CoGAN(**parts, **{"seed": 1} | kwargs)


def cyclegan(hidden=8, source=DIGIT, target=SKETCH, **kwargs):
    """A CycleGAN of dense layers, for domains of unequal shapes."""
    judges = lstnet_parts(hidden, 4, source, target)
    parts = {name: judges[name] for name in ("source_discriminator", "target_discriminator")}
    for name, shape, made in (("source", target, source), ("target", source, target)):
        name = f"{name}_generator"
        parts[name] = cyclegan_networks.mlp_generator(shape, made, hidden, name)
    return models.CycleGAN(**parts, **({"seed": 1} | kwargs))


def pix2pix(hidden=8, source=DIGIT, target=SKETCH, **kwargs):
    """A Pix2Pix of dense layers, for domains of unequal shapes."""
    return models.Pix2Pix(**pix2pix_networks.pix2pix_mlp(source, target, hidden), **kwargs)


def dual_vae(attributes=3, latent_dim=4, **kwargs):
    parts = dual_vae_networks.dual_vae(DIGIT, latent_dim, None, 16)
    return models.DualVAE(**parts, attributes=attributes, **({"seed": 1} | kwargs))


def cvae(attributes=3, latent_dim=4, **kwargs):
    number = attributes if isinstance(attributes, int) else len(attributes)
    parts = cvae_networks.cvae(DIGIT, number, latent_dim, None, 16)
    return models.CVAE(**parts, attributes=attributes, **({"seed": 1} | kwargs))


def fader(attributes=3, latent_dim=4, **kwargs):
    number = attributes if isinstance(attributes, int) else len(attributes)
    parts = fader_networks.fader(DIGIT, number, latent_dim, None, 16, 8)
    return models.FaderNetwork(**parts, attributes=attributes, **({"warm_up": 4} | kwargs))


def star_gan(attributes=3, hidden=8, **kwargs):
    number = attributes if isinstance(attributes, int) else len(attributes)
    parts = star_gan_networks.star_gan(DIGIT, number, None, hidden)
    return models.StarGAN(**parts, attributes=attributes, **({"seed": 1} | kwargs))


def attributed_digits(rows=200):
    """Digits, and three attributes of them: has a loop, has none, is above 4; some missing."""
    x, labels = labelled_digits(rows)
    y = np.stack([np.isin(labels, [0, 6, 8, 9]), np.isin(labels, [1, 3, 5, 7]), labels > 4], 1)
    y = y.astype("int32")
    y[::5, 0] = -1
    return x, y


def wavegan(**kwargs):
    """One layer of each kind, for waveforms of 16 samples: XLA compiles it at once."""
    generator = [
        keras.Input((4,)),
        layers.Dense(8, activation="relu"),
        layers.Reshape((4, 2)),
        PolyphaseConv1DTranspose(1, 25, 4),
        layers.Activation("tanh", dtype="float32"),
    ]
    critic = [
        keras.Input((16, 1)),
        PolyphaseConv1D(3, 25, 4),
        layers.LeakyReLU(0.2),
        PhaseShuffle(2, seed=5),
        layers.Flatten(),
        layers.Dense(1, dtype="float32"),
    ]
    networks = keras.Sequential(generator), keras.Sequential(critic)
    return models.WaveGAN(*networks, **({"seed": 1} | kwargs))


def heads(features, latent_dim):
    return layers.Dense(latent_dim)(features), layers.Dense(latent_dim)(features)


def conv_encoder(shape, latent_dim=5):
    """Convolutions with batch normalisation and dropout, to the two heads."""
    x = keras.Input(shape)
    h = layers.Conv2D(4, 3, strides=4, padding="same")(x)
    h = layers.ReLU()(layers.BatchNormalization()(h))
    h = layers.Dropout(0.2, seed=3)(layers.Flatten()(h))
    return keras.Model(x, heads(h, latent_dim))


def conv_decoder(shape, latent_dim=5):
    height, width, channels = shape
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(height // 4 * (width // 4) * 4, activation="relu"),
            layers.Reshape((height // 4, width // 4, 4)),
            layers.BatchNormalization(),
            layers.Conv2DTranspose(channels, 3, strides=4, padding="same"),
        ]
    )


@keras.saving.register_keras_serializable(package="keras_latent_tests")
class OwnEncoder(keras.Model):
    """A subclassed network that knows no `input_shape`."""

    def __init__(self, latent_dim=3, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.hidden = layers.Dense(8, activation="tanh")
        self.noise = layers.Dropout(0.1)
        self.mean, self.log_var = layers.Dense(latent_dim), layers.Dense(latent_dim)

    def call(self, x, training=False):
        h = self.noise(self.hidden(x), training=training)
        return self.mean(h), self.log_var(h)

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


@keras.saving.register_keras_serializable(package="keras_latent_tests")
class OwnDecoder(keras.layers.Layer):
    """A layer of one's own, which is no model."""

    def __init__(self, size=12, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.dense = layers.Dense(size)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, z):
        return self.dense(z)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def own(rows, latent_dim=3):
    """An encoder and a decoder of vectors, built by a look at data."""
    encoder, decoder = OwnEncoder(latent_dim), OwnDecoder(rows.shape[1])
    encoder(rows[:2])
    decoder(np.zeros((2, latent_dim), "float32"))
    return encoder, decoder


def quick_compile():
    """`jit_compile` where it is not at stake: TensorFlow's XLA takes seconds a model."""
    return False if keras.backend.backend() == "tensorflow" else "auto"


def to_numpy(tree):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tree)


def weights(model):
    return [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]


def assert_same_weights(left, right, tolerance=0.0):
    for a, b in zip(weights(left), weights(right), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
