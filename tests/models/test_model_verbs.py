"""encode, decode, reconstruct, translate, generate, interpolate."""

import keras
import numpy as np
import pytest
from small_networks import DIGIT, SKETCH, batch, digits, quick_compile, to_numpy, vae, vbta

from keras_latent import models, ops

SHAPES = {"source": DIGIT, "target": SKETCH}
OTHER = {"source": "target", "target": "source"}


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits.astype("float64")))


@pytest.fixture(scope="module", params=["gaussian", "bernoulli"])
def pair_model(request):
    return vbta(likelihood=request.param)  # not compiled: the verbs need no training


def by_hand(model, x, domain, to):
    """f(x) = D_y(D(E(E_x(x)))), composed of the networks themselves."""
    encoders = {"source": model.source_encoder, "target": model.target_encoder}
    decoders = {"source": model.source_decoder, "target": model.target_decoder}
    z_mean, _ = model.shared_encoder(encoders[domain](x))
    out = to_numpy(decoders[to](model.shared_decoder(z_mean)))
    return to_numpy(z_mean), sigmoid(out) if model.likelihood == "bernoulli" else out


@pytest.mark.parametrize("domain", ["source", "target"])
def test_verbs_compose_the_networks(pair_model, domain):
    x, to = batch(5)[domain], OTHER[domain]
    z, own = by_hand(pair_model, x, domain, domain)
    _, other = by_hand(pair_model, x, domain, to)
    close = {"atol": 1e-5}
    np.testing.assert_allclose(pair_model.encode(x, domain), z, **close)
    np.testing.assert_allclose(pair_model.decode(z, domain), own, **close)
    np.testing.assert_allclose(pair_model.decode(z, to), other, **close)
    np.testing.assert_allclose(pair_model.reconstruct(x, domain), own, **close)
    np.testing.assert_allclose(pair_model.translate(x, to=to), other, **close)


def test_translations_moved_by_an_offset(pair_model, rng):
    """Added on the way to the target, subtracted on the way back; for all rows, or each its own."""
    offset, x = rng.normal(size=4).astype("float32"), batch(5)
    for domain, to in OTHER.items():
        sign = 1 if to == "target" else -1
        z = pair_model.encode(x[domain], domain)
        expected = pair_model.decode(z + sign * offset, to)
        got = pair_model.translate(x[domain], to=to, offset=offset)
        np.testing.assert_allclose(got, expected, atol=1e-6)
        assert np.abs(got - pair_model.translate(x[domain], to=to)).max() > 1e-4
        each = pair_model.translate(x[domain], to=to, offset=np.tile(offset, (5, 1)))
        np.testing.assert_allclose(each, expected, atol=1e-6)
        np.testing.assert_allclose(
            pair_model.translate(x[domain], to=to, offset=0 * offset),
            pair_model.translate(x[domain], to=to),
            atol=1e-6,
        )


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (np.zeros(3), r"shape of one latent, \(4,\), or of one per row, \(5, 4\).*shape=\(3,\)"),
        (np.zeros((4, 4)), r"Received: shape=\(4, 4\)"),
        (1.0, r"`offset` must be an array"),
        (np.full(4, np.nan), r"`offset` must be finite"),
    ],
)
def test_offsets_that_cannot_be_meant(pair_model, offset, message):
    with pytest.raises(ValueError, match=message):
        pair_model.translate(batch(5)["source"], offset=offset)


