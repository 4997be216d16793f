"""Pix2Pix's losses and its step: torch.nn.functional is the oracle."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from small_networks import DIGIT, SKETCH, batch, digits, pix2pix, quick_compile, to_numpy
from torch.nn import functional

from keras_latent import callbacks, models
from keras_latent.src.cli import cli

DOMAINS, OTHER = ("source", "target"), {"source": "target", "target": "source"}
PAIRED = np.arange(12) % 3 == 0


def still():
    return {of: keras.optimizers.SGD(0.0) for of in ("discriminators", "generators")}


def patches():
    """A discriminator of two images of one size, with a score per patch."""
    pair = [keras.Input(DIGIT), keras.Input(DIGIT)]
    both = layers.Concatenate()(pair)
    return keras.Model(pair, layers.Conv2D(1, 3, strides=2)(both))


def of_patches(**kwargs):
    model = pix2pix(target=DIGIT)
    parts = {f"{d}_discriminator": patches() for d in DOMAINS}
    parts |= {name: getattr(model, name) for name in ("source_generator", "target_generator")}
    return models.Pix2Pix(**parts, **kwargs)


def data(model, rows=12, paired=PAIRED):
    x = batch(rows, paired=paired)
    return x if model.event_shapes["target"] == SKETCH else x | {"target": x["source"][::-1]}


def oracle(model, x):
    """The terms of the known pairs alone, in float64."""
    terms, loss, played = {}, 0.0, 0.0
    known = x["paired"]
    images = {d: 2 * x[d][known] - 1 for d in DOMAINS}
    for d in DOMAINS:
        given, real = images[OTHER[d]], images[d]
        made = to_numpy(getattr(model, f"{d}_generator")(given))
        judge = getattr(model, f"{d}_discriminator")
        true, false = (
            torch.tensor(to_numpy(judge([given, seen]))).double() for seen in (real, made)
        )

        def nll(scores, label):
            labels = torch.full_like(scores, label)
            return functional.binary_cross_entropy_with_logits(scores, labels).item()

        right = (true > 0).double().mean() + (false < 0).double().mean()
        terms[f"{d}_discriminator_accuracy"] = right.item() / 2
        played += (nll(true, 1.0) + nll(false, 0.0)) / 2
        terms[f"{d}_adversarial_loss"] = nll(false, 1.0)
        terms[f"{d}_l1_loss"] = np.abs(made.astype("float64") - real).mean()
        loss += terms[f"{d}_adversarial_loss"] + model.l1_weight * terms[f"{d}_l1_loss"]
        everything = 2 * x[OTHER[d]] - 1
        made = to_numpy(getattr(model, f"{d}_generator")(everything)).astype("float64")
        terms[f"{d}_spread"] = made.var(0).mean() / (2 * x[d]).astype("float64").var(0).mean()
    return terms | {"discriminator_loss": played, "loss": loss}


@pytest.mark.parametrize("make", [pix2pix, of_patches])
def test_steps_log_the_terms_of_known_pairs(make):
    """With learning rate 0, a step's logs are the objective's terms."""
    model = make(l1_weight=7.0)
    x = data(model)
    model.compile(still(), jit_compile=quick_compile())
    expected = oracle(model, x)
    for step in (model.train_on_batch, model.test_on_batch):
        logs = step(x, return_dict=True)
        assert set(logs) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)
        model.reset_metrics()


def step_on(x, rate=0.05):
    """The weights of a model after a step on `x`, and how far they went."""
    model = pix2pix()
    model.set_weights(START)
    adam = {of: keras.optimizers.SGD(rate) for of in ("discriminators", "generators")}
    model.compile(adam, jit_compile=quick_compile())
    model.train_on_batch(x)
    return model.get_weights()


START = pix2pix().get_weights()


def test_other_rows_train_nothing():
    x = batch(12, paired=PAIRED)
    noise = np.random.default_rng(0).random((12, *SKETCH), "float32")
    changed = x | {"target": np.where(PAIRED[:, None, None, None], x["target"], noise)}
    alone = {name: rows[PAIRED] for name, rows in x.items()}
    found = [step_on(rows) for rows in (x, changed, alone)]
    for start, *after in zip(START, *found, strict=True):
        for values in after:
            np.testing.assert_allclose(values, after[0], atol=1e-6)
        assert np.abs(after[0] - start).max() > 1e-5
    nothing = step_on(x | {"paired": np.zeros(12, bool)})
    for start, after in zip(START, nothing, strict=True):
        np.testing.assert_array_equal(start, after)


def test_the_two_directions_do_not_touch():
    """A direction's step is the same whatever the other one's networks are."""
    x, found = batch(12), []
    for scale in (1.0, 3.0):
        model = pix2pix()
        model.set_weights(START)
        for network in (model.source_generator, model.source_discriminator):
            network.set_weights([scale * w for w in network.get_weights()])
        model.compile(jit_compile=quick_compile())
        model.train_on_batch(x)
        found.append(model.target_generator.get_weights())
        found[-1] += model.target_discriminator.get_weights()
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_logs_count_pairs():
    """The mean over an epoch is that over its pairs, not over its batches."""
    model, x = pix2pix(), batch(20, paired=np.arange(20) < 12)
    x["paired"][0] = False
    model.compile(still(), jit_compile=quick_compile())
    logs = model.fit(x, batch_size=10, shuffle=False, verbose=0).history
    expected = oracle(model, x)
    for name, value in expected.items():
        if not name.endswith("spread"):
            np.testing.assert_allclose(logs[name][0], value, rtol=1e-4, err_msg=name)


def test_without_any_pair():
    model, x = pix2pix(), batch(12, paired=np.zeros(12, bool))
    model.compile(jit_compile=quick_compile())
    quiet = callbacks.CollapseMonitor(min_spread=0.0)
    with pytest.warns(UserWarning, match="Only known pairs train a `Pix2Pix`.*use `CycleGAN`"):
        logs = model.fit(x, batch_size=6, callbacks=[quiet], verbose=0).history
    assert all(value == [0.0] for value in logs.values())


@pytest.mark.each_backend
def test_learning():
    """Digits to their transposes and back: far better than the mean image, on unseen digits."""
    keras.utils.set_random_seed(1)
    model = models.Pix2Pix.from_preset("pix2pix_digits", load_weights=False)
    adam = {of: keras.optimizers.Adam(1e-2, beta_1=0.5) for of in ("discriminators", "generators")}
    model.compile(adam, jit_compile=quick_compile())
    x, y = digits(1000)
    train = {"source": x[:800], "target": y[:800], "paired": np.ones(800, bool)}
    model.fit(train, batch_size=100, epochs=5, verbose=0)
    for to, given, wanted in (("target", x, y), ("source", y, x)):
        error = np.square(model.translate(given[800:], to=to) - wanted[800:]).mean()
        baseline = np.square(wanted[:800].mean(0) - wanted[800:]).mean()
        assert error < 0.4 * baseline, (to, error, baseline)


def test_discriminators_of_two_sizes():
    """The other domain's image is resized to that of the one that is judged."""
    networks = models.networks_for("Pix2Pix", (16, 16, 1), (32, 32, 3), width=1)
    model = models.Pix2Pix(**networks)
    model.compile(jit_compile=quick_compile())
    rng = np.random.default_rng(0)
    x = {d: rng.random((4, *shape), "float32") for d, shape in model.event_shapes.items()}
    logs = model.train_on_batch(x | {"paired": np.ones(4, bool)}, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    # Both inputs matter.
    for d in DOMAINS:
        pair = [x[OTHER[d]], x[d]]
        scores = [to_numpy(networks[f"{d}_discriminator"](p)) for p in (pair, [0 * pair[0], x[d]])]
        assert scores[0].shape == (4, 1) and np.abs(scores[0] - scores[1]).max() > 1e-6


def test_pictures_and_the_command(tmp_path):
    pytest.importorskip("matplotlib")
    model = models.Pix2Pix.from_preset("pix2pix_digits", load_weights=False)
    model.compile()
    x, y = digits(40)
    grid = callbacks.TranslationGrid(x[:3], y[:3], tmp_path / "grids")
    known = np.ones(40, bool)
    model.fit({"source": x, "target": y, "paired": known}, callbacks=[grid], verbose=0)
    assert (tmp_path / "grids" / "epoch_0001.png").stat().st_size > 1000
    assert model.predict({"source": x, "target": y}, verbose=0)["source_translation"].shape == (
        y.shape
    )
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "in.npz", x=y)
    words = [str(tmp_path / name) for name in ("model.keras", "in.npz", "out.npz")]
    assert cli.main(["translate", *words, "--to", "source"]) == 0
    made = np.load(tmp_path / "out.npz")["x"]
    np.testing.assert_allclose(made, model.translate(y, to="source"), atol=1e-5)


