"""Every model: configuration, files, kinds of data, precision and devices (`run_model.py`)."""

import contextlib

import keras
import numpy as np
import pytest
import small_networks as small
from run_model import (
    Case,
    run_compiled_test,
    run_distribution_test,
    run_mixed_precision_test,
    run_model_test,
)

from keras_latent import models
from keras_latent.src.models.bridging.networks import bridging_mlp

BACKEND = keras.backend.backend()
# A game that is lost in two steps is of no concern here.
quiet = pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")
pytestmark = [pytest.mark.each_backend, quiet]

ROWS = 40
IMAGES, LABELS = small.labelled_digits(ROWS)
ATTRIBUTES = small.attributed_digits(ROWS)[1]
PAIRS = small.batch(ROWS, paired=np.arange(ROWS) % 2 == 0)
DOMAINS = {d: PAIRS[d] for d in ("source", "target")}
RNG = np.random.default_rng(0)
LATENTS = {d: RNG.normal(size=(ROWS, 3)).astype("float32") for d in ("source", "target")}
LATENT_LABELS = {d: RNG.integers(-1, 4, ROWS) for d in LATENTS}
SOUNDS = np.sin(np.arange(16) * RNG.uniform(0.1, 1, (ROWS, 1)))[..., None].astype("float32")


def bridge(**kwargs):
    networks = bridging_mlp(3, 2, 2, hidden=16, depth=1)
    return models.BridgingVAE(**networks, **({"num_classes": 4, "seed": 0} | kwargs))


def one_domain(model):
    return {"reconstruct": model.reconstruct(IMAGES[:6])}


def two_domains(model):
    return {"cycle": model.cycle(PAIRS["source"][:6])}  # through all encoders and decoders


def with_attributes(model):
    # The unit of all versions: `test_old_files.py` compares with files of an older one.
    of_dual_vae = isinstance(model, models.DualVAE)
    given = {"unit": "dual_vector"} if of_dual_vae else {"attributes": ATTRIBUTES[:6]}
    return {"transfer": model.transfer(IMAGES[:6], "b", 2.0, **given)}


NAMES = ("a", "b", "c")
CASES = {
    "VAE": Case(
        small.vae,
        (IMAGES,),
        one_domain,
        options={"likelihood": "bernoulli", "beta": 2.0},
    ),
    "TVAE": Case(
        small.tvae,
        (IMAGES, LABELS),
        one_domain,
        options={"mining": "semi_hard", "margin": 0.5, "triplet_weight": 3.0, "beta": 2.0},
    ),
    "VBTA": Case(
        small.vbta,
        (PAIRS,),
        two_domains,
        options={"cross_reconstruction": 0.5, "gamma": 3.0, "observation_variance": 0.1},
    ),
    "JMVAE": Case(
        small.jmvae,
        (PAIRS,),
        two_domains,
        options={"alpha": 0.5, "likelihood": "bernoulli", "observation_variance": 0.1},
    ),
    "LSTNet": Case(
        small.lstnet,
        (DOMAINS,),
        two_domains,
        options={
            **{"w1": 1.0, "w2": 2.0, "wl": 3.0, "w3": 4.0, "w4": 5.0, "w5": 6.0, "w6": 7.0},
            **{"feature_weight": 8.0, "label_smoothing": 0.1, "instance_noise": 0.3},
            **{"r1_weight": 0.3, "ema_momentum": 0.9, "seed": 5},
        },
    ),
    "UNIT": Case(
        small.unit_mlp,
        (DOMAINS,),
        two_domains,
        options={
            **{"gan_weight": 1.0, "kl_weight": 2.0, "reconstruction_weight": 3.0},
            **{"cycle_kl_weight": 4.0, "cycle_weight": 5.0, "ema_momentum": 0.9, "seed": 5},
        },
    ),
    "CoGAN": Case(
        small.cogan,
        (DOMAINS,),
        two_domains,
        options={"image_weight": 2.0, "ema_momentum": 0.9, "seed": 5},
    ),
    "CycleGAN": Case(
        small.cyclegan,
        (DOMAINS,),
        two_domains,
        options={
            **{"cycle_weight": 3.0, "gan": "bce", "cycle_loss": "squared", "buffer_size": 30},
            **{"ema_momentum": 0.9, "seed": 5},
        },
    ),
    "Pix2Pix": Case(
        small.pix2pix,
        (PAIRS,),
        two_domains,
        options={"l1_weight": 30.0, "ema_momentum": 0.9},
    ),
    "BridgingVAE": Case(
        bridge,
        (LATENTS, LATENT_LABELS),
        lambda m: {"transfer": m.transfer(LATENTS["source"][:6], "source", "target")},
        options={"denoise": True, "beta_swd": 2.0, "domains": ("source", "target")},
    ),
    "DualVAE": Case(
        small.dual_vae,
        (IMAGES, ATTRIBUTES),
        with_attributes,
        options={"alpha": 3.0, "use_bias": True, "consistency": 0.5, "input_noise": 0.1},
    ),
    "CVAE": Case(small.cvae, (IMAGES, ATTRIBUTES), with_attributes, options={"beta": 2.0}),
    "FaderNetwork": Case(
        small.fader,
        (IMAGES, ATTRIBUTES),
        with_attributes,
        options={"warm_up": 3, "adversarial_weight": 0.5},
    ),
    "StarGAN": Case(
        small.star_gan,
        (IMAGES, ATTRIBUTES),
        with_attributes,
        options={
            **{"classification_weight": 2.0, "reconstruction_weight": 3.0, "critic_steps": 2},
            **{"gradient_penalty_weight": 5.0, "seed": 5},
        },
    ),
    "WaveGAN": Case(
        small.wavegan,
        (SOUNDS,),
        lambda m: {"decode": m.decode(np.eye(4, dtype="float32"))},
        options={"critic_steps": 2, "ema_momentum": 0.9, "gradient_penalty_weight": 5.0},
        unmoved=1,  # the critic's last bias: the loss is a difference of its scores
    ),
}
for name in ("DualVAE", "CVAE", "FaderNetwork", "StarGAN"):
    make = CASES[name].make
    CASES[name] = Case(
        lambda make=make, **kwargs: make(NAMES, **kwargs),
        CASES[name].data,
        CASES[name].answers,
        options=CASES[name].options,
    )


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_every_trained_model_has_a_case():
    assert set(CASES) == set(models.__all__) - {"LatentDomainTransfer"}


def test_model(case, tmp_path, eagerly):
    run_model_test(case, tmp_path)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow")
def test_compiled(case):
    run_compiled_test(case)


#: Labels, two domains, two optimizers with a counter, two with a penalty on gradients.
SOME = ("TVAE", "VBTA", "FaderNetwork", "WaveGAN")


# On JAX, which compiles each for seconds, some of the models.
@pytest.mark.parametrize("name", SOME if BACKEND == "jax" else CASES)
def test_mixed_precision(name, eagerly):
    policies = ("mixed_float16", "mixed_bfloat16")
    run_mixed_precision_test(CASES[name], policies[list(CASES).index(name) % 2])


@contextlib.contextmanager
def two_cpus_of_jax():
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"]))
    try:
        yield
    finally:
        keras.distribution.set_distribution(None)


@pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
@pytest.mark.parametrize("name", SOME)
def test_two_devices_of_jax(name):
    run_distribution_test(CASES[name], two_cpus_of_jax)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow")
def test_two_devices_of_tensorflow(mirrored):
    """`tests/training` compares the numbers of one device and two."""
    for name in ("FaderNetwork", "VBTA"):
        run_distribution_test(CASES[name], mirrored.scope)
