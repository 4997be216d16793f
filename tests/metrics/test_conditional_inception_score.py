import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_latent import metrics, models
from keras_latent.src.metrics.transfer_program import TransferProgram, referenced_state

SHAPE, NAMES = (4, 3, 2), ("hat", "smile", "beard")


def classifier(outputs=3, seed=0):
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(
                outputs, "sigmoid", kernel_initializer=keras.initializers.GlorotNormal(seed)
            ),
        ]
    )


@pytest.fixture
def images(rng):
    x = rng.random((11, *SHAPE)).astype("float32")
    return x, x[:, None] + rng.normal(size=(11, 3, *SHAPE)).astype("float32")


def numbers(f, images):
    return ops.convert_to_numpy(f(images, training=False)).astype("float64")


def oracle(f, x, transferred, columns=(0, 1, 2)):
    """Algorithm 2 with loops: ts, rs and the matrix per image."""
    scores, matrices = [], []
    for image, results in zip(x, transferred, strict=True):
        before = numbers(f, image[None])[0]
        matrix = np.zeros((len(results), len(results)))
        for i, result in enumerate(results):
            after = numbers(f, result[None])[0]
            for j, column in enumerate(columns):
                matrix[i, j] = after[column] - before[column]
        own, others = [], []
        for i in range(len(results)):
            for j in range(len(results)):
                (own if i == j else others).append(matrix[i, j])
        scores.append((sum(own) / len(own), -sum(map(abs, others)) / len(others)))
        matrices.append(matrix)
    return np.array(scores), np.array(matrices)


def check(metric, scores, matrices, tolerance=1e-5):
    ts, rs = scores.mean(axis=0)
    want = {"ts": ts, "rs": rs, "cis": ts + rs}
    assert metric.result() == pytest.approx(want, abs=tolerance)
    assert list(metric.result()) == ["ts", "rs", "cis"]
    np.testing.assert_allclose(metric.matrix(), matrices.mean(axis=0), atol=tolerance)
    for i, name in enumerate(metric.domains):
        own = np.mean([m[i, i] for m in matrices])
        others = -np.mean([[abs(m[i, j]) for j in range(len(m)) if j != i] for m in matrices])
        want = {"ts": own, "rs": others, "cis": own + others}
        assert metric.per_domain()[name] == pytest.approx(want, abs=tolerance)


def test_against_loops_over_everything(images):
    x, transferred = images
    f = classifier()
    scores, matrices = oracle(f, x, transferred)
    assert np.abs(scores).min() > 0
    metric = metrics.ConditionalInceptionScore(f, NAMES)
    for rows in (slice(0, 4), slice(4, 11)):
        metric.update_state(x[rows], transferred[rows])
    check(metric, scores, matrices)
    metric.reset_state()
    assert metric(x[:1], transferred[:1])["ts"] == pytest.approx(scores[0, 0], abs=1e-5)
    assert f.layers[1].get_weights()[2].sum() == 0  # the classifier's moving averages are unchanged


def test_a_subset_of_outputs(images):
    x, transferred = images
    f = classifier(outputs=7)
    metric = metrics.ConditionalInceptionScore(f, NAMES, columns=np.array([5, 0, 3]))
    metric.update_state(x, transferred)
    check(metric, *oracle(f, x, transferred, (5, 0, 3)))


def test_a_transfer_computed_by_hand():
    pixels = keras.Sequential([keras.Input((2,)), keras.layers.Activation("linear")])
    metric = metrics.ConditionalInceptionScore(pixels, 2)
    transferred = np.array([[[0.9, 0.1], [0.3, 0.1]]], "float32")
    result = metric(np.array([[0.5, 0.2]], "float32"), transferred)
    # M = [[0.4, -0.1], [-0.2, -0.1]]
    assert result == pytest.approx({"ts": 0.15, "rs": -0.15, "cis": 0.0}, abs=1e-6)
    first = {"ts": 0.4, "rs": -0.1, "cis": 0.3}
    assert metric.per_domain()["0"] == pytest.approx(first, abs=1e-6)


