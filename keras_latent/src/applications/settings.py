"""What the options `--preset`, `--dataset`, ... of the applications stand for.

Nothing here imports Keras, so that the command can check its options at once.
"""

from typing import Any, Literal, NamedTuple

from keras_latent.src.models.cyclegan.presets import DISCOGAN


class TransposeData(NamedTuple):
    """A dataset of `mnist-transpose`."""

    family: str  #: in the names of the presets
    split: Literal["keras", "paper"]
    epochs: int
    classifier_epochs: int
    max_shift: int  #: pixels by which the classifier's images are shifted


TRANSPOSE_DATASETS = {
    "digits": TransposeData("digits", "keras", 150, 60, 0),
    "mnist": TransposeData("mnist", "paper", 20, 16, 2),
    "fashion_mnist": TransposeData("mnist", "keras", 20, 16, 1),
}
TRANSPOSE_PRESETS = {"paper": "vbta_{}_transpose", "sharp": "vbta_{}_transpose_sharp"}


class Training(NamedTuple):
    """A preset of `mnist-usps` or `celeba-men-women`."""

    model: str
    epochs: int
    learning_rate: float
    #: Whether the learning rate falls along a cosine: to zero, with faces to a twentieth.
    decay: bool = False
    #: Momentum of the moving averages of the translators' weights, if these are averaged.
    ema_momentum: float | None = None


USPS_PRESETS = {
    "paper": Training("lstnet_mnist_usps", 30, 1e-4),
    "large": Training("lstnet_mnist_usps", 30, 2e-4, True, 0.999),
    "small": Training("lstnet_mnist_usps_small", 8, 5e-4, True, 0.999),
    "tiny": Training("lstnet_mnist_usps_tiny", 1, 1e-3, True, 0.99),
}
MEN_WOMEN_PRESETS = {
    "paper": Training("vbta_celeba", 100, 1e-4),
    "small": Training("vbta_celeba_small", 12, 1e-3, True),
}


def training_of(preset: str, presets: dict[str, Training]) -> Training:
    """A preset by name, or that of a preset directory, trained like "small"."""
    return presets.get(preset, presets["small"]._replace(model=preset))


class Size(NamedTuple):
    """A preset of `celeba-attributes`."""

    width: int  #: filters of the first convolution
    latent_dim: int
    epochs: int


ATTRIBUTE_PRESETS = {"full": Size(64, 256, 40), "small": Size(16, 128, 20), "tiny": Size(2, 48, 1)}
ATTRIBUTE_METHODS = ("dualvae", "cvae", "fader")
#: Datasets of faces, and the names of their pairs.
FACE_DATASETS = {"celeb_a": "celeba_men_women", "celeb_a_64": "celeba_64_men_women"}


class Bridge(NamedTuple):
    """A preset of the bridging applications."""

    model: str
    #: Whether the learning rate falls along a cosine.
    decay: bool = False
    #: Whether a few labels are propagated to their neighbors.
    propagate: bool = False
    #: Whether rows are labelled by what the base model decodes them to, if all labels are given.
    #: A classifier of its own says what that is.
    relabel: bool = False


BRIDGE_PRESETS = {
    "paper": Bridge("bridging_mnist"),
    "ours": Bridge("bridging_mnist_sharp", decay=True, propagate=True, relabel=True),
}
SPEECH_PRESETS = BRIDGE_PRESETS | {"paper": Bridge("bridging_speech")}
#: Table 4 of the paper: what each variant leaves out.
BRIDGE_VARIANTS: dict[str, dict[str, Any]] = {
    "vae": {"conditional": False, "beta_swd": 0.0},
    "conditional": {"beta_swd": 0.0},
    "full": {},
}


class GAN(NamedTuple):
    """How a preset of WaveGAN is trained."""

    epochs: int
    rows: int  #: per update of the critic
    critic_rate: float
    generator_rate: float


#: The default generative model of spoken digits, a preset of VAE, and how long it is trained.
SPEECH_VAE, SPEECH_VAE_EPOCHS = "vae_spoken_digit", 300
GANS = {
    # Unequal learning rates replace the many critic updates.
    "wavegan_spoken_digit_small": GAN(100, 32, 4e-4, 2e-4),
    "wavegan_spoken_digit": GAN(5000, 64, 1e-4, 1e-4),
}


class OwnMethod(NamedTuple):
    """A method of `keras-latent train`."""

    model: str  #: the class
    domains: int
    learning_rate: float | None  #: `None`: those of its default optimizers
    settings: dict[str, Any]  #: arguments of the class beside its networks
    #: Whether it is a GAN with the networks of LSTNet: epochs are chosen, and sizes are its.
    adversarial: bool = False
    vectors: bool = True  #: whether its latents are vectors
    #: "" (it has no use for known pairs), "uses" or "needs"
    pairs: str = ""


#: About the squared error that remains: a larger variance gives more blurred images.
SHARP = {"observation_variance": 0.02}
EMA = {"ema_momentum": 0.999}
OWN_METHODS = {
    "lstnet": OwnMethod("LSTNet", 2, 5e-4, EMA, adversarial=True, vectors=False),
    "vbta": OwnMethod("VBTA", 2, 1e-3, {}, pairs="uses"),
    "jmvae": OwnMethod("JMVAE", 2, 1e-3, {"observation_variance": 0.05}, pairs="needs"),
    "unit": OwnMethod("UNIT", 2, None, EMA, adversarial=True, vectors=False),
    "cogan": OwnMethod("CoGAN", 2, None, EMA, adversarial=True),
    "cyclegan": OwnMethod("CycleGAN", 2, None, EMA, adversarial=True, vectors=False),
    "discogan": OwnMethod("CycleGAN", 2, None, EMA | DISCOGAN, adversarial=True, vectors=False),
    "pix2pix": OwnMethod("Pix2Pix", 2, None, EMA, adversarial=True, vectors=False, pairs="needs"),
    "bridging": OwnMethod(
        "BridgingVAE", 2, 1e-3, {"denoise": True, "beta_kl": 0.002, "beta_cls": 1.0}
    ),
    "vae": OwnMethod("VAE", 1, 1e-3, SHARP),
    "tvae": OwnMethod("TVAE", 1, 1e-3, SHARP | {"mining": "semi_hard", "triplet_weight": 100.0}),
    "dualvae": OwnMethod(
        "DualVAE", 1, 1e-3, SHARP | {"use_bias": True, "consistency": 50.0, "input_noise": 0.1}
    ),
    "cvae": OwnMethod("CVAE", 1, 1e-3, SHARP),
    "fader": OwnMethod("FaderNetwork", 1, 5e-4, {}),
    "stargan": OwnMethod("StarGAN", 1, 1e-4, {}, vectors=False),
}
#: Classes that draw no random numbers, so that they take no seed.
SEEDLESS = ("FaderNetwork", "Pix2Pix")
#: What `keras-latent compare` can compare methods on, besides your own images.
COMPARED_PAIRS = (
    "mnist-usps",
    "mnist-transpose",
    "fashion-mnist-transpose",
    "digits-transpose",
    "mnist-fashion",
    "celeba-men-women",
    "celeba-64-men-women",
)
#: What it can compare. A bridge needs trained models of both domains.
COMPARED = [name for name, m in OWN_METHODS.items() if m.domains == 2 and name != "bridging"]
