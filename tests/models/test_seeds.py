"""What a seed may be, wherever a model takes one."""

import keras
import numpy as np
import pytest
from small_networks import (
    DIGIT,
    cogan,
    cvae,
    cyclegan,
    dual_vae,
    jmvae,
    lstnet_mlp,
    star_gan,
    tvae,
    unit_mlp,
    vbta,
    wavegan,
)

from keras_latent import models
from keras_latent.src.models.bridging.networks import bridging_mlp
from keras_latent.src.models.vae.networks import vae_mlp
from keras_latent.src.models.wavegan.networks import wavegan_critic

MAKERS = {
    "VAE": lambda seed: models.VAE(**vae_mlp(DIGIT, 4, 2), seed=seed),
    "TVAE": lambda seed: tvae(4, 2, seed=seed),
    "VBTA": lambda seed: vbta(4, 2, seed=seed, swd=1.0),
    "JMVAE": lambda seed: jmvae(2, 2, seed=seed),
    "LSTNet": lambda seed: lstnet_mlp(2, 2, seed=seed),
    "UNIT": lambda seed: unit_mlp(2, 2, seed=seed),
    "CoGAN": lambda seed: cogan(2, 2, seed=seed),
    "CycleGAN": lambda seed: cyclegan(2, seed=seed),
    "DualVAE": lambda seed: dual_vae(seed=seed),
    "CVAE": lambda seed: cvae(seed=seed),
    "StarGAN": lambda seed: star_gan(seed=seed),
    "WaveGAN": lambda seed: wavegan(seed=seed),
    "BridgingVAE": lambda seed: models.BridgingVAE(**bridging_mlp(2, 2, 4), seed=seed),
    "wavegan_critic": lambda seed: wavegan_critic(1024, 1, phase_shuffle=0, seed=seed),
}
WRONG = (-1, 1.0, "3", True, [1], {}, float("nan"), np.arange(2), keras.random.SeedGenerator(0))


@pytest.mark.parametrize("name", MAKERS)
def test_a_wrong_seed_is_an_error_and_numpy_integers_are_not(name):
    for seed in (-1, 1.0, True, 2**32):
        with pytest.raises(ValueError, match="`seed` must be an integer .*, or None"):
            MAKERS[name](seed)
    made = MAKERS[name](np.int64(7))
    if hasattr(made, "seed"):
        assert type(made.seed) is int and made.get_config()["seed"] == 7


def test_seeds_of_draws():
    model = MAKERS["VAE"](1)
    x = np.zeros((2, *DIGIT), "float32")
    for call in (
        lambda seed: model.encode(x, sample=True, seed=seed),
        lambda seed: model.generate(2, seed=seed),
    ):
        for seed in WRONG:
            with pytest.raises(ValueError, match="`seed` must be an integer .*, or None"):
                call(seed)