def test_one_domain_has_nothing_off_the_diagonal(images):
    x, transferred = images
    f = classifier(outputs=1)
    metric = metrics.ConditionalInceptionScore(f, ["hat"])
    result = metric(x, transferred[:, :1])
    want = np.mean(numbers(f, transferred[:, 0]) - numbers(f, x))
    assert result == pytest.approx({"ts": want, "rs": 0.0, "cis": want}, abs=1e-5)
    assert metric.per_domain()["hat"] == pytest.approx(result)


class Mover(keras.Model):
    """Adds a step per domain, with a variable and a layer."""

    def __init__(self, n=3):
        super().__init__()
        self.dense = keras.layers.Dense(SHAPE[-1])
        self.steps = self.add_weight(shape=(n, *SHAPE), initializer="ones")
        self.built = True
        self.dense.build((None, *SHAPE))
        self.traces = 0

    def transfer(self, x):
        self.traces += 1
        steps = 0.5 * self.steps  # computed from the variable, not from the input
        return self.dense(x)[:, None] + steps

    def expected(self, x):
        moved = ops.convert_to_numpy(self.dense(x))
        return moved[:, None] + 0.5 * ops.convert_to_numpy(self.steps)


@pytest.mark.parametrize("batch_size", [1, 4, 11, 100])
def test_measure_equals_update_state(images, batch_size):
    x, _ = images
    f, mover = classifier(), Mover()
    metric = metrics.ConditionalInceptionScore(f, NAMES)
    result = metric.measure(mover.transfer, x, batch_size=batch_size)
    assert result == metric.result()
    check(metric, *oracle(f, x, mover.expected(x)))
    metric.measure(mover.transfer, x[:2])
    assert len(metric._scores) == 13


def test_the_program_is_reused_until_the_weights_of_the_transfer_change(images, rng):
    x, _ = images
    f, mover = classifier(), Mover()
    metric = metrics.ConditionalInceptionScore(f, NAMES)
    metric.measure(mover.transfer, x, batch_size=4)
    for weights, traces in ((f, 1), (mover, 2)):  # of the classifier, then of the transfer
        weights.set_weights([rng.random(w.shape) for w in weights.get_weights()])
        metric.reset_state()
        metric.measure(mover.transfer, x, batch_size=4)  # an equal bound method
        check(metric, *oracle(f, x, mover.expected(x)))
        metric.measure(mover.transfer, x.astype("float64"), batch_size=4)
        assert mover.traces == traces
    metric.measure(lambda x: mover.transfer(x), x)
    assert mover.traces == 3


class Plain:
    def __init__(self, model):
        self.held = {"models": [model]}

    def transfer(self, x):
        return self.held["models"][0].transfer(x)

    __call__ = transfer


GLOBAL = Mover()


def helper(x):
    return GLOBAL.transfer(x)


def test_where_a_function_may_refer_to_weights(images):
    mover = Mover()
    steps = keras.Variable(np.ones(3))

    def closure(x, strength=1.0):
        return mover.transfer(x) * strength

    def default(x, model=mover):
        return model.transfer(x)

    plain = Plain(mover)
    for fn in (
        mover.transfer,
        closure,
        functools.partial(closure, strength=2.0),
        functools.partial(lambda model, x: model.transfer(x), mover),
        default,
        plain.transfer,
        plain,
        mover,
    ):
        assert referenced_state(fn) == [mover]
    assert referenced_state(lambda x: helper(x)) == [GLOBAL]
    assert [v is steps for v in referenced_state(lambda x: x * steps)] == [True]

    def nothing(x):
        return ops.stack([x, x * 0.5, x + 0.5], axis=1)

    assert referenced_state(nothing) == []
    metric = metrics.ConditionalInceptionScore(classifier(), NAMES)
    metric.measure(nothing, images[0])
    assert not metric._program.is_valid_for(nothing, images[0])  # rebuilt each time


@pytest.mark.filterwarnings("error::UserWarning")
def test_inputs_with_attributes_and_a_strength(images, rng):
    x, _ = images
    f = classifier()
    inputs = {
        "x": x,
        "y": rng.integers(0, 2, (11, 3)).astype("int32"),
        "strength": rng.random(11),
        "not_asked_for": np.arange(11),
    }

    def transfer(inputs):
        change = (1 - ops.cast(inputs["y"], "float32")) * inputs["strength"][:, None]
        return inputs["x"][:, None] + ops.reshape(change, (-1, 3, 1, 1, 1))

    metric = metrics.ConditionalInceptionScore(f, NAMES)
    metric.measure(transfer, inputs, batch_size=4)
    change = (1 - inputs["y"]) * inputs["strength"][:, None]
    check(metric, *oracle(f, x, x[:, None] + np.float32(change)[..., None, None, None]))


