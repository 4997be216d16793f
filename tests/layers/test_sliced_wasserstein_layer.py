import keras
import numpy as np
import ot
import pytest
from helpers import to_numpy
from keras.src import testing

from keras_latent.layers import SlicedWasserstein


class SlicedWassersteinLayerTest(testing.TestCase):
    def test_layer(self):
        for p in (1, 2):
            self.run_layer_test(
                SlicedWasserstein,
                init_kwargs={"num_projections": 5, "p": p, "seed": 1},
                input_shape={"x_shape": (4, 3), "y_shape": (6, 3)},
                input_dtype={"x_shape": "float32", "y_shape": "float32"},
                expected_output_shape=(),
                expected_output_dtype="float32",
                expected_num_trainable_weights=0,
                expected_num_seed_generators=1,
                # This check calls the layer with one argument; see test_fit.
                run_training_check=False,
            )


@pytest.mark.parametrize("p", [1, 2])
def test_many_directions_approach_pot(rng, p):
    x, y = np.float32(rng.normal(size=(30, 3))), np.float32(rng.normal(1.0, size=(40, 3)))
    result = float(SlicedWasserstein(num_projections=5000, p=p, seed=0)(x, y))
    expected = ot.sliced_wasserstein_distance(x, y, n_projections=5000, p=p, seed=1) ** p
    np.testing.assert_allclose(result, expected, rtol=0.05)


def test_directions_are_new_and_follow_the_seed(rng):
    x, y = rng.normal(size=(2, 8, 3)).astype("float32")
    layer, twin = SlicedWasserstein(seed=3), SlicedWasserstein(seed=3)
    first = float(layer(x, y))
    assert first != float(layer(x, y))
    assert first == float(twin(x, y))


class Bridge(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)
        self.distance = SlicedWasserstein(num_projections=8, seed=0)

    def call(self, inputs):
        z = self.dense(inputs["source"])
        self.add_loss(self.distance(z, inputs["target"]))
        return z


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fit(rng, policy, eagerly):
    if policy != "float32" and keras.backend.backend() == "torch":
        pytest.skip("PyTorch has no mixed precision on the CPU")
    keras.config.set_dtype_policy(policy)
    source, target = rng.normal(size=(44, 3)), rng.normal(2.0, size=(44, 2))
    model = Bridge()
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    batches = {"source": np.float32(source), "target": np.float32(target)}
    losses = model.fit(batches, batch_size=16, epochs=20, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.5 * losses[0]


def test_functional_with_an_unknown_batch(rng):
    x, y = keras.Input((3,)), keras.Input((3,))
    outputs = SlicedWasserstein()(x, y)
    assert (outputs.shape, outputs.dtype) == ((), "float32")
    batches = [np.float32(rng.normal(size=(6, 3)))] * 2
    np.testing.assert_allclose(to_numpy(keras.Model([x, y], outputs)(batches)), 0, atol=1e-6)


def test_bad_arguments_raise():
    with pytest.raises(ValueError, match="`num_projections` must be a positive integer. .*=0"):
        SlicedWasserstein(0)
    with pytest.raises(ValueError, match=r"`p` must be one of \[1, 2\]. Received: p=3"):
        SlicedWasserstein(p=3)
    x = keras.ops.zeros((4, 3))
    with pytest.raises(ValueError, match="`x` must have rank 2"):
        SlicedWasserstein()(x[None], x)
    with pytest.raises(ValueError, match="`x` and `y` must have the same last axis"):
        SlicedWasserstein()(x, x[:, :2])


@pytest.mark.parametrize(("p", "wanted"), [(1, 3.0), (2, 9.0)])
def test_the_order_is_the_argument_p(p, wanted):
    """Two sets at distance 3, in one dimension, where directions do not matter."""
    x = np.arange(4, dtype="float32")[:, None]
    assert float(SlicedWasserstein(p=p)(x, x + 3.0)) == pytest.approx(wanted)
