"""LSTNet in training: files, unequal domains, precision, compilation, the lost game."""

import warnings

import keras
import numpy as np
import pytest
from small_networks import (
    DIGIT,
    SKETCH,
    assert_same_weights,
    batch,
    digits,
    lstnet,
    lstnet_mlp,
    lstnet_parts,
    quick_compile,
    sketches,
    to_numpy,
)

from keras_latent import callbacks, datasets, models

BACKEND = keras.backend.backend()
TEAMS = ("discriminators", "translators")
TERMS = {
    "loss",
    "discriminator_loss",
    "latent_adversarial_loss",
    "latent_discriminator_accuracy",
} | {
    f"{domain}_{name}"
    for domain in ("source", "target")
    for name in (
        "adversarial_loss",
        "reconstruction_loss",
        "cycle_loss",
        "discriminator_accuracy",
        "spread",
    )
}
# The weight of a game that is lost in a few steps is of no concern where something else is.
QUIET = pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")


def teams(make):
    return {team: make() for team in TEAMS}


def domains(rows=60, **changes):
    x = batch(rows)
    return {d: x[d] for d in ("source", "target")} | changes


NOISY = {"instance_noise": 0.3, "ema_momentum": 0.9}


def test_shared_parts_stay_shared(tmp_path):
    model = lstnet_mlp()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights) == 24
    x = domains(4)
    before = loaded.translate(x["source"]), loaded.translate(x["target"], to="source")
    loaded.shared_generator.set_weights([w * 0.5 for w in loaded.shared_generator.get_weights()])
    after = loaded.translate(x["source"]), loaded.translate(x["target"], to="source")
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(before, after, strict=True))


def test_presets():
    assert set(models.LSTNet.presets) == {
        "lstnet_mnist_usps",
        "lstnet_mnist_usps_small",
        "lstnet_mnist_usps_tiny",
    }
    model = models.LSTNet.from_preset("lstnet_mnist_usps_tiny", load_weights=False, w3=50.0)
    assert model.w3 == 50.0 and model.latent_shape == (7, 7, 4)
    assert model.event_shapes == {"source": (28, 28, 1), "target": (16, 16, 1)}


@QUIET
def test_images_become_more_like_themselves():
    """Real digits, and the same in another shape, unpaired: J's last four terms go down."""
    images, _ = digits(300)
    pair = datasets.pair_from_arrays(
        (255 * images[:200]).astype("uint8"),
        (255 * sketches(images[100:])).astype("uint8"),
        paired=0,
        test_source=(255 * images[:30]).astype("uint8"),
        test_target=(255 * sketches(images[:20])).astype("uint8"),
        batch_size=50,
    )
    model = lstnet_mlp(hidden=32, latent_dim=16)
    model.compile(teams(lambda: keras.optimizers.Adam(3e-3, beta_1=0.8)))
    history = model.fit(
        pair.train, validation_data=pair.test, epochs=5, shuffle=False, verbose=0
    ).history
    assert set(history) == TERMS | {f"val_{name}" for name in TERMS}
    for prefix in ("", "val_"):
        for domain in ("source", "target"):
            for term in ("reconstruction", "cycle"):
                losses = history[f"{prefix}{domain}_{term}_loss"]
                assert len(losses) == 5 and losses[-1] < 0.8 * losses[0], (prefix, domain, term)
    logs = model.evaluate(pair.test, return_dict=True, verbose=0)
    for name, value in logs.items():
        assert value == pytest.approx(history[f"val_{name}"][-1], rel=1e-4, abs=1e-6), name


@QUIET
def test_convolutions_learn():
    model, x = lstnet(), domains(100)
    model.compile(
        teams(lambda: keras.optimizers.Adam(5e-3, beta_1=0.8)), jit_compile=quick_compile()
    )
    history = model.fit(x, batch_size=25, epochs=6, verbose=0).history
    for term in ("source_reconstruction", "target_reconstruction", "source_cycle"):
        losses = history[f"{term}_loss"]
        assert losses[-1] < 0.8 * losses[0], term
    # Evaluation uses the moving averages; training has moved them.
    assert np.isfinite(model.evaluate(x, verbose=0)).all()


def test_rows_of_the_domains_may_differ_in_number():
    """A batch of 12 and 5: each domain's terms are means over its own rows."""
    model = lstnet_mlp()
    x = domains(12)
    x["target"] = x["target"][:5]
    model.compile(teams(lambda: keras.optimizers.SGD(0.0)), jit_compile=quick_compile())
    logs = model.train_on_batch(x, return_dict=True)
    for domain, rows in (("source", 12), ("target", 5)):
        images = x[domain]
        assert len(images) == rows
        for term, verb in (("reconstruction", model.reconstruct), ("cycle", model.cycle)):
            expected = 2 * np.abs(verb(images, domain) - images).mean()  # of images in [-1, 1]
            np.testing.assert_allclose(logs[f"{domain}_{term}_loss"], expected, rtol=1e-4)
    logs = model.test_on_batch(x, return_dict=True)
    assert set(logs) == TERMS and np.isfinite(list(logs.values())).all()


