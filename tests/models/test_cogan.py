"""CoGAN: its game and its encoders against PyTorch and NumPy, pairs, inversion, and training."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from small_networks import DIGIT, SKETCH, batch, cogan, digits, quick_compile, to_numpy
from torch.nn import functional

from keras_latent import models
from keras_latent.src.models.base import blocks

DOMAINS = ("source", "target")
TEAMS = ("discriminators", "generators", "encoders")


def signed(rng, rows=(9, 6)):
    """Random images in [-1, 1]."""
    return {
        d: keras.ops.convert_to_tensor(rng.uniform(-1, 1, (n, *shape)).astype("float32"))
        for d, n, shape in zip(DOMAINS, rows, (DIGIT, SKETCH), strict=True)
    }


def sgd(**rates):
    return {team: keras.optimizers.SGD(rates.get(team, 0.0)) for team in TEAMS}


def parts_of(model):
    """Its networks, by the names of its arguments."""
    kinds = ("encoder", "generator", "discriminator")
    names = [f"{part}_{kind}" for part in (*DOMAINS, "shared") for kind in kinds]
    return {name: getattr(model, name) for name in names}


def decode(model, z, d):
    """Images in [-1, 1]."""
    return to_numpy(getattr(model, f"{d}_generator")(model.shared_generator(z)))


def encode(model, x, d):
    return to_numpy(model.shared_encoder(getattr(model, f"{d}_encoder")(x)))


def oracle(model, x, made):
    """The terms, by torch.nn.functional and NumPy, with the shared parts written out."""
    x, made = to_numpy(x), to_numpy(made)
    terms = {}
    for d in DOMAINS:
        judge = getattr(model, f"{d}_discriminator")
        true, false = (
            torch.tensor(to_numpy(model.shared_discriminator(judge(images))))
            for images in (x[d], made[d])
        )

        def nll(logits, label):
            labels = torch.full_like(logits, label)
            return functional.binary_cross_entropy_with_logits(logits, labels).item()

        terms[f"{d}_adversarial_loss"] = nll(false, 1.0)
        terms[f"{d}_played"] = nll(true, 1.0) + nll(false, 0.0)
        right = (true > 0).double().mean() + (false < 0).double().mean()
        terms[f"{d}_discriminator_accuracy"] = right.item() / 2
        terms[f"{d}_spread"] = made[d].var(0).mean() / x[d].var(0).mean()
        again = encode(model, made[d], d)
        terms[f"{d}_latent_loss"] = ((again - made["latent"]) ** 2).mean()
        image = decode(model, encode(model, x[d], d), d)
        terms[f"{d}_reconstruction_loss"] = ((image - x[d]) ** 2).mean()
    terms["discriminator_loss"] = sum(terms.pop(f"{d}_played") for d in DOMAINS)
    terms["loss"] = sum(terms[f"{d}_adversarial_loss"] for d in DOMAINS)
    terms["encoder_loss"] = sum(
        terms[f"{d}_latent_loss"] + model.image_weight * terms[f"{d}_reconstruction_loss"]
        for d in DOMAINS
    )
    return terms


@pytest.mark.parametrize("rows", [(9, 6), (4, 7)])
@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_terms(rows, weight, rng):
    model, x = cogan(image_weight=weight), signed(rng, rows)
    made = model.generated(x)
    expected = oracle(model, x, made)
    played, found = to_numpy(model.discriminators_loss(x, made))
    loss, terms = model.generators_loss(x, made)
    inverted, errors = to_numpy(model.encoders_loss(x, made))
    assert terms.pop("made") is made
    assert played == pytest.approx(found["discriminator_loss"], rel=1e-6)
    assert inverted == pytest.approx(errors["encoder_loss"], rel=1e-6)
    found |= errors | to_numpy(terms) | {"loss": to_numpy(loss)}
    assert set(found) == set(expected) == set(model.trackers)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=1e-6, err_msg=name)


def test_both_images_of_a_pair_have_one_latent(rng):
    model = cogan()
    made, other = (to_numpy(model.generated(signed(rng, (2000, 5)))) for _ in range(2))
    for d in DOMAINS:
        np.testing.assert_allclose(made[d], decode(model, made["latent"], d), atol=1e-5)
    z = made["latent"]
    assert z.shape == (2000, 4)
    np.testing.assert_allclose(z.mean(0), 0.0, atol=0.1)
    np.testing.assert_allclose(np.cov(z.T), np.eye(4), atol=0.12)
    assert not np.array_equal(z, other["latent"])


def test_pairs_of_users():
    model = cogan()
    pairs = model.generate(3, seed=5)
    z = np.random.default_rng(5).standard_normal((3, 4), "float32")
    for d in DOMAINS:
        np.testing.assert_allclose(pairs[d], model.decode(z, d), atol=1e-6)
    assert np.abs(pairs["source"] - model.generate(3, seed=6)["source"]).max() > 1e-3


def test_each_team_moves_its_own_networks():
    for team in TEAMS:
        model, x = cogan(), batch(12)
        model.compile(sgd(**{team: 0.05}), jit_compile=quick_compile())
        before = {v.path: np.array(to_numpy(v)) for v in model.trainable_variables}
        model.train_on_batch(x)
        moved = [v.path for v in model.trainable_variables if (to_numpy(v) != before[v.path]).any()]
        kind = team.removesuffix("s")
        assert moved and all(kind in path for path in moved), moved
        for part in ("source", "target", "shared"):
            assert any(f"{part}_{kind}" in path for path in moved), (part, moved)


@pytest.mark.once
def test_the_game_does_not_depend_on_the_encoders():
    ends = []
    for weight, rate in ((0.0, 0.0), (5.0, 0.1)):
        keras.utils.set_random_seed(3)
        model = cogan(image_weight=weight, seed=2)
        rates = sgd(discriminators=0.05, generators=0.05, encoders=rate)
        model.compile(rates, jit_compile=quick_compile())
        for _ in range(3):
            model.train_on_batch(batch(12))
        ends.append({name: network.get_weights() for name, network in parts_of(model).items()})
    for name, values in ends[0].items():
        same = [np.array_equal(*pair) for pair in zip(values, ends[1][name], strict=True)]
        assert all(same) if "encoder" not in name else not any(same), name


def test_shared_parts_stay_shared(tmp_path, rng):
    model, x = cogan(), signed(rng)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)
    z = rng.normal(size=(3, 4)).astype("float32")
    calls = {
        "shared_generator": lambda d: loaded.decode(z, d),
        "shared_encoder": lambda d: encode(loaded, x[d], d),
        "shared_discriminator": lambda d: to_numpy(loaded._logits(d, x[d], False)),
    }
    for name, call in calls.items():
        before = [call(d) for d in DOMAINS]
        part = getattr(loaded, name)
        part.set_weights([w * 0.5 + 0.1 for w in part.get_weights()])
        after = [call(d) for d in DOMAINS]
        assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(before, after, strict=True)), name


@pytest.mark.once
def test_default_optimizers():
    model = cogan(ema_momentum=0.9)
    model.compile()
    members = model.optimizer.members
    assert list(members) == list(TEAMS)
    for team, member in members.items():
        rate, beta = (1e-3, 0.9) if team == "encoders" else (2e-4, 0.5)
        assert float(to_numpy(member.learning_rate)) == pytest.approx(rate)
        assert member.beta_1 == beta and member.use_ema == (team == "generators")


def test_inversion_of_linear_generators_is_least_squares(rng):
    """The closest image of a linear generator, in closed form."""
    parts = parts_of(cogan())
    linear = blocks.linear_decoder(4, DIGIT, "linear")
    kernel, bias = rng.normal(size=(4, 64), scale=0.3), rng.normal(size=64, scale=0.1)
    linear.set_weights([kernel, bias])
    other = blocks.linear_decoder(4, SKETCH, "other")
    given = {"source_generator": linear, "target_generator": other, "shared_generator": None}
    model = models.CoGAN(**parts | given)
    x, _ = digits(7)
    wanted = np.linalg.lstsq(kernel.T, (2 * x.reshape(7, -1) - 1 - bias).T, rcond=None)[0].T
    z = model.invert(x, "source", refine_steps=400, learning_rate=0.05, batch_size=4)
    np.testing.assert_allclose(z, wanted, atol=0.02)
    assert np.abs(model.encode(x) - wanted).max() > 0.5


@pytest.mark.once
@pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")
def test_encoders_learn_to_invert_the_generators(rng):
    """Digits and their transposes, unpaired; the search comes closer than the encoder."""
    model = cogan(16, 8, DIGIT, DIGIT)
    images, turned = digits(240)
    x = {"source": images[:120], "target": turned[120:]}
    z = rng.normal(size=(200, 8)).astype("float32")

    def errors():
        of_latents = [np.square(model.encode(model.decode(z, d), d) - z).mean() for d in DOMAINS]
        of_images = [np.square(model.reconstruct(x[d], d) - x[d]).mean() for d in DOMAINS]
        return np.array([of_latents, of_images])

    before = errors()
    adam = {team: keras.optimizers.Adam(3e-3, beta_1=0.5) for team in TEAMS}
    model.compile(adam, jit_compile=quick_compile())
    history = model.fit(x, batch_size=30, epochs=15, verbose=0).history
    after = errors()
    assert (after < 0.8 * before).all(), (before, after)
    assert history["encoder_loss"][-1] < 0.8 * history["encoder_loss"][0]
    found = model.invert(x["source"], "source", refine_steps=50)
    closest = np.square(model.decode(found, "source") - x["source"]).mean()
    assert closest < after[1, 0]


def test_errors():
    model = cogan()
    parts = parts_of(model)
    maps = keras.Sequential([keras.Input((8,)), layers.Dense(4), layers.Reshape((2, 2))])
    back = keras.Sequential([keras.Input((2, 2)), layers.Flatten(), layers.Dense(8)])
    with pytest.raises(ValueError, match=r"`shared_encoder` must return latents \(batch, latent"):
        models.CoGAN(**parts | {"shared_encoder": maps, "shared_generator": back})
    other = blocks.mlp_encoder(SKETCH, 9, "wider")
    with pytest.raises(ValueError, match="`shared_discriminator` must take what `target_discrim"):
        models.CoGAN(**parts | {"target_discriminator": other})
    with pytest.raises(ValueError, match=r"`shared_discriminator` must return .*\('batch', 1\)"):
        models.CoGAN(**parts | {"shared_discriminator": blocks.dense_relu(8, 2, "two")})
    with pytest.raises(ValueError, match=r"`source_discriminator` must return .*\('batch', 1\)"):
        models.CoGAN(**parts | {"shared_discriminator": None})
    for wrong in ({"refine_steps": 0}, {"learning_rate": 0.0}, {"domain": "left"}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            model.invert(digits(2)[0], **wrong)


@pytest.mark.once
def test_networks_for_images_of_two_sizes():
    """The shared parts take both, and have the widths of LSTNet where the sizes agree."""
    parts = models.networks_for("CoGAN", (64, 64, 3), (32, 32, 1), width=2, latent_dim=5)
    model = models.CoGAN(**parts)
    assert model.event_shapes == {"source": (64, 64, 3), "target": (32, 32, 1)}
    assert model.latent_shape == (5,)
    same = models.networks_for("CoGAN", (64, 64, 1), width=2)
    lstnet = models.networks_for("LSTNet", (64, 64, 1), width=2)

    def kernels(networks, *names):
        return [w.shape for n in names for w in networks[n].weights if len(w.shape) == 4]

    assert same["shared_generator"].output_shape == (None, 32, 32, 8)
    for kind in ("discriminator", "generator"):
        own, shared = f"source_{kind}", f"shared_{kind}"
        names = (own, shared) if kind == "discriminator" else (shared, own)
        of_lstnet = kernels(lstnet, *(n for n in names if n in lstnet))
        assert kernels(same, *names) == of_lstnet
