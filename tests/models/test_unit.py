"""UNIT: its losses against torch.distributions and torch.nn.functional, draws, and training."""

import keras
import numpy as np
import pytest
import torch
from small_networks import (
    DIGIT,
    SKETCH,
    batch,
    digits,
    lstnet_parts,
    quick_compile,
    to_numpy,
    unit_mlp,
)
from torch.distributions import Laplace, Normal, kl_divergence
from torch.nn import functional

from keras_latent import models

DOMAINS = ("source", "target")
WEIGHTS = {
    "gan_weight": 2.0,
    "kl_weight": 3.0,
    "reconstruction_weight": 5.0,
    "cycle_kl_weight": 7.0,
    "cycle_weight": 11.0,
}


def signed(rng, rows=(9, 6)):
    """Random images in [-1, 1]."""
    return {
        d: keras.ops.convert_to_tensor(rng.uniform(-1, 1, (n, *shape)).astype("float32"))
        for d, n, shape in zip(DOMAINS, rows, (DIGIT, SKETCH), strict=True)
    }


def sgd(discriminators, translators):
    rates = {"discriminators": discriminators, "translators": translators}
    return {team: keras.optimizers.SGD(rate) for team, rate in rates.items()}


def bce(logits, label):
    labels = torch.full_like(logits, label)
    return functional.binary_cross_entropy_with_logits(logits, labels).item()


def oracle(model, x, made):
    """The terms in float64; of the Laplace likelihood, without its constant log 2."""
    made = keras.tree.map_structure(lambda t: torch.tensor(to_numpy(t)).double(), made)
    x = {d: torch.tensor(to_numpy(x[d])).double() for d in DOMAINS}
    terms, loss, played = {}, 0.0, 0.0
    for d in DOMAINS:
        judge = getattr(model, f"{d}_discriminator")
        true, false = (
            torch.tensor(to_numpy(judge(images.float().numpy()))).double()
            for images in (x[d], made["translated"][d])
        )
        played += model.gan_weight * (bce(true, 1.0) + bce(false, 0.0))
        right = (true > 0).double().mean() + (false < 0).double().mean()
        terms[f"{d}_discriminator_accuracy"] = right / 2

        def kl(mean):
            return kl_divergence(Normal(mean, 1.0), Normal(0.0, 1.0)).mean().item()

        def nll(images, d=d):
            return (-Laplace(images, 1.0).log_prob(x[d]).mean() - np.log(2.0)).item()

        terms[f"{d}_adversarial_loss"] = bce(false, 1.0)
        terms[f"{d}_kl_loss"] = kl(made["latent"][d])
        terms[f"{d}_reconstruction_loss"] = nll(made["reconstructed"][d])
        terms[f"{d}_cycle_kl_loss"] = kl(made["latent_of_translated"][d])
        terms[f"{d}_cycle_loss"] = nll(made["cycled"][d])
        variance = made["translated"][d].var(0, unbiased=False).mean()
        terms[f"{d}_spread"] = variance / x[d].var(0, unbiased=False).mean()
        loss += model.gan_weight * terms[f"{d}_adversarial_loss"]
        loss += model.kl_weight * terms[f"{d}_kl_loss"]
        loss += model.reconstruction_weight * terms[f"{d}_reconstruction_loss"]
        loss += model.cycle_kl_weight * terms[f"{d}_kl_loss"]  # eq. 7 has it, too
        loss += model.cycle_kl_weight * terms[f"{d}_cycle_kl_loss"]
        loss += model.cycle_weight * terms[f"{d}_cycle_loss"]
    terms = {name: float(value) for name, value in terms.items()}
    return terms | {"loss": loss, "discriminator_loss": played}


def test_terms(rng):
    model, x = unit_mlp(**WEIGHTS), signed(rng)
    made = model.drawn_translations(x)
    expected = oracle(model, x, made)
    played, found = to_numpy(model.discriminators_loss(x, made))
    loss, terms = to_numpy(model.translators_loss(x, made))
    assert played == pytest.approx(found["discriminator_loss"], rel=1e-6)
    found |= terms | {"loss": loss}
    assert set(found) == set(expected) == set(model.trackers)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=1e-6, err_msg=name)


@pytest.mark.once
def test_weights_of_the_paper():
    model = unit_mlp()
    found = {name: getattr(model, name) for name in WEIGHTS}
    assert list(found.values()) == [10.0, 0.1, 100.0, 0.1, 100.0]
    model.compile()
    for member in model.optimizer.members.values():
        assert float(to_numpy(member.learning_rate)) == pytest.approx(1e-4)
        assert (member.beta_1, member.beta_2) == (0.5, 0.999)


def test_steps_log_the_terms(monkeypatch):
    """With learning rate 0 and the means in place of draws, the logs are the objective's terms."""
    model, x = unit_mlp(**WEIGHTS), batch(12)
    monkeypatch.setattr(model, "drawn", lambda z: z)
    model.compile(sgd(0.0, 0.0), jit_compile=quick_compile())
    inputs = {d: keras.ops.convert_to_tensor(2 * x[d] - 1) for d in DOMAINS}
    expected = oracle(model, inputs, model.translations(inputs))
    for step in (model.train_on_batch, model.test_on_batch):
        logs = step(x, return_dict=True)
        assert set(logs) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)
        model.reset_metrics()


