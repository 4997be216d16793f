import keras
import numpy as np
import pytest
from helpers import gradients, to_numpy
from keras import ops
from keras.src import testing

from keras_latent.layers import PhaseShuffle
from keras_latent.training import input_gradients


class PhaseShuffleTest(testing.TestCase):
    def test_layer(self):
        for init in ({}, {"radius": 3, "seed": 1}, {"radius": 0}):
            self.run_layer_test(
                PhaseShuffle,
                init_kwargs=init,
                input_shape=(2, 8, 3),
                expected_output_shape=(2, 8, 3),
                expected_num_trainable_weights=0,
                expected_num_seed_generators=1,
                expected_num_losses=0,
            )


def shifts_of(x, y, radius):
    """The shift of each row of `x` that gives `y`, with NumPy's reflection."""
    time = x.shape[1]
    padded = np.pad(x, [(0, 0), (radius, radius), (0, 0)], mode="reflect")
    same = [(padded[:, k : k + time] == y).all((1, 2)) for k in range(2 * radius + 1)]
    assert (np.sum(same, 0) == 1).all()  # exactly one shift explains each row
    return np.argmax(same, 0) - radius


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_each_row_is_shifted_by_its_own_step(rng, radius):
    x = rng.standard_normal((400, 12, 3)).astype("float32")
    shifts = shifts_of(x, to_numpy(PhaseShuffle(radius, seed=4)(x, training=True)), radius)
    found, counts = np.unique(shifts, return_counts=True)
    np.testing.assert_array_equal(found, np.arange(-radius, radius + 1))
    mean = 400 / (2 * radius + 1)
    assert np.abs(counts - mean).max() < 5 * np.sqrt(mean)


def test_draws_are_new_and_follow_the_seed(rng):
    x = rng.standard_normal((50, 9, 2)).astype("float32")
    layer, twin = PhaseShuffle(seed=3), PhaseShuffle(seed=3)
    first, second = (shifts_of(x, to_numpy(layer(x, training=True)), 2) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(first, shifts_of(x, to_numpy(twin(x, training=True)), 2))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_nothing_happens_in_inference(rng, policy):
    x = ops.cast(rng.standard_normal((20, 9, 2)), policy.removeprefix("mixed_"))
    layer = PhaseShuffle(dtype=policy)
    for y in (layer(x), layer(x, training=False), PhaseShuffle(0, dtype=policy)(x, training=True)):
        np.testing.assert_array_equal(*(to_numpy(ops.cast(t, "float32")) for t in (x, y)))
    shifted = layer(x, training=True)
    assert keras.backend.standardize_dtype(shifted.dtype) == policy.removeprefix("mixed_")
    shifts_of(*(to_numpy(ops.cast(t, "float32")) for t in (x, shifted)), 2)


def test_first_and_second_derivatives(rng):
    """Of f = sum y^3, y = P x: P' 3y^2; of |f'|^2: 2 P' (6y * P f')."""
    layer = PhaseShuffle(seed=1)
    x = rng.standard_normal((4, 5, 2)).astype("float32")

    def shuffle(x):  # the same shifts on every call, because the new seed state is dropped
        with keras.StatelessScope():
            return layer(x, training=True)

    layer.build(x.shape)
    cubes = lambda x: ops.sum(shuffle(x) ** 3)  # noqa: E731
    y = to_numpy(shuffle(ops.convert_to_tensor(x)))
    padded = np.pad(np.arange(5), 2, mode="reflect")
    p = np.stack([np.eye(5)[padded[s + 2 :][:5]] for s in shifts_of(x, y, 2)])
    first = p.swapaxes(1, 2) @ (3 * y**2)
    np.testing.assert_allclose(gradients(cubes, x)[0], first, rtol=1e-4, atol=1e-5)
    second = 2 * p.swapaxes(1, 2) @ (6 * y * (p @ first))
    square = lambda x: ops.sum(input_gradients(cubes, x) ** 2)  # noqa: E731
    if keras.backend.backend() == "torch":  # `input_gradients` detaches what it differentiates
        import torch

        t = torch.tensor(x, requires_grad=True)
        slope = torch.autograd.grad(cubes(t), t, create_graph=True)[0]
        found = torch.autograd.grad((slope**2).sum(), t)[0].numpy()
    else:
        found = gradients(square, x)[0]
    np.testing.assert_allclose(found, second, rtol=1e-4, atol=1e-4)


def test_in_a_model_with_an_unknown_batch_size(tmp_path, rng):
    inputs = keras.Input((8, 2))
    model = keras.Model(inputs, PhaseShuffle(radius=3, seed=0)(inputs))
    assert model.output_shape == (None, 8, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = rng.standard_normal((3, 8, 2)).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), x)
    assert loaded.layers[-1].radius == 3 and loaded.layers[-1].seed == 0


def test_errors():
    for radius in (-1, 1.5, True, None):
        with pytest.raises(ValueError, match="`radius` must be an integer of 0 or more.*radius="):
            PhaseShuffle(radius)
    for shape in ((3, 8), (3, 2, 1), (3, None, 1), (3, 4, 4, 1)):
        with pytest.raises(
            ValueError, match=r"must have shape \(batch, time, channels\).*radius=2"
        ):
            PhaseShuffle(2)(keras.KerasTensor(shape))
