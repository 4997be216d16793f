"""Measures of translated faces, and the plain VAE to compare with."""

import argparse

import keras
import numpy as np
import pytest

from keras_latent import datasets, models
from keras_latent.src.applications.faces import measures
from keras_latent.src.applications.faces.measures import (
    Seen,
    best_strength,
    figures_of,
    look,
    offset_between,
    standard_errors_past,
)
from keras_latent.src.applications.faces.single_domain_vae import (
    ImageBatches,
    adam,
    counterpart,
    train_counterpart,
)
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.models.vbta import networks


class Fixed:
    """A classifier whose probabilities are the first channel of the first row of pixels."""

    def predict(self, images, **_):
        return images[:, 0, :, 0]


class Shifted:
    """A model whose translations are brighter, and whose reconstructions are darker."""

    def reconstruct(self, x, domain="source"):
        return x - 0.25

    def translate(self, x, to, offset=None):
        return np.clip(x + 0.5, 0, 1)


def test_look(rng, monkeypatch):
    monkeypatch.setattr(measures, "ROWS", 4)
    images = rng.random((10, 3, 5, 1)).astype("float32")
    seen = look(Shifted(), None, Fixed(), images, "source")
    probabilities = images[:, 0, :, 0]
    np.testing.assert_array_equal(seen.has["real"], probabilities >= 0.5)
    np.testing.assert_array_equal(seen.has["reconstruction"], probabilities - 0.25 >= 0.5)
    assert seen.has["translation"].all()
    assert seen.errors == {"vbta": pytest.approx(0.0625, rel=1e-5)}
    assert seen.spread["real"] == pytest.approx(images.std(0).mean(), rel=1e-5)
    translated = np.clip(images + 0.5, 0, 1)
    assert seen.spread["translation"] == pytest.approx(translated.std(0).mean(), rel=1e-5)


class Gender:
    """A model and a classifier of images with two values: how male they look, and a smile.

    Half of the faces stop smiling if they are moved by more than 0.45.
    """

    def encode(self, x, domain):
        return x[:, :, 0, 0]

    def reconstruct(self, x, domain="source"):
        return x

    def translate(self, x, to, offset=None):
        offset = np.zeros(1) if offset is None else offset
        moved = x.copy()
        moved[:, 0] += (offset if to == "target" else -offset)[0]
        if abs(offset[0]) > 0.45:
            moved[::2, 1] = 0
        return moved

    def predict(self, images, **_):
        return images[:, :, 0, 0]


def test_the_strength_that_most_clearly_meets_the_targets(rng, monkeypatch):
    monkeypatch.setattr(measures, "ROWS", 7)
    men = np.stack([rng.uniform(0.5, 0.7, 30), np.ones(30)], 1).astype("float32")
    women = men - np.float32([0.2, 0])
    men, women = (x[:, :, None, None] for x in (men, women))
    offset = offset_between(Gender(), men, women)
    assert offset == pytest.approx([-0.2, 0], abs=1e-6)

    def best(images, domain):
        return best_strength(Gender(), Gender(), images, domain, offset, 0)

    # Some look male without a move, all from 1 offset on; beyond 2.25, half of the smiles go.
    assert best(women, "target") == 1.0
    # One of 30 stays female: 0.97 is enough, but not as clearly as all of them.
    but_one = women.copy()
    but_one[0, 0] = 0.16
    assert best(but_one, "target") == 1.75
    # No strength is enough, so the smallest is chosen.
    assert best(women - np.float32([9, 0])[:, None, None], "target") == 0.0
    assert best(men - np.float32([0.3, 0])[:, None, None], "source") == 0.0


def test_standard_errors():
    shares = np.arange(100) < 75
    assert standard_errors_past(0.5, shares) == pytest.approx(0.25 / np.sqrt(3 / 16 / 100))
    assert standard_errors_past(0.9, np.ones(20)) == pytest.approx(0.1 / (1 / 20))


def test_shares_by_hand():
    """Three attributes, the second of which is the gender; two rows per domain."""
    real = np.array([[1, 1, 0], [0, 1, 0]], bool)
    reconstruction = np.array([[1, 1, 1], [0, 0, 0]], bool)
    translation = np.array([[1, 0, 1], [1, 1, 0]], bool)
    kinds = {"real": real, "reconstruction": reconstruction, "translation": translation}
    one = Seen(kinds, {"vbta": 0.1234567}, dict.fromkeys(kinds, 0.5))
    found = figures_of({"source": one, "target": one}, male=1)
    assert found["gender_accuracy"]["source"] == {"real": 1.0, "reconstruction": 0.5}
    assert found["gender_accuracy"]["target"] == {"real": 0.0, "reconstruction": 0.5}
    assert found["target_gender_accuracy"] == {"source_to_target": 0.5, "target_to_source": 0.5}
    agreement = found["attribute_agreement"]["source_to_target"]
    # Of (1, 1) and (1, 0): with (1, 0), (0, 0); with (1, 1), (0, 0); and with (0, 0), (1, 1).
    assert agreement == {"real": 0.5, "reconstruction": 0.75, "chance": 0.25}
    assert found["reconstruction_error"]["target"] == {"vbta": 0.123457}
    assert found["rows"] == {"source": 2, "target": 2}


