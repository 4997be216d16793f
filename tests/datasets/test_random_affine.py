import numpy as np
import pytest
from scipy import ndimage

from keras_latent import datasets

SHAPES = [(28, 28, 1), (16, 16, 1), (9, 14, 3)]


def images(shape, rng, count=6):
    return rng.random((count, *shape), dtype="float32")


def drawn(rng, count=6):
    return datasets.RandomAffine(60.0, (0.5, 2.0), 4.0).factors(rng, count)


def inverse_matrix(factor, height, width):
    """The 3x3 matrix from (y, x, 1) in the result to (y, x, 1) in the image, by composition."""
    angle, scale, dy, dx = factor.astype("float64")
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))

    def move(y, x):
        return np.array([[1, 0, y], [0, 1, x], [0, 0, 1]])

    # Counterclockwise: a point to the right (+x) moves up (-y).
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) * [[scale], [scale], [1]]
    y, x = (height - 1) / 2, (width - 1) / 2
    return np.linalg.inv(move(dy, dx) @ move(y, x) @ turn @ move(-y, -x))


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_to_do(shape, rng):
    x = images(shape, rng)
    same = datasets.RandomAffine().transform(x, np.array([[0, 1, 0, 0]] * 6))
    assert same.dtype == np.float32 and (same == x).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dy,dx", [(2, 0), (0, -3), (-1, 1), (8, 8)])
def test_whole_pixels(shape, dy, dx, rng):
    x = images(shape, rng)
    moved = datasets.RandomAffine(fill_value=0.5).transform(x, [[0, 1, dy, dx]] * 6)
    height, width = shape[:2]
    padded = np.pad(x, ((0, 0), (8, 8), (8, 8), (0, 0)), constant_values=0.5)
    expected = padded[:, 8 - dy : 8 - dy + height, 8 - dx : 8 - dx + width]
    assert (moved == expected).all()


@pytest.mark.parametrize("quarters", [-1, 1, 2])
def test_quarter_turns_are_counter_clockwise(quarters, rng):
    x = images((8, 8, 2), rng)
    turned = datasets.RandomAffine().transform(x, [[90.0 * quarters, 1, 0, 0]] * 6)
    np.testing.assert_allclose(turned, np.rot90(x, quarters, axes=(1, 2)), atol=1e-6)


