"""A step of two players is their two updates: neither differentiates the other's.

On JAX a gradient would pass through an update inside the loss, if nothing stopped it.
"""

import keras
import numpy as np
import pytest
from keras import ops
from small_networks import (
    attributed_digits,
    batch,
    cyclegan,
    fader,
    lstnet_mlp,
    quick_compile,
    weights,
)

from keras_latent import models
from keras_latent.training import portable

pytestmark = pytest.mark.each_backend


class OneAfterTheOther(models.FaderNetwork):
    """Each player with latents of its own."""

    @portable
    def train_step(self, data):
        x, y = self.unpack(data)

        def first(x, y):
            return self.discriminator_loss(x, y, self.encoder(x, training=True), True)

        def second(x, y):
            return self.autoencoder_loss(x, y, self.encoder(x, training=True), True)

        self.minimize(first, x, y, of="discriminator")
        loss, terms = self.minimize(second, x, y, of="autoencoder")
        self.steps.assign(self.steps + 1.0)
        return self.track(ops.shape(x)[0], loss=loss, **terms)


class TeamAfterTeam(models.LSTNet):
    """Each team with translations of its own."""

    @portable
    def train_step(self, data):
        x = self.unpack(data)

        def first(x):
            return self.discriminators_loss(x, self.translations(x, training=True), True)

        def second(x):
            return self.translators_loss(x, self.translations(x, training=True), True)

        self.minimize(first, x, of="discriminators")
        loss, terms = self.minimize(second, x, of="translators")
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms)


class OnOwnTranslations(models.CycleGAN):
    """Each player with translations of its own, and discriminators with the buffer's."""

    @portable
    def train_step(self, data):
        x = {d: images for d, images in self.unpack(data).items() if d != "paired"}

        def first(x):
            return self.discriminators_loss(x, self.translations(x, training=True), True)

        def second(x):
            return self.generators_loss(x, self.translations(x, training=True), True)

        self.minimize(first, x, of="discriminators")
        loss, terms = self.minimize(second, x, of="generators")
        return self.track(ops.shape(x["source"])[0], loss=loss, **terms)


CASES = {
    "CycleGAN": (lambda: cyclegan(buffer_size=9), OnOwnTranslations, (batch(16),)),
    "FaderNetwork": (
        lambda: fader(adversarial_weight=10.0, warm_up=0),
        OneAfterTheOther,
        attributed_digits(60),
    ),
    "LSTNet": (lstnet_mlp, TeamAfterTeam, (batch(16),)),
}
RATES = {"FaderNetwork": 0.5, "LSTNet": 1e-3, "CycleGAN": 0.05}


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_two_updates(name):
    make, naive, data = CASES[name]
    model = make()
    twin = naive.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    start = weights(model)
    for m in (model, twin):
        sgd = {of: keras.optimizers.SGD(RATES[name]) for of in m.optimizer_groups()}
        m.compile(sgd, jit_compile=quick_compile())
        for _ in range(2):
            m.train_on_batch(*data)
    for a, b in zip(weights(model), weights(twin), strict=True):
        if a.dtype.kind == "f":  # not the seeds' states
            np.testing.assert_allclose(a, b, atol=1e-5)
    moved = [np.abs(a - b).max() for a, b in zip(start, weights(model), strict=True)]
    assert np.median(moved) > 1e-4  # ten times the tolerance
