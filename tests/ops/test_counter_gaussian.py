"""Compares the generator to published vectors and JAX, and its noise to SciPy."""

import keras
import numpy as np
import pytest
from helpers import compiled, to_numpy
from scipy import stats

from keras_latent.src.ops.counter_gaussian import counter_gaussian, threefry


def words(*values):
    bits = np.array(values, "uint32").view("int32")
    return [keras.ops.convert_to_tensor(bits[i : i + 1]) for i in range(len(bits))]


@pytest.mark.parametrize(
    "key, counter, want",
    [  # kat_vectors of Random123, threefry2x32 with 20 rounds
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((2**32 - 1,) * 2, (2**32 - 1,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(key, counter, want):
    got = compiled(lambda *w: threefry(w[:2], w[2:]))(*words(*key, *counter))
    assert tuple(int(to_numpy(word).view("uint32")[0]) for word in got) == want


def noise(seed, rows, draws, dim):
    key = [keras.ops.cast(word, "int32") for word in (seed, 0)]
    counters = [keras.ops.convert_to_tensor(np.asarray(c, "int32")) for c in (rows, draws)]
    return to_numpy(compiled(lambda *c: counter_gaussian(key, *c, dim))(*counters))


def test_noise_is_standard_gaussian_and_independent():
    sample = noise(3, np.arange(200), np.arange(101), 5).astype("float64")
    assert sample.shape == (200, 101, 5)
    assert stats.kstest(sample.ravel(), stats.norm.cdf).pvalue > 1e-3
    assert stats.kstest(np.sum(sample**2, -1).ravel(), stats.chi2(5).cdf).pvalue > 1e-3
    # Neighbors along each axis, and the two numbers of a pair, are uncorrelated.
    flat = sample.reshape(-1, 5)
    assert np.abs(np.corrcoef(flat.T) - np.eye(5)).max() < 5 / np.sqrt(len(flat))
    for left, right in (
        (sample[1:], sample[:-1]),
        (sample[:, 1:], sample[:, :-1]),
        (sample, noise(4, np.arange(200), np.arange(101), 5)),
        (np.square(sample[1:]), np.square(sample[:-1])),
    ):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 5 / np.sqrt(left.size)


def test_noise_depends_only_on_its_position():
    whole = noise(1, np.arange(9), np.arange(20), 3)
    part = noise(1, np.arange(4, 7), np.arange(15, 20), 3)
    np.testing.assert_allclose(part, whole[4:7, 15:20], atol=1e-6)
    assert len(np.unique(whole)) == whole.size
    # All backends agree up to rounding.
    want = [[0.6110552, 0.97651434, -0.18463488], [-0.92554116, 0.35734332, 0.6221291]]
    got = noise(3, [0, 7], [0, 500], 3)
    np.testing.assert_allclose([got[0, 0], got[1, 1]], want, atol=1e-5)
