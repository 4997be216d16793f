import numpy as np
import pytest
import torch
from helpers import compiled, gradients, to_numpy, torch_gradients
from scipy.spatial.distance import cdist

from keras_latent import ops


@pytest.mark.parametrize("wrap", [lambda fn: fn, compiled], ids=["eager", "compiled"])
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_matches_scipy(rng, wrap, shift):
    a = np.float32(rng.normal(size=(40, 20)) + shift)
    b = np.float32(rng.normal(size=(30, 20)) + shift)
    expected = cdist(np.float64(a), np.float64(b))
    np.testing.assert_allclose(
        to_numpy(wrap(ops.pairwise_euclidean)(a, b)), expected, rtol=1e-5, atol=1e-4
    )
    squared = wrap(lambda a, b: ops.pairwise_euclidean(a, b, squared=True))(a, b)
    np.testing.assert_allclose(to_numpy(squared), expected**2, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(
        to_numpy(wrap(ops.euclidean)(a[:30], b)), np.diag(expected[:30]), rtol=1e-5
    )


def test_gradients_match_torch(rng):
    a, b = rng.normal(size=(6, 4)), rng.normal(size=(5, 4))
    for ours, theirs in zip(
        gradients(ops.pairwise_euclidean, a, b), torch_gradients(torch.cdist, a, b), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    row_wise = lambda a, b: torch.linalg.norm(a - b, dim=-1)  # noqa: E731
    for ours, theirs in zip(
        gradients(ops.euclidean, a[:5], b), torch_gradients(row_wise, a[:5], b), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_properties(rng):
    a, b, c = rng.normal(size=(3, 20, 8)).astype("float32")
    distances = to_numpy(ops.pairwise_euclidean(a, b))
    assert distances.min() > 0
    np.testing.assert_allclose(distances, to_numpy(ops.pairwise_euclidean(b, a)).T, rtol=1e-5)
    np.testing.assert_allclose(
        distances, to_numpy(ops.pairwise_euclidean(a + 3.0, b + 3.0)), rtol=1e-5
    )
    np.testing.assert_array_equal(to_numpy(ops.euclidean(a, a)), 0)
    direct, around = ops.euclidean(a, c), ops.euclidean(a, b) + ops.euclidean(b, c)
    assert (to_numpy(direct) <= to_numpy(around) + 1e-5).all()


def test_coincident_points_have_finite_gradients():
    same = np.full((3, 4), 0.1, "float32")
    for fn in (ops.euclidean, ops.pairwise_euclidean):
        for gradient in gradients(fn, same, same):
            assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradients(ops.euclidean, same, same)[0], 0)
    np.testing.assert_allclose(to_numpy(ops.pairwise_euclidean(same, same)), 0, atol=1e-3)


def test_bad_shapes_raise():
    x = np.zeros((4, 3), "float32")
    with pytest.raises(ValueError, match="`a` must have rank 2"):
        ops.euclidean(x[0], x[0])
    with pytest.raises(ValueError, match="`a` and `b` must have the same shape"):
        ops.euclidean(x, x[:2])
    with pytest.raises(ValueError, match="`b` must have rank 2"):
        ops.pairwise_euclidean(x, x[0])
    with pytest.raises(ValueError, match=r"`a` and `b` must have the same last axis.*\(4, 2\)"):
        ops.pairwise_euclidean(x, x[:, :2])