def test_known_pairs_are_ignored():
    model = lstnet_mlp()
    model.compile(teams(lambda: keras.optimizers.SGD(0.0)), jit_compile=quick_compile())
    x, logs = domains(10), []
    for paired in ({}, {"paired": np.zeros(10, bool)}, {"paired": np.ones(10, bool)}):
        logs.append(model.test_on_batch(x | paired, return_dict=True))
        model.reset_metrics()
    assert logs[0] == logs[1] == logs[2]


def test_eager_and_compiled_steps_train_alike():
    x = domains(32)
    model = lstnet(r1_weight=0.1, feature_weight=1.0)
    other = models.LSTNet.from_config(model.get_config())
    other.set_weights(model.get_weights())
    logs = []
    for m, eagerly in ((model, True), (other, False)):
        m.compile(teams(lambda: keras.optimizers.SGD(1e-4)), run_eagerly=eagerly)
        logs.append([m.train_on_batch(x, return_dict=True) for _ in range(2)][-1])
    assert_same_weights(model, other, 1e-5)
    for name, value in logs[0].items():
        np.testing.assert_allclose(value, logs[1][name], rtol=1e-4, err_msg=name)


@pytest.mark.each_backend
def test_where_xla_compiles():
    """Not where its convolutions are slow: on TensorFlow without a GPU."""
    convolving, dense = lstnet(), lstnet_mlp()
    for model in (convolving, dense):
        model.compile()
    gpu = False
    if BACKEND == "tensorflow":
        import tensorflow as tf

        gpu = bool(tf.config.list_logical_devices("GPU"))
    assert convolving.jit_compile == (BACKEND == "jax" or gpu)
    assert dense.jit_compile == (BACKEND != "torch")
    convolving.compile(jit_compile=False)
    assert not convolving.jit_compile


# The lost game ---------------------------------------------------------------------------


def collapsed():
    """Generators of weights 0, which never move: all translations are one."""
    model = lstnet_mlp()
    for name in ("source_generator", "target_generator"):
        network = getattr(model, name)
        network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    model.compile(teams(lambda: keras.optimizers.SGD(0.0)), jit_compile=quick_compile())
    return model


def test_fit_warns_of_a_collapse():
    model = collapsed()
    fit = {"batch_size": 20, "epochs": 2, "verbose": 0}
    with pytest.warns(callbacks.CollapseWarning, match="`source_spread` is 0, below 0.1"):
        history = model.fit(domains(), **fit)
    np.testing.assert_allclose(history.history["target_spread"], 0.0, atol=1e-6)
    # One that is given takes its place, and other callbacks do not.
    monitor = callbacks.CollapseMonitor(min_spread=0.0, max_discriminator_accuracy=1.0)
    for given in ([monitor], monitor):
        with warnings.catch_warnings():
            warnings.simplefilter("error", callbacks.CollapseWarning)
            model.fit(domains(), callbacks=given, **fit)
        assert not monitor.collapsed
    recorded = []
    other = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: recorded.append(epoch))
    with pytest.warns(callbacks.CollapseWarning):
        model.fit(domains(), callbacks=[other], **fit)
    assert recorded == [0, 1]


def test_a_game_that_goes_on_is_not_warned_of():
    model = lstnet_mlp(hidden=32)
    model.compile(teams(lambda: keras.optimizers.SGD(0.0)), jit_compile=quick_compile())
    with warnings.catch_warnings():
        warnings.simplefilter("error", callbacks.CollapseWarning)
        monitor = callbacks.CollapseMonitor(min_spread=1e-4, max_discriminator_accuracy=1.0)
        history = model.fit(
            domains(), batch_size=20, epochs=2, verbose=0, callbacks=[monitor]
        ).history
    assert not monitor.collapsed and min(history["source_spread"]) > 1e-4


def test_spread_is_the_share_of_the_variance():
    """Of translations as diverse as real images, 1."""
    x, _ = digits(20)
    model = lstnet_mlp(target=DIGIT)
    model.compile(teams(lambda: keras.optimizers.SGD(0.0)), jit_compile=quick_compile())
    logs = model.test_on_batch({"source": x, "target": x}, return_dict=True)
    translated = model.translate(x, to="source")
    expected = translated.var(0).mean() / x.var(0).mean()
    assert logs["source_spread"] == pytest.approx(expected, rel=1e-3)


def test_networks_of_other_kinds():
    """Weight regularizers count; the discriminators' in their own loss as well."""
    parts = lstnet_parts()
    x = keras.Input(SKETCH)
    h = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.5))
    parts["target_encoder"] = keras.Model(x, h(keras.layers.Flatten()(x)))
    model = models.LSTNet(**parts)
    model.compile(teams(lambda: keras.optimizers.SGD(0.0)), jit_compile=quick_compile())
    logs = model.test_on_batch(domains(10), return_dict=True)
    named = {
        "source_adversarial_loss": 20.0,
        "target_adversarial_loss": 20.0,
        "latent_adversarial_loss": 30.0,
        "source_reconstruction_loss": 100.0,
        "target_reconstruction_loss": 100.0,
        "source_cycle_loss": 100.0,
        "target_cycle_loss": 100.0,
    }
    expected = sum(weight * logs[name] for name, weight in named.items())
    expected += 0.5 * np.sum(to_numpy(h.kernel) ** 2)
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
