import keras
import numpy as np
import pytest
from helpers import gradients, to_numpy, torch_gradients
from keras import layers, ops
from keras.src import testing

from keras_latent.layers import PolyphaseConv1D, PolyphaseConv1DTranspose
from keras_latent.training import input_gradients

TIME, CHANNELS, FILTERS = 12, 2, 3
BOTH = [PolyphaseConv1D, PolyphaseConv1DTranspose]
# Including kernels that reach further to one side than the other: 5/4, 4/1, 7/4, 8/3.
SIZES = [(25, 4), (5, 2), (3, 3), (4, 4), (1, 2), (1, 1), (5, 4), (4, 1), (7, 4), (8, 3)]


class PolyphaseTest(testing.TestCase):
    def test_layers(self):
        init = {"filters": 3, "kernel_size": 5, "strides": 2, "bias_initializer": "ones"}
        for layer, time in zip(BOTH, (4, 16), strict=True):
            self.run_layer_test(
                layer,
                init_kwargs=init,
                input_shape=(2, 8, 2),
                expected_output_shape=(2, time, 3),
                expected_num_trainable_weights=2,
                expected_num_seed_generators=0,
                expected_num_losses=0,
                run_training_check=False,
            )


def built(cls, kernel_size, strides, rng, **kwargs):
    """A layer with random weights, including the bias."""
    layer = cls(FILTERS, kernel_size, strides, **kwargs)
    layer.build((None, TIME, CHANNELS))
    layer.set_weights([rng.standard_normal(w.shape) for w in layer.get_weights()])
    return layer


def inputs(rng):
    return rng.standard_normal((2, TIME, CHANNELS)).astype("float32")


def by_hand(cls, x, kernel, bias, strides):
    """Explicit sums over the kernel, with TensorFlow's "same" padding."""
    size, before = len(kernel), max(len(kernel) - strides, 0) // 2
    if cls is PolyphaseConv1D:
        padded = np.pad(x, [(0, 0), (before, size), (0, 0)])
        windows = [padded[:, i : i + size] for i in range(0, TIME, strides)]
        return np.stack([np.einsum("bkc,kcf->bf", w, kernel) for w in windows], 1) + bias
    y = np.zeros((len(x), TIME * strides + size, kernel.shape[1]))
    for i in range(TIME):
        y[:, strides * i : strides * i + size] += np.einsum("kfc,bc->bkf", kernel, x[:, i])
    return y[:, before : before + TIME * strides] + bias


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("cls", BOTH)
def test_against_explicit_sums(cls, sizes, rng):
    layer, x = built(cls, *sizes, rng), inputs(rng)
    y = to_numpy(layer(x))
    expected = by_hand(cls, x, *layer.get_weights(), sizes[1])
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=1e-4)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("cls", BOTH)
def test_weights_and_outputs_match_keras(cls, sizes, rng):
    name = cls.__name__.removeprefix("Polyphase")
    twin = getattr(layers, name)(FILTERS, *sizes, padding="same")
    twin.build((None, TIME, CHANNELS))
    keras.utils.set_random_seed(7)
    expected = keras.initializers.GlorotUniform()(twin.kernel.shape)
    keras.utils.set_random_seed(7)
    layer = cls(FILTERS, *sizes)
    layer.build((None, TIME, CHANNELS))
    np.testing.assert_array_equal(to_numpy(layer.kernel), to_numpy(expected))
    assert [(w.name, w.shape) for w in layer.weights] == [(w.name, w.shape) for w in twin.weights]
    # On other backends, Keras crops transposed convolutions differently.
    if cls is PolyphaseConv1D or keras.backend.backend() == "tensorflow":
        twin.set_weights(built(cls, *sizes, rng).get_weights())
        layer.set_weights(twin.get_weights())
        x = inputs(rng)
        np.testing.assert_allclose(to_numpy(layer(x)), to_numpy(twin(x)), atol=1e-4)


