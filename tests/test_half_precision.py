"""Weight files in float16."""

import h5py
import keras
import numpy as np
import pytest
from small_networks import digits, vae, weights

from keras_latent import models
from keras_latent.src.utils.half_precision import halve

pytestmark = pytest.mark.once


def test_rounded_to_half_and_read_back(tmp_path):
    model = vae()
    model.save_to_preset(tmp_path / "whole")
    model.save_to_preset(tmp_path / "half", half=True)
    loaded = models.VAE.from_preset(tmp_path / "half")
    for mine, read in zip(weights(model), weights(loaded), strict=True):
        assert read.dtype == mine.dtype
        half = mine.astype("float16") if mine.dtype == "float32" else mine
        np.testing.assert_array_equal(read, half.astype(mine.dtype))
    x, _ = digits(20)
    np.testing.assert_allclose(loaded.encode(x), model.encode(x), atol=5e-3)
    sizes = [(tmp_path / n / "model.weights.h5").stat().st_size for n in ("half", "whole")]
    assert sizes[0] < 0.6 * sizes[1]


def test_a_weight_that_does_not_fit_leaves_the_file_alone(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.layers[0].bias.assign([1e6])
    path = tmp_path / "large.weights.h5"
    model.save_weights(path)
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=r"does not fit into float16. Received: values up to 1000000"
    ):
        halve(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    with h5py.File(path) as file:
        assert file
