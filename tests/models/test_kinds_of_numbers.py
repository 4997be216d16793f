"""Numbers of other kinds than Python's, where users have them at hand."""

import keras
import numpy as np
import pytest
from small_networks import attributed_digits, cvae, dual_vae, fader, vae, vbta

from keras_latent import ops

X, Y = (rows[:4] for rows in attributed_digits(20))


@pytest.mark.parametrize("make", [dual_vae, cvae])
def test_strengths(make):
    model = make()
    given = {} if make is dual_vae else {"attributes": Y}
    wanted = model.transfer(X, 0, 1.0, **given)
    for strength in (np.float64(1.0), np.float32(1.0), np.int64(1), np.array(1.0)):
        np.testing.assert_array_equal(model.transfer(X, 0, strength, **given), wanted)


@pytest.mark.parametrize("make", [cvae, fader])
def test_integer_attributes(make):
    model = make()
    wanted = model.predict([X, Y.astype("float32")], verbose=0)
    np.testing.assert_array_equal(model.predict([X, Y], verbose=0), wanted)


def test_lists_of_tensors():
    model = vae()
    images = [keras.ops.convert_to_tensor(image) for image in X]
    if keras.backend.backend() == "torch":
        images = [image.requires_grad_() for image in images]
    np.testing.assert_array_equal(model.encode(images), model.encode(X))


def test_integer_offsets():
    model = vbta()
    wanted = model.translate(X, offset=np.ones(4, "float32"))
    np.testing.assert_array_equal(model.translate(X, offset=[1, 1, 1, 1]), wanted)


def test_margins_that_are_tensors():
    distances = np.random.default_rng(0).random((4, 4), "float32")
    masks = ops.triplet_masks(np.array([0, 0, 1, 1]))
    found = [
        ops.semi_hard_triplets(distances, *masks, margin=margin, seed=1)
        for margin in (0.5, keras.ops.convert_to_tensor(0.5))
    ]
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (a, b)))


def test_replicas_without_rows_do_not_count(monkeypatch):
    model = vae()
    model.compile()
    model.track(4, loss=2.0)
    logs = model.track(0, loss=float("nan"))
    assert float(logs["loss"]) == 2.0