def test_the_vae_has_the_networks_of_one_domain(rng):
    parts = networks.vbta_mlp((4, 4, 3), 6, 4)
    vbta = models.VBTA(**parts, alpha=2.0, observation_variance=0.1)
    vae = counterpart(vbta, seed=7)
    assert (vae.beta, vae.observation_variance, vae.seed) == (2.0, 0.1, 7)
    names = ("source_encoder", "shared_encoder", "shared_decoder", "source_decoder")
    wanted = [w.shape for name in names for w in getattr(vbta, name).get_weights()]
    assert [w.shape for w in (*vae.encoder.get_weights(), *vae.decoder.get_weights())] == wanted
    x = rng.random((5, 4, 4, 3), "float32")
    before = vbta.reconstruct(x)
    assert np.abs(vae.reconstruct(x) - before).max() > 1e-3
    vae.compile()
    vae.fit(x, verbose=0)
    np.testing.assert_array_equal(vbta.reconstruct(x), before)


def test_the_rate_falls_to_a_twentieth_at_the_end_of_the_run():
    options = argparse.Namespace(epochs=5, learning_rate=0.2)
    rate = adam(options, True, 2)._learning_rate
    assert [float(rate(step)) for step in (0, 5, 10)] == pytest.approx([0.2, 0.105, 0.01])
    assert float(adam(options, False, 2).learning_rate) == pytest.approx(0.2)


def test_the_vae_resumes_after_an_interruption(rng, tmp_path, monkeypatch):
    vbta = models.VBTA(**networks.vbta_mlp((4, 4, 3), 6, 4))
    images = rng.integers(0, 256, (20, 4, 4, 3), dtype="uint8")
    options = argparse.Namespace(epochs=2, batch_size=10, learning_rate=1e-3, seed=1, verbose=0)
    fit = models.VAE.fit

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def killed(self, *args, callbacks, **kwargs):
        return fit(self, *args, callbacks=[*callbacks, Kill()], **kwargs)

    whole = train_counterpart(vbta, images, options, RunDirectory(tmp_path / "whole", {}))
    directory = RunDirectory(tmp_path / "killed", {})
    monkeypatch.setattr(models.VAE, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        train_counterpart(vbta, images, options, directory)
    assert not (directory / "vae.keras").exists()
    monkeypatch.setattr(models.VAE, "fit", fit)
    resumed = train_counterpart(vbta, images, options, directory)
    monkeypatch.setattr(models.VAE, "fit", None)
    kept = train_counterpart(vbta, images, options, directory)
    for a, b, c in zip(*(m.get_weights() for m in (whole, resumed, kept)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(b, c)


def test_batches_of_images():
    images = np.arange(23, dtype="uint8").reshape(23, 1, 1, 1)
    batches = ImageBatches(images, 5, seed=1)
    assert len(batches) == 4
    rows = np.concatenate([batches[i] for i in range(4)]).ravel() * 255
    assert len(set(np.round(rows))) == 20 and batches[0].dtype == np.float32
    batches.on_epoch_end()
    resumed = ImageBatches(images, 5, seed=1)
    resumed.skip_epochs(1)
    np.testing.assert_array_equal(batches[2], resumed[2])
    assert (batches[2] != ImageBatches(images, 5, seed=1)[2]).any()


def test_batches_of_flipped_images(rng):
    images = rng.integers(1, 256, (40, 1, 2, 1), "uint8")
    images[:, :, 0] = 0
    batches = ImageBatches(images, 20, seed=1, augment=datasets.RandomFlip())
    mirrored = [np.concatenate([batches[0], batches[1]])[:, 0, 0, 0] > 0]
    batches.on_epoch_end()
    mirrored.append(np.concatenate([batches[0], batches[1]])[:, 0, 0, 0] > 0)
    assert all(0 < which.mean() < 1 for which in mirrored)
    assert (mirrored[0] != mirrored[1]).any()
    resumed = ImageBatches(images, 20, seed=1, augment=datasets.RandomFlip())
    resumed.skip_epochs(1)
    np.testing.assert_array_equal(batches[1], resumed[1])
