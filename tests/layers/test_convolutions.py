"""The layers against Keras's own, which they replace in all networks."""

import keras
import numpy as np
import pytest
from helpers import to_numpy

from keras_latent.src.layers.convolutions import Conv2D, Conv2DTranspose

BOTH = [Conv2D, Conv2DTranspose]
SIZE = (9, 6)
# Kernel, strides and padding: kernels smaller and larger than strides, odd and even, not square.
PLAIN = [
    ((5, 3), (2, 2), "same"),
    ((2, 2), (1, 1), "valid"),
    ((3, 2), (1, 3), "valid"),
    ((4, 1), (3, 2), "same"),
]


def pair(cls, *arguments, shape=(2, *SIZE, 2), **options):
    """A layer and Keras's own, with the same random weights."""
    layer, own = cls(3, *arguments, **options), cls.__base__(3, *arguments, **options)
    rng = np.random.default_rng(0)
    for each in (layer, own):
        each.build(shape)
    own.set_weights([rng.standard_normal(w.shape) for w in own.get_weights()])
    layer.set_weights(own.get_weights())
    return layer, own


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX")
@pytest.mark.parametrize("cls", BOTH)
def test_outputs_and_gradients(cls, rng):
    """Also, in the first case, of a penalty on gradients. One program has all cases."""
    import jax

    def results(layer, x, kernel, second):
        def loss(x, kernel):
            return keras.ops.sum(keras.ops.sin(layer.stateless_call([kernel], [], x)[0]))

        def penalty(x, kernel):
            return sum((slopes**2).sum() for slopes in jax.grad(loss, (0, 1))(x, kernel))

        y = layer.stateless_call([kernel], [], x)[0]
        return {
            "outputs": y,
            "gradients": jax.grad(loss, (0, 1))(x, kernel),
            "second": jax.grad(penalty, (0, 1))(x, kernel) if second else (),
        }

    x = rng.standard_normal((2, *SIZE, 2)).astype("float32")
    pairs = [pair(cls, *arguments, use_bias=False) for arguments in PLAIN]
    kernels = [own.get_weights()[0] for _, own in pairs]

    @jax.jit
    def program(x, kernels):
        return [
            [results(layer, x, kernel, second=i == 0) for layer in layers]
            for i, (layers, kernel) in enumerate(zip(pairs, kernels, strict=True))
        ]

    for arguments, (found, expected) in zip(PLAIN, program(x, kernels), strict=True):
        for name, values in expected.items():
            for a, b in zip(jax.tree.leaves(found[name]), jax.tree.leaves(values), strict=True):
                scale = max(1.0, np.abs(b).max())
                np.testing.assert_allclose(a, b, atol=1e-5 * scale, err_msg=f"{name} {arguments}")


@pytest.mark.parametrize(
    "cls, options",
    [
        (Conv2D, {"groups": 2, "filters": 4, "dilation_rate": 2}),
        (Conv2DTranspose, {"dilation_rate": 2, "bias_initializer": "ones"}),
        (Conv2DTranspose, {"strides": 2, "output_padding": 1, "activation": "tanh"}),
        (Conv2D, {"strides": 2, "dtype": "mixed_bfloat16"}),
        (Conv2DTranspose, {"strides": 2, "dtype": "mixed_bfloat16"}),
    ],
)
def test_other_arguments_of_keras(cls, options, rng):
    options = {"filters": 3, "kernel_size": 3, **options}
    layer, own = cls(**options), cls.__base__(**options)
    x = rng.standard_normal((2, *SIZE, 2)).astype("float32")
    expected = own(x)
    layer.build(x.shape)
    layer.set_weights(own.get_weights())
    y = layer(x)
    assert y.dtype == expected.dtype
    tolerance = 0.1 if "dtype" in options else 1e-5
    np.testing.assert_allclose(to_numpy(y), to_numpy(expected), atol=tolerance)


def network(kinds):
    down, up = kinds
    return keras.Sequential(
        [keras.Input((8, 8, 1)), down(2, 3, 2, "same"), up(1, 4, 2, "same", use_bias=False)]
    )


def test_files(tmp_path, rng):
    """Names and configurations are Keras's, so weights of either kind of network fit the other."""
    old, new = network([cls.__base__ for cls in BOTH]), network(BOTH)
    x = rng.standard_normal((2, 8, 8, 1)).astype("float32")
    expected = to_numpy(old(x))
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    np.testing.assert_allclose(to_numpy(new(x)), expected, atol=1e-5)
    new.save(tmp_path / "new.keras")
    again = keras.saving.load_model(tmp_path / "new.keras")
    assert [type(layer) for layer in again.layers] == BOTH
    np.testing.assert_allclose(to_numpy(again(x)), expected, atol=1e-5)
    for layer, own in zip(new.layers, old.layers, strict=True):
        assert {**layer.get_config(), "name": ""} == {**own.get_config(), "name": ""}
