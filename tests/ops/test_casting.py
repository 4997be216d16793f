"""What tensor arguments must be."""

import keras
import numpy as np
import pytest
from helpers import to_numpy

from keras_latent import ops
from keras_latent.src.ops.casting import to_float32, to_labels, to_seed, to_tensor

ROWS = np.ones((2, 3), "float32")


@pytest.mark.parametrize("x", [ROWS, np.float64(ROWS), np.float16(ROWS), ROWS.tolist(), 1, 1.0])
def test_floats_of_any_precision(x):
    tensor = to_float32("x", x)
    assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
    np.testing.assert_array_equal(to_numpy(tensor), np.float32(x))


@pytest.mark.parametrize("x", [None, {}, object(), "x", [[1.0], [1.0, 2.0]], ROWS.astype(str)])
def test_no_tensor(x):
    with pytest.raises(ValueError, match="`x` must (be a tensor|hold).*Received: x"):
        to_float32("x", x)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "complex64"])
def test_no_floats(dtype):
    with pytest.raises(ValueError, match=f"`a` must hold floats. Received: a.dtype={dtype}"):
        ops.euclidean(ROWS.astype(dtype), ROWS)


def test_symbolic_tensors_stay_as_they_are():
    x = keras.KerasTensor((None, 3))
    assert to_tensor("x", x) is x
    with pytest.raises(ValueError, match="`x` must hold floats. Received: x.dtype=int32"):
        to_tensor("x", keras.KerasTensor((2,), dtype="int32"))


def test_labels():
    assert to_numpy(to_labels("y", np.array([-1, 0, 7]))).tolist() == [-1, 0, 7]
    for wrong in (np.array([0, -2]), np.array([2**31])):
        with pytest.raises(ValueError, match="`y` must be from 0 to 2147483647, or -1"):
            to_labels("y", wrong)
    with pytest.raises(ValueError, match="`y` must hold integers"):
        to_labels("y", [0.0, 1.0])
    with pytest.raises(ValueError, match="`y` must have rank 1"):
        to_labels("y", [[0], [1]])


def test_seeds():
    generator = keras.random.SeedGenerator(1)
    assert to_seed(generator) is generator and to_seed(None) is None and to_seed(3) == 3
    for wrong in (-1, 2**32, True, "3"):
        with pytest.raises(ValueError, match="`seed` must be an integer .*, or None"):
            to_seed(wrong)
