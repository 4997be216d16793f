"""Models of one's own, derived from those of the library, and models that are changed."""

import keras
import numpy as np
import pytest
from small_networks import attributed_digits, digits, dual_vae, fader, lstnet, vae, wavegan
from small_networks import batch as two_domains

from keras_latent import models

X, Y = attributed_digits(20)


@keras.saving.register_keras_serializable(package="tests")
class Own(models.VAE):
    """With arguments that are not stored under their names, and one named like a method."""

    def __init__(self, *args, prior="normal", dtype=None, name=None, **kwargs):
        super().__init__(*args, dtype=dtype, name=name, **kwargs)
        self.kind_of_prior = prior

    def encode(self, x, **kwargs):
        return super().encode(x, **kwargs) + 1.0

    def get_config(self):
        return {**super().get_config(), "prior": self.kind_of_prior}


def test_a_subclass_with_its_own_arguments(tmp_path):
    model = Own(*(getattr(vae(), part) for part in ("encoder", "decoder")), prior="mixture")
    model.save(tmp_path / "own.keras")
    loaded = keras.saving.load_model(tmp_path / "own.keras")
    assert type(loaded) is Own and loaded.kind_of_prior == "mixture"
    np.testing.assert_allclose(loaded.encode(X), model.encode(X), atol=1e-6)
    copy = Own.from_config({**model.get_config(), "dtype": "mixed_float16"})
    assert Own.from_config(copy.get_config()).dtype_policy.name == "mixed_float16"


def test_an_overridden_method_is_exported_as_that_of_its_base():
    model = Own(vae().encoder, vae().decoder)
    assert model.export_verbs() == ["decode", "encode", "reconstruct"]
    program = model.verb_model("encode")
    np.testing.assert_allclose(program.predict(X, verbose=0) + 1.0, model.encode(X), atol=1e-5)


def test_a_subclass_inherits_presets():
    assert Own.from_preset("vae_digits", load_weights=False, prior="p").kind_of_prior == "p"


def test_a_subclass_with_its_own_trackers():
    class Logged(models.DualVAE):
        trackers = (*models.DualVAE.trackers[:3], "attribute_loss", "attribute_accuracy")

    twin = dual_vae(consistency=1.0)
    model = Logged.from_config(twin.get_config())
    model.compile(run_eagerly=True)
    assert "consistency_loss" in model.fit(X, Y, verbose=0).history


def test_the_observation_variance_may_change():
    model = vae(observation_variance=1.0)
    x = keras.ops.convert_to_tensor(X)
    before = keras.ops.convert_to_numpy(model.log_prob(x, x))
    model.observation_variance = 0.25
    after = keras.ops.convert_to_numpy(model.log_prob(x, x))
    np.testing.assert_allclose(after - before, 64 * np.log(2.0), rtol=1e-5)


@pytest.mark.parametrize("size", [0, -5, "a"])
def test_batch_sizes_of_a_transfer(size):
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        fader().transfer(X, 0, attributes=Y, batch_size=size)


def test_a_transfer_compiles_once_for_all_attributes():
    model = fader()
    for attribute in (0, 1, [0, 2], None):
        model.transfer(X, attribute, attributes=Y)
    assert len(model._programs.by_key) == 2


def test_names_of_arguments_that_do_not_exist():
    model = vae()
    model.compile()
    with pytest.raises(TypeError, match=r"VAE.encode\(\) got an unexpected keyword argument 'foo'"):
        model.encode(X, foo=1)
    with pytest.raises(TypeError, match=r"VAE.fit\(\) got an unexpected keyword argument 'foo'"):
        model.fit(X, foo=1)


def test_sample_weights_without_labels():
    model = vae()
    model.compile()
    with pytest.raises(ValueError, match="VAE takes no `sample_weight`"):
        model.fit(X, sample_weight=np.ones(len(X)), verbose=0)


def test_predictions_of_no_rows():
    for model, x, name in ((vae(), X[:0], "x"), (wavegan(), np.zeros((0, 4), "float32"), "z")):
        with pytest.raises(ValueError, match=f"`{name}` must have one row or more"):
            model.predict(x, verbose=0)


def test_what_is_ignored_may_be_anything():
    data = two_domains(8)
    made = lstnet().predict({**data, "paired": np.ones(8)}, verbose=0)
    assert made["source_translation"].shape == data["target"].shape


def test_pixels_for_a_base_model_of_ones_own():
    class Base(keras.Model):
        latent_dim, event_shape = 4, (8, 8, 1)

        def __init__(self):
            super().__init__()
            self.inner = vae(latent_dim=4)
            self.built = True

        def posterior(self, x):
            return self.inner.posterior(x)

        def to_data(self, z):
            return self.inner.to_data(z)

    from keras_latent.src.models.bridging.networks import bridging_mlp

    bridge = models.BridgingVAE(**bridging_mlp(4, 2, 2, hidden=8, depth=1))
    transfer = models.LatentDomainTransfer(Base(), bridge, vae(latent_dim=4))
    assert transfer.domains == {"source": "source", "target": "target"}
    assert transfer.transfer(digits(3)[0]).shape == (3, 8, 8, 1)
    with pytest.raises(ValueError, match="looks like pixels in 0..255"):
        transfer.encode(digits(3)[0] * 255)