def test_vae_verbs_compose_the_networks():
    x, _ = digits(5)
    for likelihood in ("gaussian", "bernoulli"):
        model = vae(likelihood=likelihood)
        z = to_numpy(model.encoder(x)[0])
        images = to_numpy(model.decoder(z))
        images = sigmoid(images) if likelihood == "bernoulli" else images
        np.testing.assert_allclose(model.encode(x), z, atol=1e-5)
        np.testing.assert_allclose(model.decode(z), images, atol=1e-5)
        np.testing.assert_allclose(model.reconstruct(x), images, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_any_number_of_rows(pair_model, rows):
    x = {d: np.resize(v, (rows, *v.shape[1:])) for d, v in batch(200).items() if d != "paired"}
    z = pair_model.encode(x["source"])
    assert z.shape == (rows, 4) and z.dtype == np.float32
    for domain, to in OTHER.items():
        images = pair_model.translate(x[domain], to=to)
        assert images.shape == (rows, *SHAPES[to]) and images.dtype == np.float32
        assert pair_model.reconstruct(x[domain], domain).shape == (rows, *SHAPES[domain])
        assert pair_model.decode(z, domain).shape == (rows, *SHAPES[domain])
        assert pair_model.generate(rows, seed=0)[domain].shape == (rows, *SHAPES[domain])
    images = pair_model.interpolate(x["source"], x["source"][::-1], 3, to="target")
    assert images.shape == (rows, 3, *SKETCH) and images.dtype == np.float32


def test_batch_size_does_not_change_the_answer(pair_model):
    x = batch(11)["source"]
    one = pair_model.translate(x)
    np.testing.assert_allclose(pair_model.translate(x, batch_size=4), one, atol=1e-6)
    np.testing.assert_allclose(
        np.concatenate([pair_model.translate(row[None]) for row in x]), one, atol=1e-6
    )
    for verb, arguments in (
        ("encode", (x,)),
        ("reconstruct", (x,)),
        ("decode", (pair_model.encode(x),)),
        ("interpolate", (x, x[::-1], 3)),
    ):
        small = getattr(pair_model, verb)(*arguments, batch_size=4)
        np.testing.assert_allclose(small, getattr(pair_model, verb)(*arguments), atol=1e-6)
    samples = [pair_model.generate(11, seed=1, batch_size=size)["target"] for size in (4, 512)]
    np.testing.assert_allclose(*samples, atol=1e-6)
    draws = [pair_model.encode(x, sample=True, seed=1, batch_size=size) for size in (4, 512)]
    np.testing.assert_allclose(*draws, atol=1e-6)


def test_seeds(pair_model):
    x = batch(20)["source"]
    for draw in (
        lambda seed: pair_model.generate(20, seed=seed)["source"],
        lambda seed: pair_model.encode(x, sample=True, seed=seed),
        lambda seed: pair_model.prior(20, seed),
    ):
        np.testing.assert_array_equal(draw(1), draw(1))
        assert np.abs(draw(1) - draw(2)).max() > 1e-3
        assert np.abs(draw(None) - draw(None)).max() > 1e-3


def test_generate_is_the_prior_decoded(pair_model):
    z = np.random.default_rng(7).standard_normal((6, 4), "float32")
    samples = pair_model.generate(6, seed=7)
    for domain, images in samples.items():
        np.testing.assert_array_equal(images, pair_model.decode(z, domain))
    model = vae()
    np.testing.assert_array_equal(model.generate(6, seed=7), model.decode(z))


def test_a_sample_is_of_the_posterior():
    x = np.repeat(batch(1)["source"], 5000, axis=0)
    model = vbta()
    z_mean, z_log_var = (to_numpy(t)[0] for t in model.posterior(x[:1], "source"))
    z = model.encode(x, sample=True, seed=3)
    np.testing.assert_allclose(z.mean(0), z_mean, atol=0.06)
    np.testing.assert_allclose(z.std(0), np.exp(z_log_var / 2), rtol=0.05)


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_interpolation_goes_from_one_end_to_the_other(pair_model, kind):
    a, b = digits(4)[0][:2], digits(4)[0][2:]
    images = pair_model.interpolate(a, b, 5, kind=kind)
    assert images.shape == (2, 5, *DIGIT)
    np.testing.assert_allclose(images[:, 0], pair_model.reconstruct(a), atol=1e-5)
    np.testing.assert_allclose(images[:, -1], pair_model.reconstruct(b), atol=1e-5)
    across = pair_model.interpolate(a, b, 5, kind=kind, to="target")
    np.testing.assert_allclose(across[:, 0], pair_model.translate(a), atol=1e-5)
    z = to_numpy(ops.interpolate(pair_model.encode(a), pair_model.encode(b), 5, kind))
    np.testing.assert_allclose(images[1], pair_model.decode(z[1]), atol=1e-5)
    model = vae()
    images = model.interpolate(a, b, 4, kind=kind)
    np.testing.assert_allclose(images[:, 0], model.reconstruct(a), atol=1e-5)
    np.testing.assert_allclose(images[:, -1], model.reconstruct(b), atol=1e-5)


def test_the_two_ways_differ():
    a, b = digits(4)[0][:2], digits(4)[0][2:]
    model = vae()
    middle = [model.interpolate(a, b, 3, kind=kind)[:, 1] for kind in ("linear", "spherical")]
    assert np.abs(middle[0] - middle[1]).max() > 1e-3
    straight = (model.encode(a) + model.encode(b)) / 2
    np.testing.assert_allclose(middle[0], model.decode(straight), atol=1e-5)


@pytest.mark.each_backend
def test_verbs_follow_the_weights():
    """What was compiled before a training answers with the weights after it."""
    x = batch(40)
    model = vbta()
    model.compile(keras.optimizers.SGD(1e-2), jit_compile=quick_compile())
    before = model.translate(x["source"])
    latents = model.encode(x["target"], "target")
    model.fit(x, batch_size=20, epochs=2, verbose=0)
    after = model.translate(x["source"])
    assert np.abs(after - before).max() > 1e-3
    assert np.abs(model.encode(x["target"], "target") - latents).max() > 1e-4
    np.testing.assert_allclose(after, by_hand(model, x["source"], "source", "target")[1], atol=1e-5)
    for variable in model.trainable_variables:
        variable.assign(variable * 0.0)
    np.testing.assert_array_equal(model.translate(x["source"]), 0.0)


def test_verbs_take_tensors_and_other_floats():
    x, _ = digits(3)
    model = vae()
    want = model.encode(x)
    np.testing.assert_allclose(model.encode(keras.ops.convert_to_tensor(x)), want, atol=1e-6)
    np.testing.assert_allclose(model.encode(x.astype("float64")), want, atol=1e-6)
    np.testing.assert_allclose(model.encode(x.tolist()), want, atol=1e-6)
    half = model.encode(x.astype("float16"))
    np.testing.assert_allclose(half, want, atol=1e-2)


def test_latents_are_not_taken_for_pixels():
    assert vae().decode(np.full((2, 4), 200.0, "float32")).shape == (2, *DIGIT)


def test_verbs_leave_training_state_alone():
    """No seed moves and no weight appears: a training in between goes on the same."""
    x = batch(10)
    model = vbta()
    state = [to_numpy(v) for v in model.variables]
    model.translate(x["source"])
    model.encode(x["source"], sample=True)
    model.generate(2)
    assert len(model.variables) == len(state)
    for old, new in zip(state, model.variables, strict=True):
        np.testing.assert_array_equal(old, to_numpy(new))


def test_verbs_answer_for_all_rows_where_trainings_are_cut_short():
    x = np.random.default_rng(0).random((40, 8, 8, 1)).astype("float32")
    model = models.VAE.from_preset("vae_digits", load_weights=False)
    keras.config.set_max_steps_per_epoch(1)
    try:
        assert len(model.encode(x, batch_size=16)) == 40
        assert keras.config.max_steps_per_epoch() == 1
    finally:
        keras.config.set_max_steps_per_epoch(None)