def test_scale_enlarges_and_shift_comes_last():
    x = np.zeros((1, 9, 9, 1), "float32")
    x[0, 4, 5] = 1  # One to the right of the center.
    augment = datasets.RandomAffine()
    assert augment.transform(x, [[0, 2, 0, 0]])[0, 4, 6, 0] == 1
    # The rotated dot is above the center; the shift is not rotated.
    assert augment.transform(x, [[90, 1, 0, 2]])[0, 3, 6, 0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
def test_against_scipy(shape, fill_value, rng):
    x, factors = images(shape, rng), drawn(rng)
    got = datasets.RandomAffine(fill_value=fill_value).transform(x, factors)
    for image, factor, result in zip(x, factors, got, strict=True):
        matrix = inverse_matrix(factor, *shape[:2])
        for channel in range(shape[2]):
            expected = ndimage.affine_transform(
                image[..., channel].astype("float64"),
                matrix,
                order=1,
                mode="grid-constant",
                cval=fill_value,
            )
            np.testing.assert_allclose(result[..., channel], expected, atol=1e-5)


def projective(factors, height, width):
    """The 8 numbers that Keras and TensorFlow use: x before y, from the result to the image."""
    swap = [1, 0, 2]
    matrices = [inverse_matrix(factor, height, width)[swap][:, swap] for factor in factors]
    return np.stack(matrices).reshape(-1, 9)[:, :8].astype("float32")


@pytest.mark.parametrize("shape", SHAPES)
def test_against_keras(shape, rng):
    import keras

    x, factors = images(shape, rng), drawn(rng)
    expected = keras.ops.image.affine_transform(
        x, projective(factors, *shape[:2]), fill_mode="constant", data_format="channels_last"
    )
    got = datasets.RandomAffine().transform(x, factors)
    np.testing.assert_allclose(got, keras.ops.convert_to_numpy(expected), atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
def test_tensorflow_does_the_same(shape, fill_value, rng):
    tf = pytest.importorskip("tensorflow")
    x, factors = images(shape, rng, 200), drawn(rng, 200)
    augment = datasets.RandomAffine(fill_value=fill_value)
    got = tf.function(augment.transform_in_graph)(tf.constant(x), tf.constant(factors)).numpy()
    np.testing.assert_allclose(got, augment.transform(x, factors), atol=1e-5)
    ones = augment.transform_in_graph(tf.ones_like(x), tf.constant(factors)).numpy()
    assert ones.min() >= 0 and ones.max() <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_against_keras_cv(shape, rng):
    pytest.importorskip("keras_cv")
    from keras_cv.src.utils import preprocessing

    x, factors = images(shape, rng), drawn(rng)
    expected = preprocessing.transform(
        x, projective(factors, *shape[:2]), fill_mode="constant", fill_value=0.3
    )
    got = datasets.RandomAffine(fill_value=0.3).transform(x, factors)
    np.testing.assert_allclose(got, np.asarray(expected), atol=1e-4)


def test_turns_as_keras_cv_does(rng):
    """`rotation` has the same direction as in the layers of keras-cv and Keras."""
    keras_cv = pytest.importorskip("keras_cv")
    x = images((16, 16, 1), rng)
    degrees = 9.0
    layer = keras_cv.layers.RandomRotation([degrees / 360] * 2, fill_mode="constant")
    got = datasets.RandomAffine().transform(x, [[degrees, 1, 0, 0]] * 6)
    np.testing.assert_allclose(got, np.asarray(layer(x, training=True)), atol=1e-4)


def test_factors_fill_their_ranges(rng):
    factors = datasets.RandomAffine(10.0, (0.9, 1.1), 2.0).factors(rng, 20_000)
    assert factors.shape == (20_000, 4) and factors.dtype == np.float32
    for column, low, high in zip(factors.T, (-10, 0.9, -2, -2), (10, 1.1, 2, 2), strict=True):
        width = high - low
        assert low <= column.min() < low + 0.01 * width
        assert high - 0.01 * width < column.max() <= high
        assert column.std() == pytest.approx(width / np.sqrt(12), rel=0.02)
    assert np.abs(np.corrcoef(factors.T) - np.eye(4)).max() < 0.03


def test_values_stay_in_range(rng):
    x = (rng.random((500, 16, 16, 1)) < 0.5).astype("float32")
    x *= rng.random(x.shape, dtype="float32") ** 0.01
    x[:, ::3] = 1
    augment = datasets.RandomAffine()
    got = augment.transform(x, augment.factors(rng, 500))
    assert 0 <= got.min() < 0.001 and 0.999 < got.max() <= 1


def test_each_call_draws_new_factors_from_the_seed(rng):
    x = images((8, 8, 1), rng)
    augment = datasets.RandomAffine(seed=3)
    first, second = augment(x), augment(x)
    assert (first != second).any()
    assert (datasets.RandomAffine(seed=3)(x) == first).all()
    assert (datasets.RandomAffine(seed=4)(x) != first).any()
    expected = augment.transform(x, augment.factors(np.random.default_rng(3), 6))
    assert (first == expected).all()
    assert repr(augment) == (
        "RandomAffine(rotation=10.0, scale=(0.9, 1.1), shift=2.0, fill_value=0.0, seed=3)"
    )


@pytest.mark.parametrize("augment", [datasets.RandomAffine(), datasets.RandomFlip()])
def test_only_finite_images(augment):
    images = np.zeros((3, 8, 8, 1))
    factors = augment.factors(np.random.default_rng(0), 3)
    for value, message in (
        (np.nan, "`images` must be finite.*in 1 of 3 rows; the first is row 1"),
        (np.inf, "`images` must be finite"),
    ):
        images[1, 2] = value
        with pytest.raises(ValueError, match=message):
            augment(images)
        with pytest.raises(ValueError, match=message):
            augment.transform(images, factors)
    for other in (None, images.astype(complex), np.zeros((3, 8, 8, 1), int), [images[0], 1.0]):
        with pytest.raises(ValueError, match="`images` must be .*Received"):
            augment(other)
    with pytest.raises(ValueError, match="`rng` must be a NumPy generator"):
        augment.factors(0, 3)
    with pytest.raises(ValueError, match="`count` must be an integer of 0 or more"):
        augment.factors(np.random.default_rng(0), None)


def test_no_images(rng):
    augment = datasets.RandomAffine()
    assert augment(np.zeros((0, 8, 8, 1))).shape == (0, 8, 8, 1)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"rotation": -1}, r"`rotation` must be a non-negative finite number.*rotation=-1"),
        ({"rotation": np.nan}, r"`rotation` must be a non-negative finite number.*nan"),
        ({"shift": (1, 2)}, r"`shift` must be a non-negative finite number.*\(1, 2\)"),
        ({"shift": np.inf}, r"`shift` must be a non-negative finite number.*inf"),
        ({"fill_value": None}, r"`fill_value` must be a finite number.*None"),
        ({"scale": 1.1}, r"`scale` must be two positive numbers.*scale=1\.1"),
        ({"scale": (0, 1)}, r"`scale` must be two positive numbers.*\(0, 1\)"),
        ({"scale": (1.1, 0.9)}, r"`scale` must be two positive numbers"),
        ({"scale": (1, 2, 3)}, r"`scale` must be two positive numbers"),
        ({"seed": -1}, r"`seed` must be an integer of 0 or more.*seed=-1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.RandomAffine(**arguments)


@pytest.mark.parametrize(
    "shape,factors,message",
    [
        ((4, 8, 8), [[0, 1, 0, 0]] * 4, r"`images` must have shape.*\(4, 8, 8\)"),
        ((4, 8, 8, 1), [[0, 1, 0, 0]] * 3, r"`factors` must have shape \(4, 4\).*\(3, 4\)"),
        ((2, 8, 8, 1), [[0, 1, 0, np.nan]] * 2, r"`factors` must be finite.*nan\] in row 0"),
        ((2, 8, 8, 1), [[0, 0, 0, 0]] * 2, r"the scales \(column 1\) positive"),
    ],
)
def test_bad_input(shape, factors, message):
    with pytest.raises(ValueError, match=message):
        datasets.RandomAffine().transform(np.zeros(shape), factors)