def test_a_model_of_attributes(rng):
    """DualVAE's transfer, with directions computed in NumPy from its weights."""
    dual = models.DualVAE.from_preset("dual_vae_digits", load_weights=False, attributes=NAMES)
    f = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])
    x, function = rng.random((9, 8, 8, 1), "float32"), dual.transfer_function(direction="isolated")
    metric = metrics.ConditionalInceptionScore(f, NAMES, [3, 0, 1])
    for strength in (0.5, 3.0):
        dual.set_weights([w + 0.2 * rng.normal(size=w.shape) for w in dual.get_weights()])
        inputs = {"x": x, "strength": np.full(9, strength)}
        metric.reset_state()
        found = metric.measure(function, inputs, batch_size=4)
        metric.reset_state()
        want = metric(x, dual.transfer(x, NAMES, strength, direction="isolated"))
        assert found == pytest.approx(want, abs=1e-4) and abs(want["ts"]) > 1e-3


def test_batches_have_the_same_shape(images):
    program = TransferProgram(classifier(), (0, 1, 2), Mover().transfer, images[0])
    shapes = []
    program.model.predict_on_batch = lambda x: shapes.append(x.shape) or np.zeros((len(x), 3, 3))
    assert [len(part) for part in program.predict(images[0], 4)] == [4, 4, 3]
    assert shapes == [(4, *SHAPE)] * 3


def test_draws(images):
    x, transferred = images
    f = classifier()
    metric = metrics.ConditionalInceptionScore(f, NAMES)
    metric.update_state(x, transferred)
    scores, _ = oracle(f, x, transferred)
    result = metric.result_of_draws(size=4, draws=5, seed=3)
    assert result == metric.result_of_draws(size=4, draws=5, seed=3)
    assert result != metric.result_of_draws(size=4, draws=5, seed=4)
    rng = np.random.default_rng(3)
    sets = [scores[rng.choice(11, 4, replace=False)] for _ in range(5)]
    for score, of in (
        ("ts", lambda s: s[:, 0]),
        ("rs", lambda s: s[:, 1]),
        ("cis", lambda s: s.sum(axis=1)),
    ):
        values = [np.mean(of(s)) for s in sets]
        want = {"mean": np.mean(values), "std": np.std(values, ddof=1)}
        assert result[score] == pytest.approx(want, abs=1e-5)
        assert result[score]["std"] > 0
    whole = metric.result_of_draws(size=11, draws=2)
    assert whole["cis"]["mean"] == pytest.approx(metric.result()["cis"])
    assert whole["cis"]["std"] == pytest.approx(0, abs=1e-12)
    for options, message in (
        ({}, "`size` must be at most 11, the number of images seen. Received: size=160"),
        ({"size": 4, "draws": 1}, "`draws` must be an integer of 2 or more.*draws=1"),
        ({"size": 2.5}, "`size` must be a positive integer.*size=2.5"),
    ):
        with pytest.raises(ValueError, match=message):
            metric.result_of_draws(**options)


def test_serialization(images, tmp_path):
    f = classifier(outputs=5)
    metric = metrics.ConditionalInceptionScore(f, NAMES, columns=[4, 1, 2], name="mine")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is metrics.ConditionalInceptionScore and copy.name == "mine"
    assert copy.get_config()["domains"] == list(NAMES) and copy.columns == (4, 1, 2)
    f.save(tmp_path / "f.keras")  # a configuration does not contain weights
    copy.classifier.set_weights(keras.saving.load_model(tmp_path / "f.keras").get_weights())
    assert copy(*images) == pytest.approx(metric(*images), abs=1e-6)
    number = metrics.ConditionalInceptionScore(f, 5)
    again = metrics.ConditionalInceptionScore.from_config(number.get_config())
    assert again.domains == number.domains == ("0", "1", "2", "3", "4")