def torch_of(cls, x, kernel, strides):
    """The same function without bias, with PyTorch's strided convolutions."""
    import torch
    from torch.nn import functional

    x, size, before = x.transpose(1, 2), len(kernel), max(len(kernel) - strides, 0) // 2
    kernel = torch.permute(kernel, (2, 1, 0))
    if cls is PolyphaseConv1D:
        after = max(size - strides - before, 0)
        y = functional.conv1d(functional.pad(x, (before, after)), kernel, stride=strides)
    else:
        y = functional.conv_transpose1d(x, kernel, stride=strides)
        y = functional.pad(y, (0, strides))[..., before : before + TIME * strides]
    return y.transpose(1, 2)


@pytest.mark.parametrize("sizes", [(25, 4), (7, 4), (1, 2)])
@pytest.mark.parametrize("cls", BOTH)
def test_second_derivative(cls, sizes, rng):
    """The derivative by the kernel of a gradient penalty on the inputs, for f = sum y^3."""
    import torch

    layer, x = built(cls, *sizes, rng), inputs(rng)
    kernel, bias = (to_numpy(w) for w in (layer.kernel, layer.bias))

    def penalty(kernel):
        with keras.StatelessScope(state_mapping=[(layer.kernel, kernel)]):
            slope = input_gradients(lambda x: ops.sum(layer(x) ** 3), ops.convert_to_tensor(x))
        return ops.sum(slope**2)

    def oracle(kernel):
        t = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        y = torch_of(cls, t, kernel, sizes[1]) + torch.tensor(bias, dtype=torch.float64)
        return torch.autograd.grad((y**3).sum(), t, create_graph=True)[0] ** 2

    found, expected = gradients(penalty, kernel)[0], torch_gradients(oracle, kernel)[0]
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found / np.abs(expected).max(), expected / np.abs(expected).max(),
                               atol=1e-4)  # fmt: skip


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("cls", BOTH)
def test_mixed_precision(cls, policy, rng):
    layer, x = built(cls, 5, 2, rng, dtype=policy), inputs(rng)
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    assert {w.dtype for w in layer.weights} == {"float32"}
    expected = by_hand(cls, x, *layer.get_weights(), 2)
    np.testing.assert_allclose(to_numpy(ops.cast(y, "float32")), expected, atol=0.2)


def test_file(tmp_path, rng):
    down, up = PolyphaseConv1D(4, 7, 4), PolyphaseConv1DTranspose(1, 5, 3, "he_normal", "ones")
    model = keras.Sequential([keras.Input((TIME, CHANNELS)), down, up])
    assert model.output_shape == (None, 9, 1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = inputs(rng)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    assert loaded.layers[1].get_config() == up.get_config()
    assert isinstance(loaded.layers[1].kernel_initializer, keras.initializers.HeNormal)


@pytest.mark.parametrize("cls", BOTH)
def test_errors(cls):
    for name in ("filters", "kernel_size", "strides"):
        for value in (0, -1, 2.0, True, None, (3,)):
            with pytest.raises(ValueError, match=f"`{name}` must be a positive integer.*{name}="):
                cls(**({"filters": 1, "kernel_size": 3, "strides": 2} | {name: value}))
    for shape in ((3, 8), (3, None, 2), (3, 8, 2, 1)):
        layer = cls(1, 3, 2)
        for call in (layer.build, layer.compute_output_shape):
            with pytest.raises(ValueError, match=r"must have shape \(batch, time, channels\)"):
                call(shape)
    layer = cls(1, 3, 2)
    layer.build((3, 8, 2))
    with pytest.raises(ValueError, match="last axis of `inputs` must have size 2"):
        layer(np.zeros((3, 8, 1), "float32"))


def test_time_must_be_a_multiple_of_the_stride():
    message = r"`time` must be a multiple of strides=4.*shape=\(.*, 10, 2\)"
    layer = PolyphaseConv1D(1, 3, 4)
    with pytest.raises(ValueError, match=message):
        layer.build((None, 10, 2))
    layer.build((None, 8, 2))
    with pytest.raises(ValueError, match=message):
        layer(np.zeros((3, 10, 2), "float32"))
