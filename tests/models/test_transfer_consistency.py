"""DualVAE's consistency of transfers: what the term is, what it moves, what it changes."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import special
from small_networks import assert_same_weights, attributed_digits, dual_vae, quick_compile

from keras_latent import models
from keras_latent.src.models.dual_vae.networks import dual_vae as convolutional
from keras_latent.training import portable

X, Y = attributed_digits(60)


def numpy(t):
    return np.array(ops.convert_to_numpy(t), dtype="float64")


def sgd(vae, attributes):
    return {
        "vae": keras.optimizers.SGD(vae),
        "attributes": keras.optimizers.SGD(attributes),
    }


def test_the_divergence_is_scipys(rng):
    model = dual_vae(consistency=1.0, use_bias=True)
    w = rng.normal(size=(60, 4)).astype("float32")
    said = special.expit(numpy(model.attribute_logits(w)))
    seen = special.expit(numpy(model.attribute_logits(model.encode(X))))
    wanted = special.rel_entr(said, seen) + special.rel_entr(1 - said, 1 - seen)
    found = model.transfer_consistency.loss(ops.convert_to_tensor(w), ops.convert_to_tensor(X))
    np.testing.assert_allclose(float(found), wanted.sum(1).mean(), rtol=1e-4)


def test_it_is_0_where_images_show_what_latents_say():
    model = dual_vae(consistency=1.0)
    z = ops.convert_to_tensor(model.encode(X))
    assert abs(float(model.transfer_consistency.loss(z, ops.convert_to_tensor(X)))) < 1e-5


def test_one_attribute_of_each_row_is_moved():
    model = dual_vae(consistency=1.0, latent_dim=8, use_bias=True)
    rows = np.repeat(X, 4, axis=0)
    z = model.encode(rows)
    steps = numpy(model.transfer_consistency.moved_latents(ops.convert_to_tensor(z))) - z
    before = numpy(model.attribute_logits(z))
    after = numpy(model.attribute_logits(z + steps.astype("float32")))
    # Every step lies along a dual vector, or moves one logit and no other.
    u = model.dual_vectors()
    cosine = np.abs(steps @ u.T) / np.linalg.norm(steps, axis=1)[:, None]
    along = (cosine / np.linalg.norm(u, axis=1) > 0.9999).sum(axis=1)
    alone = (np.abs(after - before) > 0.1).sum(axis=1) <= 1  # the ridge moves others a little
    assert 0.3 < along.mean() < 0.7
    assert (alone | (along == 1)).all() and (alone & (along == 0)).sum() > 60
    moved = after[np.arange(len(rows)), np.abs(after - before).argmax(axis=1)]
    assert 11 < np.abs(moved[alone]).max() < 12.2 and moved.min() < -8 and moved.max() > 8
    again = numpy(model.transfer_consistency.moved_latents(ops.convert_to_tensor(z))) - z
    assert np.abs(again - steps).max() > 1  # drawn anew


def test_noise_is_of_training_alone():
    model = dual_vae(consistency=1.0, input_noise=0.5)
    x = ops.zeros((400, 8, 8, 1))
    assert abs(numpy(model.transfer_consistency.with_noise(x)).std() - 0.5) < 0.02
    seen = []
    model.posterior = lambda x, training=False: (
        seen.append(numpy(x)) or type(model).posterior(model, x, training)
    )
    for training in (False, True):
        model.losses_of(ops.convert_to_tensor(X), ops.convert_to_tensor(Y), training)
    assert np.array_equal(seen[0], X) and np.abs(seen[1] - X).std() > 0.1
    assert dual_vae().transfer_consistency.with_noise(x) is x


def test_the_objective_is_the_sum():
    model = dual_vae(consistency=3.0)
    losses, terms = model.losses_of(ops.convert_to_tensor(X), ops.convert_to_tensor(Y))
    wanted = terms["reconstruction_loss"] + terms["kl_loss"] + 3 * terms["consistency_loss"]
    np.testing.assert_allclose(float(losses["vae"]), float(wanted), rtol=1e-6)
    plain, terms = dual_vae().losses_of(ops.convert_to_tensor(X), ops.convert_to_tensor(Y))
    assert "consistency_loss" not in terms and np.isfinite(float(plain["vae"]))


def test_a_train_step_leads_it_to_the_decoder_alone(rng):
    """With another weight of the term, one step makes another decoder and the same encoder."""
    # With batch normalization, the rows of one batch depend on each other.
    networks = convolutional((16, 16, 1), latent_dim=8, width=2)
    first = models.DualVAE(**networks, attributes=3, use_bias=True, consistency=1e-6, seed=0)
    x, y = rng.random((20, 16, 16, 1), "float32"), rng.integers(-1, 2, (20, 3))
    after = []
    for weight in (1e-6, 1000.0):
        model = models.DualVAE.from_config(first.get_config() | {"consistency": weight})
        model.set_weights(first.get_weights())
        model.compile(sgd(1e-3, 1e-3), run_eagerly=True)
        model.train_on_batch(x, y)
        parts = (model.encoder, model.attribute_decoder, model.decoder)
        after.append([part.get_weights() for part in parts])
    for old, new in zip(after[0][0] + after[0][1], after[1][0] + after[1][1], strict=True):
        np.testing.assert_allclose(old, new, rtol=1e-6, atol=1e-7)
    assert np.abs(after[0][2][0] - after[1][2][0]).max() > 1e-5


def test_transfers_become_consistent():
    x, y = attributed_digits(400)
    found = {}
    for weight in (0.0, 50.0):
        keras.utils.set_random_seed(0)
        model = dual_vae(latent_dim=8, observation_variance=0.05, consistency=weight, seed=0)
        rates = {name: keras.optimizers.Adam(5e-3) for name in ("vae", "attributes")}
        model.compile(rates, jit_compile=quick_compile())
        history = model.fit(x, y, batch_size=50, epochs=15, verbose=0).history
        w = model.transfer_consistency.moved_latents(ops.convert_to_tensor(model.encode(x)))
        found[weight] = float(numpy(model.transfer_consistency.loss(w, model.to_data(w))))
    assert history["consistency_loss"][-1] < history["consistency_loss"][0]
    assert found[50.0] < 0.7 * found[0.0]
    assert set(model.evaluate(x, y, verbose=0, return_dict=True)) == set(history)


def test_a_file_goes_on_as_if_nothing_had_been(tmp_path):
    model = dual_vae(consistency=2.0, input_noise=0.1, latent_dim=8)
    model.compile(jit_compile=quick_compile())
    fit = {"batch_size": 20, "shuffle": False, "verbose": 0}
    model.fit(X, Y, **fit)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.consistency, loaded.input_noise) == (2.0, 0.1)
    for m in (model, loaded):
        m.fit(X, Y, **fit)
    assert_same_weights(model, loaded, 1e-6)


@pytest.mark.parametrize("name", ["consistency", "input_noise"])
def test_bad_weights(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a non-negative"):
        dual_vae(**{name: -1.0})


@keras.saving.register_keras_serializable(package="test_transfer_consistency")
class OneOptimizer(models.DualVAE):
    """All of its variables are moved by its first loss."""

    def optimizer_groups(self):
        return None

    @portable
    def train_step(self, data):
        x, y = self.unpack(data)
        loss, _ = self.minimize(lambda x, y: (self.losses_of(x, y, True)[0]["vae"], {}), x, y)
        return self.track(ops.shape(x)[0], loss=loss)


def test_the_encoder_that_looks_and_the_dual_vectors_are_held_fixed(rng, monkeypatch):
    """Of draws that are given, the term moves the decoder, and neither phi nor U."""
    config = dual_vae(consistency=1.0, latent_dim=8, beta=0.0, use_bias=True).get_config()
    model = OneOptimizer.from_config(config)
    z = rng.normal(size=(60, 8)).astype("float32")
    monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: ops.convert_to_tensor(z))
    parts = [model.encoder, model.attribute_decoder, model.decoder]
    before = [part.get_weights() for part in parts]
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    model.train_on_batch(X, Y)
    after = [part.get_weights() for part in parts]
    for old, new in zip(before[0] + before[1], after[0] + after[1], strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(before[2][0] - after[2][0]).max() > 1e-4


def test_the_gradient_of_the_decoder_is_not_that_of_reconstruction_alone(rng, monkeypatch):
    """It goes through the encoder that looks, to the images."""
    moved = []
    z = rng.normal(size=(60, 8)).astype("float32")
    config = dual_vae(consistency=1.0, latent_dim=8).get_config()
    weights = OneOptimizer.from_config(config).get_weights()
    for consistency in (1e-6, 10.0):
        model = OneOptimizer.from_config(config | {"consistency": consistency})
        model.set_weights(weights)
        monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: ops.convert_to_tensor(z))
        model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
        model.train_on_batch(X, Y)
        moved.append(model.decoder.get_weights()[0])
    assert np.abs(moved[0] - moved[1]).max() > 1e-4