class Subclassed(keras.Model):
    def __init__(self, outputs=3):
        super().__init__()
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(outputs)

    def call(self, x):
        return self.dense(self.flatten(x))


def test_a_subclassed_classifier(images):
    x, transferred = images
    f = Subclassed()
    f(x)
    metric = metrics.ConditionalInceptionScore(f, NAMES)
    metric.update_state(x, transferred)
    check(metric, *oracle(f, x, transferred))
    f = Subclassed(4)
    f(x)
    for use in (lambda m: m.update_state(x, transferred), lambda m: m.measure(GLOBAL.transfer, x)):
        with pytest.raises(ValueError, match="has 4 outputs, but there are 3 `domains`"):
            use(metrics.ConditionalInceptionScore(f, NAMES))


def test_errors_of_arguments():
    f = classifier()
    one_name = "`domains` must be one name or more, or their number, from 1 to 10000. Received"
    integers = "`columns` must be different integers from 0.*outputs - 1, 2. Received"
    for arguments, message in (
        ((keras.Sequential([keras.layers.Dense(2)]), 2), "`classifier` is not built yet"),
        ((f, 0), one_name),
        ((f, 10_001), one_name),
        ((f, []), one_name),
        ((f, "hat"), one_name),
        ((f, [1, 2]), one_name),
        ((f, ["a", "b", "a"]), "`domains` must be different names"),
        ((f, 2), "has 3 outputs, but there are 2 `domains`: specify .* in `columns`"),
        ((f, 2, [0, 3]), integers + r": columns=\(0, 3\)"),
        ((f, 2, [0, -1]), integers),
        ((f, 2, [0, 0]), integers),
        ((f, 2, [0, 1.0]), integers),
        ((f, 2, [0, 1, 2]), "one output for each of 2 `domains`. Received: 3 columns"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.ConditionalInceptionScore(*arguments)


def test_errors_of_images(images):
    x, transferred = images
    metric = metrics.ConditionalInceptionScore(classifier(), NAMES)
    for result in (metric.result, metric.matrix, metric.per_domain, metric.result_of_draws):
        with pytest.raises(ValueError, match="has seen no image yet"):
            result()
    for bad in (transferred[:, :2], transferred[:5], transferred[:, :, :2], x):
        with pytest.raises(ValueError, match="`transferred` must contain one image per.*Received"):
            metric.update_state(x, bad)
    with pytest.raises(ValueError, match="`transferred` must contain one image per"):
        metric.measure(lambda inputs: ops.stack([inputs] * 2, axis=1), x)
    transferred = transferred.copy()
    transferred[2, 1] = np.nan
    with pytest.raises(ValueError, match="`transferred` must be finite"):
        metric.update_state(x, transferred)
    with pytest.raises(ValueError, match="`classifier` returned NaN or infinity"):
        metric.update_state(x, ops.convert_to_tensor(transferred))
    unequal = {"x": x, "y": np.zeros((10, 3))}
    for inputs, message in (
        (unequal, "the same number of rows, 1 or more. Received: rows {'x': 11, 'y': 10}"),
        (x[:0], "the same number of rows, 1 or more"),
        ({"y": x}, r"""`inputs` must contain the images under "x". Received: keys \['y'\]"""),
        (x[..., 0], "`inputs` must have shape"),
        (x[:, :2], "`inputs` must have shape"),
        (x * np.nan, "`inputs` must be finite"),
        ((x * 255).astype("uint8"), "`inputs` must hold floats"),
        (x * 255, "looks like pixels in 0..255"),
    ):
        with pytest.raises(ValueError, match=message):
            metric.measure(GLOBAL.transfer, inputs)
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        metric.measure(GLOBAL.transfer, x, batch_size=0)
    with pytest.raises(ValueError, match="`transfer` must be a function"):
        metric.measure(transferred, x)
    with pytest.raises(ValueError, match="has seen no image yet"):  # failed calls are not counted
        metric.result()
    y = keras.Input(SHAPE)
    two = keras.Model(y, [keras.layers.Flatten()(y), keras.layers.Flatten()(y)])
    with pytest.raises(ValueError, match="`classifier` must return .batch, outputs. with 3"):
        metrics.ConditionalInceptionScore(two, 3, [0, 1, 2]).update_state(x, images[1])