def test_draws_have_variance_one():
    model = unit_mlp()
    mean = keras.ops.convert_to_tensor(np.tile([[-3.0, 0.0, 4.0]], (20000, 1)).astype("float32"))
    one, other = to_numpy((model.drawn(mean), model.drawn(mean)))
    np.testing.assert_allclose(one.mean(0), [-3.0, 0.0, 4.0], atol=0.03)
    np.testing.assert_allclose(one.std(0), 1.0, atol=0.03)
    assert abs(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) < 0.03


def test_what_is_made_of_draws(monkeypatch, rng):
    """Reconstructions, translations and cycles; the means are kept for the KL divergences."""
    model, x = unit_mlp(), signed(rng, (4, 5))
    monkeypatch.setattr(model, "drawn", lambda z: z + 3.0)

    def encode(x, d):
        return model.shared_encoder(getattr(model, f"{d}_encoder")(x))

    def decode(z, d):
        return getattr(model, f"{d}_generator")(model.shared_generator(z + 3.0))

    found = to_numpy(model.drawn_translations(x))
    for d, other in (("source", "target"), ("target", "source")):
        z = encode(x[d], d)
        there = decode(z, other)
        z_back = encode(there, other)
        expected = {
            ("latent", d): z,
            ("reconstructed", d): decode(z, d),
            ("translated", other): there,
            ("latent_of_translated", d): z_back,
            ("cycled", d): decode(z_back, d),
        }
        for (name, domain), value in expected.items():
            np.testing.assert_allclose(found[name][domain], to_numpy(value), atol=1e-5)


def test_training_and_evaluation_draw_and_methods_do_not():
    model, x = unit_mlp(), batch(20)
    model.compile(sgd(0.0, 0.0), jit_compile=quick_compile())
    for step in (model.train_on_batch, model.test_on_batch):
        seen = set()
        for _ in range(3):
            seen.add(float(step(x, return_dict=True)["source_cycle_loss"]))
            model.reset_metrics()
        assert len(seen) == 3
    images = {d: x[d] for d in DOMAINS}
    ones, others = (model.predict(images, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(ones["source_translation"], others["source_translation"])
    np.testing.assert_allclose(
        model.translate(x["source"]), ones["source_translation"], rtol=1e-5, atol=1e-6
    )


def test_each_team_moves_its_own_networks():
    for still, rates in (("generator", (0.01, 0.0)), ("discriminator", (0.0, 0.01))):
        model, x = unit_mlp(), batch(12)
        model.compile(sgd(*rates), jit_compile=quick_compile())
        before = {v.path: np.array(to_numpy(v)) for v in model.trainable_variables}
        model.train_on_batch(x)
        for v in model.trainable_variables:
            moved = np.abs(to_numpy(v) - before[v.path]).max() > 0
            assert moved == (("discriminator" in v.path) != (still == "discriminator")), v.path


def test_shared_parts_stay_shared(tmp_path):
    model, x = unit_mlp(), batch(4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name in ("shared_encoder", "shared_generator"):
        before = loaded.translate(x["source"]), loaded.translate(x["target"], to="source")
        part = getattr(loaded, name)
        part.set_weights([w * 0.5 + 0.1 for w in part.get_weights()])
        after = loaded.translate(x["source"]), loaded.translate(x["target"], to="source")
        assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(before, after, strict=True))


@pytest.mark.once
def test_errors_of_the_discriminators():
    parts = lstnet_parts()
    del parts["latent_discriminator"]
    swapped = parts | {"source_discriminator": parts["target_discriminator"]}
    with pytest.raises(ValueError, match="`source_discriminator` must take what `source_encoder`"):
        models.UNIT(**swapped)
    with pytest.raises(ValueError, match=r"`target_discriminator` must return .*\('batch', 1\)"):
        models.UNIT(**parts | {"target_discriminator": parts["target_encoder"]})


@pytest.mark.once
@pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")
def test_reconstructions_and_cycles_improve():
    """Digits and their transposes, unpaired."""
    model = unit_mlp(32, 16, DIGIT, DIGIT)
    images, turned = digits(240)
    x = {"source": images[:120], "target": turned[120:]}
    adam = {team: keras.optimizers.Adam(5e-3, beta_1=0.5) for team in model.optimizer_groups()}
    model.compile(adam, jit_compile=quick_compile())
    before = {d: np.abs(model.cycle(x[d], d) - x[d]).mean() for d in DOMAINS}
    history = model.fit(x, batch_size=30, epochs=8, verbose=0).history
    for d in DOMAINS:
        for term in ("reconstruction", "cycle"):
            losses = history[f"{d}_{term}_loss"]
            assert losses[-1] < 0.8 * losses[0], (d, term)
        assert np.abs(model.cycle(x[d], d) - x[d]).mean() < 0.8 * before[d]