def parts(**changes):
    model = pix2pix()
    names = [f"{d}_{kind}" for d in DOMAINS for kind in ("generator", "discriminator")]
    return {name: getattr(model, name) for name in names} | changes


def judge(*shapes, out=1):
    tensors = [keras.Input(shape) for shape in shapes]
    h = layers.Concatenate()([layers.Flatten()(tensor) for tensor in tensors])
    return keras.Model(tensors, layers.Dense(out)(h))


SINGLE = keras.Sequential([keras.Input(DIGIT), layers.Flatten(), layers.Dense(1)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"source_discriminator": SINGLE},
            r"`source_discriminator` must take two tensors, the input and the output of a "
            r"translation, of row shapes \[\(6, 4, 3\), \(8, 8, 1\)\].*\(None, 8, 8, 1\)",
        ),
        (
            {"target_discriminator": judge(SKETCH, DIGIT)},
            r"`target_discriminator` must take two tensors.*\[\(8, 8, 1\), \(6, 4, 3\)\]",
        ),
        (
            {"target_discriminator": judge(DIGIT, SKETCH, out=2)},
            r"`target_discriminator` must return one score per image",
        ),
        ({"l1_weight": -1.0}, r"`l1_weight` must be a non-negative finite number"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        models.Pix2Pix(**parts(**changes))
