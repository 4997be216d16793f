"""Training on real images: logs, evaluation, prediction."""

import os

import keras
import numpy as np
import pytest
from small_networks import SKETCH, batch, digits, quick_compile, sketches, vae, vbta

from keras_latent import datasets, models
from keras_latent.src.models.vbta import networks

VBTA_TERMS = {
    "loss",
    "source_reconstruction_loss",
    "target_reconstruction_loss",
    "source_kl_loss",
    "target_kl_loss",
    "triplet_loss",
}


def with_validation(terms):
    return terms | {f"val_{name}" for name in terms}


def sharper(history, factor):
    return history["loss"][-1] < factor * history["loss"][0]


@pytest.mark.each_backend
def test_vbta_learns_digits():
    pair = datasets.load_pair("digits_transpose", paired=200, batch_size=100)
    model = models.VBTA.from_preset(
        "vbta_digits_transpose_sharp",
        load_weights=False,
        seed=0,
    )
    model.compile(jit_compile=quick_compile())
    history = model.fit(
        pair.train, validation_data=pair.test, epochs=3, shuffle=False, verbose=0
    ).history
    terms = VBTA_TERMS | {"cross_reconstruction_loss"}
    assert set(history) == with_validation(terms)
    assert all(np.isfinite(v).all() and len(v) == 3 for v in history.values())
    # The Gaussian's constant, 64 pixels of variance 0.05 in two domains, is most of it.
    constant = 2 * 32 * np.log(2 * np.pi * 0.05)
    for prefix in ("", "val_"):
        loss = np.array(history[f"{prefix}source_reconstruction_loss"]) - constant / 2
        assert loss[-1] < 0.7 * loss[0]
        assert history[f"{prefix}triplet_loss"][-1] < history[f"{prefix}triplet_loss"][0]
    logs = model.evaluate(pair.test, return_dict=True, verbose=0)
    assert set(logs) == terms
    # Evaluation draws latents too: close to the last validation, not equal.
    assert logs["loss"] == pytest.approx(history["val_loss"][-1], rel=0.1)


def test_vae_learns_digits_from_arrays():
    x, _ = digits(400)
    model = vae(hidden=64, observation_variance=0.05)
    model.compile(jit_compile=quick_compile())
    history = model.fit(x, validation_data=(x,), batch_size=50, epochs=4, verbose=0).history
    assert set(history) == with_validation({"loss", "reconstruction_loss", "kl_loss"})
    assert sharper({"loss": np.array(history["loss"]) - 32 * np.log(0.1 * np.pi)}, 0.8)
    # Labels ride along where a data set has them.
    logs = model.evaluate(x, np.zeros(len(x)), return_dict=True, verbose=0)
    assert set(logs) == {"loss", "reconstruction_loss", "kl_loss"}


def test_logs_are_means_over_rows(monkeypatch):
    """With constant weights and no noise, an epoch's log is that of all rows at once."""
    model = vae()
    monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: z_mean)
    model.compile(keras.optimizers.SGD(0.0))
    x, _ = digits(50)
    history = model.fit(x, batch_size=20, verbose=0).history  # the last batch has 10 rows
    expected = float(keras.ops.convert_to_numpy(model.negative_elbo(x)[0]))
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(x, batch_size=20, verbose=0)[0] == pytest.approx(expected, rel=1e-5)


def test_domains_of_unequal_shapes_in_both_formats():
    images, _ = digits(300)
    model = vbta(hidden=32)
    model.compile(jit_compile=quick_compile())
    for format in ("numpy", "tf"):
        if format == "tf":
            pytest.importorskip("tensorflow")
        pair = datasets.pair_from_arrays(
            images,
            sketches(images)[:250],
            paired=40,
            test_source=images[:30],
            test_target=sketches(images)[:20],
            batch_size=50,
            format=format,
        )
        fit = {"validation_data": pair.test, "epochs": 3, "shuffle": False, "verbose": 0}
        history = model.fit(pair.train, **fit).history
        # A term without weight is not in the logs.
        assert set(history) == with_validation(VBTA_TERMS) and sharper(history, 1.0)
        out = model.predict(pair.test, verbose=0)
        assert {k: v.shape for k, v in out.items()} == {
            "source_reconstruction": (30, 8, 8, 1),
            "source_translation": (30, *SKETCH),
            "target_reconstruction": (30, *SKETCH),
            "target_translation": (30, 8, 8, 1),
        }


def test_predict_is_the_verbs():
    x = batch(20)
    model = vbta()
    out = model.predict(x, verbose=0)
    expected = {
        "source_reconstruction": model.reconstruct(x["source"]),
        "source_translation": model.translate(x["source"]),
        "target_reconstruction": model.reconstruct(x["target"], "target"),
        "target_translation": model.translate(x["target"], to="source"),
    }
    assert set(out) == set(expected)
    for name, images in expected.items():
        np.testing.assert_allclose(out[name], images, atol=1e-6)
    model = vae()
    np.testing.assert_allclose(
        model.predict(x["source"], verbose=0), model.reconstruct(x["source"]), atol=1e-6
    )


def test_default_optimizer_is_the_papers():
    model = vae()
    model.compile()
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(1e-3)


@pytest.mark.skipif(
    not os.path.isdir(os.path.join(os.environ.get("TFDS_DATA_DIR", "-"), "mnist")),
    reason="TFDS_DATA_DIR does not offer MNIST",
)
def test_real_mnist():
    (images, _), _ = datasets.load_arrays("mnist")
    images = images[:2000]
    pair = datasets.pair_from_arrays(images, images.swapaxes(1, 2), paired="all", batch_size=100)
    model = models.VBTA(**networks.vbta_mlp((28, 28, 1), 64, 16), observation_variance=0.05)
    model.compile()
    history = model.fit(pair.train, epochs=3, shuffle=False, verbose=0).history
    nll = np.array(history["source_reconstruction_loss"]) - 392 * np.log(0.1 * np.pi)
    assert nll[-1] < 0.75 * nll[0]
