"""LatentDomainTransfer: the chain, its interpolations, models that cannot encode, files."""

import json

import keras
import numpy as np
import pytest

from keras_latent import models
from keras_latent.src.models.bridging.networks import bridging_mlp, deep_vae_mlp


def vae(latent_dim=4, shape=(6, 6, 1), seed=0):
    keras.utils.set_random_seed(seed)
    return models.VAE(**deep_vae_mlp(shape, hidden=16, depth=1, latent_dim=latent_dim))


def generator(latent_dim=3, samples=20):
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(samples, activation="tanh"),
            keras.layers.Reshape((samples, 1)),
        ]
    )


def bridge(dims=(4, 4), **arguments):
    networks = bridging_mlp(max(dims), 2, 2, hidden=16, depth=1)
    return models.BridgingVAE(**networks, latent_dims=dims, **arguments)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, 6, 6, 1)).astype("float32")


@pytest.fixture
def two_vaes():
    return models.LatentDomainTransfer(vae(seed=1), bridge(), vae(seed=2))


def test_transfer_is_the_chain_of_its_parts(two_vaes, images):
    source, through, target = two_vaes.source, two_vaes.bridge, two_vaes.target
    z = through.transfer(source.encode(images), "source", "target")
    np.testing.assert_allclose(two_vaes.transfer(images), target.decode(z), atol=1e-5)
    np.testing.assert_allclose(two_vaes.predict(images, verbose=0), target.decode(z), atol=1e-5)
    z = through.transfer(target.encode(images), "target", "source")
    np.testing.assert_allclose(two_vaes.transfer(images, to="source"), source.decode(z), atol=1e-5)
    z = through.transfer(target.encode(images), "target", "target")
    np.testing.assert_allclose(two_vaes.reconstruct(images, "target"), target.decode(z), atol=1e-5)


def test_draws_repeat_by_seed_and_differ_from_means(two_vaes, images):
    draws = [two_vaes.transfer(images, sample=True, seed=s) for s in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.allclose(draws[0], draws[2])
    assert not np.allclose(draws[0], two_vaes.transfer(images))


def test_posterior_is_what_the_bridge_is_trained_on(two_vaes, images):
    q = two_vaes.posterior(images, "target")
    mean, log_var = two_vaes.target.posterior(keras.ops.convert_to_tensor(images))
    np.testing.assert_allclose(q[:, 0], keras.ops.convert_to_numpy(mean), atol=1e-5)
    np.testing.assert_allclose(q[:, 1], keras.ops.convert_to_numpy(log_var), atol=1e-5)
    two_vaes.bridge.compile()
    history = two_vaes.bridge.fit({"source": q, "target": q}, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_three_kinds_of_interpolation(two_vaes, images):
    a, b = images[:2], images[2:4]
    none, ends, all_ = (
        two_vaes.interpolate(a, b, 5, transferred=kind) for kind in ("none", "ends", "all")
    )
    assert none.shape == ends.shape == all_.shape == (2, 5, 6, 6, 1)
    source = two_vaes.source
    np.testing.assert_allclose(none[:, 0], source.decode(source.encode(a)), atol=1e-4)
    np.testing.assert_allclose(none, source.interpolate(a, b, 5), atol=1e-4)
    # Both transferred paths begin and end at the transferred ends, and part between them.
    for path in (ends, all_):
        np.testing.assert_allclose(path[:, 0], two_vaes.transfer(a), atol=1e-4)
        np.testing.assert_allclose(path[:, -1], two_vaes.transfer(b), atol=1e-4)
    assert not np.allclose(ends[:, 2], all_[:, 2], atol=1e-5)


def test_generator_without_encoder(images):
    sounds = models.LatentDomainTransfer(vae(), bridge((4, 3)), generator())
    assert sounds.transfer(images).shape == (5, 20, 1)
    z = np.random.default_rng(1).normal(size=(3, 3)).astype("float32")
    assert sounds.transfer(z, to="source", latents=True).shape == (3, 6, 6, 1)
    assert sounds.reconstruct(z, "target", latents=True).shape == (3, 20, 1)
    assert sounds.interpolate(z[:1], z[1:2], 4, to="source", latents=True).shape[:2] == (1, 4)
    with pytest.raises(ValueError, match="no encoder.*rejection_sample"):
        sounds.transfer(np.zeros((2, 20, 1), "float32"), to="source")
    # As the source it takes latents in `call`, too.
    turned = models.LatentDomainTransfer(generator(), bridge((3, 4)), vae())
    assert turned.predict(z, verbose=0).shape == (3, 6, 6, 1)


def test_one_file_holds_all_three(tmp_path, images):
    transfer = models.LatentDomainTransfer(vae(seed=1), bridge((4, 3)), generator())
    transfer.save(tmp_path / "transfer.keras")
    loaded = keras.saving.load_model(tmp_path / "transfer.keras")
    np.testing.assert_allclose(loaded.transfer(images), transfer.transfer(images), atol=1e-6)
    configs = [json.loads(json.dumps(m.get_config())) for m in (transfer, loaded)]
    assert configs[0] == configs[1]


def test_two_of_three_domains(images):
    networks = bridging_mlp(4, 3, 2, hidden=8, depth=1)
    between = models.BridgingVAE(**networks, domains=("a", "b", "c"))
    chain = models.LatentDomainTransfer(vae(seed=1), between, vae(seed=2), domains=("c", "a"))
    z = between.transfer(chain.source.encode(images), "c", "a")
    np.testing.assert_allclose(chain.transfer(images), chain.target.decode(z), atol=1e-5)
    with pytest.raises(ValueError, match="two or more different names"):
        models.LatentDomainTransfer(vae(), between, vae(), domains=("a", "a"))
    with pytest.raises(ValueError, match="`domains` must be two of those of `bridge`"):
        models.LatentDomainTransfer(vae(), between, vae(), domains=("a", "d"))


def test_errors(two_vaes, images):
    with pytest.raises(ValueError, match="takes 4 latents of 'target'. Received: `target`"):
        models.LatentDomainTransfer(vae(), bridge(), generator())
    with pytest.raises(ValueError, match="must be a `BridgingVAE`"):
        models.LatentDomainTransfer(vae(), vae(), vae())
    with pytest.raises(ValueError, match="latents \\(batch, dim\\)"):
        classifier = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten()])
        models.LatentDomainTransfer(classifier, bridge(), vae())
    with pytest.raises(ValueError, match="`to` must be one of"):
        two_vaes.transfer(images, to="elsewhere")
    with pytest.raises(ValueError, match="`transferred` must be one of"):
        two_vaes.interpolate(images, images, transferred="some")
    with pytest.raises(ValueError, match="same number of rows"):
        two_vaes.interpolate(images[:2], images[:1])
    with pytest.raises(ValueError, match="must have shape"):
        two_vaes.transfer(images[..., 0])
    with pytest.raises(NotImplementedError, match="Train its bridge"):
        two_vaes.fit(images)
