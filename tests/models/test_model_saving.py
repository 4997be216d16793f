"""`.keras` files: shared parts, clones, weights alone, the dtype policy."""

import keras
import numpy as np
import pytest
from small_networks import assert_same_weights, batch, digits, quick_compile, to_numpy, vae, vbta

from benchmarks.reliability.damage import flip_bit, flips, truncations, zip_as_in_python_3_12
from keras_latent import models
from keras_latent.src.models.vbta.networks import vbta_mlp


def test_shared_parts_stay_shared(tmp_path):
    model = vbta()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights) == 14
    assert loaded.count_params() == model.count_params()
    x = batch(4)
    before = loaded.translate(x["source"]), loaded.translate(x["target"], to="source")
    loaded.shared_decoder.set_weights([w * 0.5 for w in loaded.shared_decoder.get_weights()])
    after = loaded.translate(x["source"]), loaded.translate(x["target"], to="source")
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(before, after, strict=True))


def test_one_encoder_for_both_domains_stays_one(tmp_path):
    """The same object as both domain encoders has one set of weights."""
    parts = {
        name: network
        for name, network in vbta_mlp((8, 8, 1), 8, 2).items()
        if name != "target_encoder"
    }
    model = models.VBTA(target_encoder=parts["source_encoder"], **parts)
    assert len(model.weights) == 12
    model.compile(jit_compile=quick_compile())
    model.train_on_batch(batch(8, other=lambda images: images.swapaxes(1, 2)))
    x, _ = digits(4)
    np.testing.assert_array_equal(model.encode(x, "source"), model.encode(x, "target"))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.target_encoder is loaded.source_encoder
    assert len(loaded.weights) == 12
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
    model.save_to_preset(tmp_path / "preset")
    loaded = models.VBTA.from_preset(tmp_path / "preset")
    assert loaded.target_encoder is loaded.source_encoder
    np.testing.assert_array_equal(loaded.encode(x), model.encode(x))


def test_clone_has_the_architecture_and_weights_of_its_own():
    model = vbta(gamma=5.0)
    clone = keras.models.clone_model(model)
    assert clone is not model and clone.gamma == 5.0
    assert [v.shape for v in clone.weights] == [v.shape for v in model.weights]
    x, _ = digits(3)
    before = model.translate(x)
    for variable in clone.trainable_variables:
        variable.assign(variable * 0.0)
    np.testing.assert_array_equal(model.translate(x), before)
    np.testing.assert_array_equal(clone.translate(x), 0.0)


def test_weights_alone(tmp_path):
    model, other = vbta(), vbta()
    x, _ = digits(3)
    assert np.abs(model.translate(x) - other.translate(x)).max() > 1e-3
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(model.translate(x), other.translate(x))


def test_policy_is_kept(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = vae()
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    x, _ = digits(3)
    np.testing.assert_array_equal(loaded.reconstruct(x), model.reconstruct(x))
    assert to_numpy(loaded.weights[0]).dtype == np.float32


@pytest.fixture
def as_in_python_3_12():
    with zip_as_in_python_3_12():
        yield


def test_every_changed_bit_of_a_file_is_noticed(tmp_path, as_in_python_3_12):
    model, path, errors = vae(), tmp_path / "model.keras", 0
    model.save(path)
    content, undamaged = path.read_bytes(), keras.saving.load_model(path)
    weights = content.index(b"\x89HDF")
    spots = [8 * place for place in range(weights + 3000, len(content) - 1000, 10_000)]
    damaged = [flip_bit(content, place) for place in spots]
    damaged += [d for _, d in (*flips(content, 8, seed=0), *truncations(content, 4, seed=0))]
    for content in damaged:
        path.write_bytes(content)
        try:
            loaded = keras.saving.load_model(path)
        except Exception:
            errors += 1
        else:  # the date, or a flag
            assert loaded.get_config() == undamaged.get_config()
            assert_same_weights(loaded, model)
    assert errors >= len(damaged) - 3 > len(spots)


def test_weights_of_a_damaged_file(tmp_path, as_in_python_3_12):
    model, path = vae(), tmp_path / "model.keras"
    model.save(path)
    content = path.read_bytes()
    last = keras.ops.convert_to_numpy(model.weights[0]).tobytes()[-16:]
    path.write_bytes(flip_bit(content, 8 * content.index(last)))
    for load in (keras.saving.load_model, vae().load_weights):
        with pytest.raises(
            ValueError, match=r"model\.keras is damaged: 'model\.weights\.h5' in it"
        ):
            load(path)
