import keras
import numpy as np
import pytest
from helpers import compiled, gradients, to_numpy
from keras.src import testing
from scipy.spatial.distance import cdist

from keras_latent import ops
from keras_latent.layers import TripletMiner

STRATEGIES = ["hard", "semi-hard", "all", "random"]


def mine(miner, *args):
    tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, args)
    return [to_numpy(x) for x in miner(*tensors)]


def check_valid(result, labels, others, same_set):
    anchor, positive, negative, weight = result
    assert anchor.dtype == positive.dtype == negative.dtype == "int32"
    assert weight.dtype == "float32"
    assert ((anchor >= 0) & (anchor < len(labels))).all()
    for index in (positive, negative):
        assert ((index >= 0) & (index < len(others))).all()
    assert np.isin(weight, (0.0, 1.0)).all()
    a, p, n = (x[weight > 0] for x in (anchor, positive, negative))
    assert (labels[a] != -1).all()
    assert (others[n] != -1).all()
    assert (labels[a] == others[p]).all()
    assert (labels[a] != others[n]).all()
    if same_set:
        assert (a != p).all()


@pytest.mark.parametrize("distance", ["euclidean", "squared_euclidean", "symmetric_kl"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_set(rng, strategy, distance):
    z = rng.normal(size=(8, 3)).astype("float32")
    labels = np.int32([0, 1, 2, -1, 0, 1, 2, 1])
    miner = TripletMiner(strategy, distance, margin=10.0, seed=0)
    embeddings = (z, z[::-1].copy()) if distance == "symmetric_kl" else z
    result = mine(miner, embeddings, labels)
    check_valid(result, labels, labels, same_set=True)
    assert len(result[0]) == (8**3 if strategy == "all" else 8)
    assert result[3].sum() > 0


@pytest.mark.parametrize("distance", ["euclidean", "symmetric_kl"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_sets(rng, strategy, distance):
    a, b = (
        rng.normal(size=(2, 8, 3)).astype("float32"),
        rng.normal(size=(2, 11, 3)).astype("float32"),
    )
    labels = rng.integers(-1, 3, size=8).astype("int32")
    others = rng.integers(-1, 3, size=11).astype("int32")
    miner = TripletMiner(strategy, distance, margin=50.0, seed=0)
    pair = distance == "symmetric_kl"
    result = mine(miner, tuple(a) if pair else a[0], labels, tuple(b) if pair else b[0], others)
    check_valid(result, labels, others, same_set=False)
    assert len(result[0]) == (8 * 11 * 11 if strategy == "all" else 8)
    assert result[3].sum() > 0


def test_vbta_uses_the_pair_and_the_nearest_other_row(rng):
    mean, log_var = rng.normal(size=(2, 2, 6, 3)).astype("float32")
    paired = np.array([True, False, True, True, False, True])
    row = np.arange(6, dtype="int32")
    _, positive, negative, weight = mine(
        TripletMiner("hard", "symmetric_kl"),
        (mean[0], log_var[0]),
        np.where(paired, row, -1).astype("int32"),
        (mean[1], log_var[1]),
        row,
    )
    np.testing.assert_array_equal(weight, paired)
    np.testing.assert_array_equal(positive[paired], row[paired])
    distances = to_numpy(ops.pairwise_symmetric_kl(mean[0], log_var[0], mean[1], log_var[1]))
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(negative[paired], distances.argmin(axis=1)[paired])


def test_squared_euclidean_measures_the_margin_in_squares():
    z, labels = np.float32([[0.0], [1.0], [3.0]]), np.int32([0, 0, 1])
    squared = lambda margin: TripletMiner("semi-hard", "squared_euclidean", margin)  # noqa: E731
    assert mine(squared(7.5), z, labels)[3][0] == 0
    assert mine(squared(8.5), z, labels)[3][0] == 1


def test_fallback_keeps_anchors_whose_negatives_are_all_nearer():
    z, labels = np.float32([[0], [9], [1], [2]]), np.int32([0, 0, 1, -1])
    assert mine(TripletMiner("semi-hard"), z, labels)[3][0] == 0
    miner = TripletMiner.from_config(TripletMiner("semi-hard", fallback=True).get_config())
    _, positive, negative, weight = mine(miner, z, labels)
    assert (positive[0], negative[0], weight[0]) == (1, 2, 1)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "labels", [[0, 0, 0, 0], [0, 1, 2, 3], [-1, -1, -1, -1], [-1, 0, -1, 1], [5]]
)
def test_no_valid_triplet_gives_no_weight(strategy, labels):
    labels = np.int32(labels)
    result = mine(TripletMiner(strategy), np.ones((len(labels), 3), "float32"), labels)
    check_valid(result, labels, labels, same_set=True)
    assert result[3].sum() == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("extreme", [0.0, 1e30, -1e30])
def test_ties_and_extremes_stay_valid(strategy, extreme):
    z, labels = np.full((8, 3), extreme, "float32"), np.int32([0, 0, 1, 1, 2, -1, 2, 3])
    check_valid(mine(TripletMiner(strategy), z, labels), labels, labels, same_set=True)
    log_var = np.full((8, 3), -1e4, "float32")
    miner = TripletMiner(strategy, "symmetric_kl")
    check_valid(mine(miner, (z, log_var), labels), labels, labels, same_set=True)


def test_random_choices_are_new_and_follow_the_seed():
    z, labels = np.zeros((64, 2), "float32"), np.arange(64, dtype="int32") % 2
    miner, twin = TripletMiner("random", seed=3), TripletMiner("random", seed=3)
    first, second = mine(miner, z, labels), mine(miner, z, labels)
    assert (first[1] != second[1]).any()
    assert (first[2] != second[2]).any()
    np.testing.assert_array_equal(first, mine(twin, z, labels))


def loss_of(miner, z, labels):
    anchor, positive, negative, weight = miner(z, labels)
    rows, take = keras.ops.take(z, anchor, axis=0), keras.ops.take
    d_positive = ops.euclidean(rows, take(z, positive, axis=0))
    d_negative = ops.euclidean(rows, take(z, negative, axis=0))
    return ops.weighted_mean(ops.triplet_hinge(d_positive, d_negative, margin=1.0), weight)


def test_the_gradient_is_that_of_the_chosen_distances(rng):
    z = rng.normal(size=(10, 3))
    labels = np.int32([0, 0, 0, 1, 1, 1, 2, 2, -1, 3])
    gradient = gradients(lambda z: loss_of(TripletMiner("hard"), z, labels), z)[0]
    distances = cdist(z, z)
    expected, count = np.zeros_like(z), 0
    for a in range(8):
        same = [p for p in range(10) if labels[p] == labels[a] and p != a]
        other = [n for n in range(10) if labels[n] not in (labels[a], -1)]
        p, n = max(same, key=lambda j: distances[a, j]), min(other, key=lambda j: distances[a, j])  # noqa: B023
        count += 1
        if distances[a, p] - distances[a, n] + 1.0 > 0:
            to_p = (z[a] - z[p]) / distances[a, p]
            to_n = (z[a] - z[n]) / distances[a, n]
            expected[a] += to_p - to_n
            expected[p] -= to_p
            expected[n] += to_n
    np.testing.assert_allclose(gradient, expected / count, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labels", [[-1] * 4, [0] * 4, [0, 0, 1, 1]])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_gradient_is_finite_where_all_points_coincide(strategy, labels):
    labels = np.int32(labels)
    miner = TripletMiner(strategy, seed=0)
    assert np.isfinite(to_numpy(loss_of(miner, keras.ops.ones((4, 3)), labels)))
    if strategy in ("hard", "all"):
        gradient = gradients(lambda z: loss_of(miner, z, labels), np.ones((4, 3)))[0]
        assert np.isfinite(gradient).all()


class Embedder(keras.Model):
    """A network that is trained with the miner through `add_loss` only."""

    def __init__(self, strategy):
        super().__init__()
        self.dense = keras.layers.Dense(2)
        self.miner = TripletMiner(strategy, margin=5.0, seed=0)

    def call(self, inputs):
        z = self.dense(inputs["x"])
        self.add_loss(loss_of(self.miner, z, inputs["label"]))
        return z


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fit_compiled_with_a_last_batch_of_another_size(rng, strategy):
    labels = np.arange(20, dtype="int32") % 2
    x = np.float32(rng.normal(scale=0.3, size=(20, 4)) + labels[:, None])
    model = Embedder(strategy)
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    data = {"x": x, "label": labels}
    # The loss of mined triplets may rise as they get harder; that of all triplets must fall.
    loss_of_all = lambda: float(loss_of(TripletMiner("all"), model(data), labels))  # noqa: E731
    before = loss_of_all()
    losses = model.fit(data, batch_size=8, epochs=12, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert loss_of_all() < before


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_functional_with_an_unknown_batch(rng, strategy):
    z, label = keras.Input((3,)), keras.Input((), dtype="int32")
    outputs = TripletMiner(strategy)(z, label)
    assert [output.shape for output in outputs] == [(None,)] * 4
    assert [output.dtype for output in outputs] == ["int32"] * 3 + ["float32"]
    model = keras.Model([z, label], outputs)
    for rows in (4, 7):
        x, labels = rng.normal(size=(rows, 3)).astype("float32"), np.int32(np.arange(rows) % 2)
        result = [to_numpy(y) for y in model([x, labels])]
        check_valid(result, labels, labels, same_set=True)
        assert len(result[0]) == (rows**3 if strategy == "all" else rows)


def test_embeddings_keep_their_precision_under_mixed_policies():
    z = np.float32([[1.0], [1.0001], [1.0002], [1.00025]])
    result = mine(TripletMiner("hard", dtype="mixed_float16"), z, np.int32([0, 0, 0, 1]))
    np.testing.assert_array_equal(result[1], [2, 0, 0, 0])


def memory(fn, *args):
    """Bytes of temporary memory of a compiled JAX function; otherwise, of all intermediates."""
    if keras.backend.backend() == "jax":
        import jax

        analysis = jax.jit(fn).lower(*args).compile().memory_analysis()
        return analysis.temp_size_in_bytes + analysis.output_size_in_bytes
    if keras.backend.backend() == "torch":
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            fn(*args)
        return sum(max(0, event.self_cpu_memory_usage) for event in profiler.events())
    import tensorflow as tf

    graph = tf.function(fn).get_concrete_function(*args).graph
    outputs = [output for op in graph.get_operations() for output in op.outputs]
    return sum(output.dtype.size * (output.shape.num_elements() or 0) for output in outputs)


@pytest.mark.parametrize("strategy", ["hard", "semi-hard", "random"])
def test_memory_grows_with_the_square_of_the_batch(strategy):
    rows = 2048
    miner = TripletMiner(strategy, seed=0)
    z = keras.ops.zeros((rows, 16))
    labels = keras.ops.convert_to_tensor(np.arange(rows, dtype="int32") % 10)

    def choose(z, labels):
        with keras.StatelessScope():
            return miner(z, labels)

    used = memory(choose, z, labels)
    assert 0 < used < 40 * 4 * rows**2


def test_a_large_batch_runs_compiled():
    rows = 2048
    miner = TripletMiner("hard")
    z = keras.random.normal((rows, 16), seed=0)
    labels = keras.ops.convert_to_tensor(np.arange(rows, dtype="int32") % 10)
    weight = compiled(lambda z, labels: miner(z, labels)[3])(z, labels)
    assert to_numpy(weight).sum() == rows


class TripletMinerLayerTest(testing.TestCase):
    def test_layer(self):
        for strategy in STRATEGIES:
            number = 4**3 if strategy == "all" else 4
            self.run_layer_test(
                TripletMiner,
                init_kwargs={"strategy": strategy, "margin": 0.5, "seed": 1},
                input_shape={"embeddings_shape": (4, 3), "labels_shape": (4,)},
                input_dtype={"embeddings_shape": "float32", "labels_shape": "int32"},
                expected_output_shape=((number,),) * 4,
                expected_output_dtype=("int32",) * 3 + ("float32",),
                expected_num_trainable_weights=0,
                expected_num_seed_generators=1,
                # Indices have no gradient; fit is tested with the layer inside a model.
                run_training_check=False,
            )


def test_bad_arguments_raise():
    with pytest.raises(ValueError, match="`strategy` must be one of .* Received: strategy='easy'"):
        TripletMiner("easy")
    with pytest.raises(ValueError, match="`distance` must be one of .* Received: distance='cos'"):
        TripletMiner(distance="cos")
    with pytest.raises(ValueError, match="`margin` must be a positive number. Received: margin=0"):
        TripletMiner("semi-hard", margin=0)
    z, labels = keras.ops.zeros((4, 3)), keras.ops.zeros((4,), "int32")
    with pytest.raises(ValueError, match="must be given together"):
        TripletMiner()(z, labels, other_labels=labels)
    with pytest.raises(ValueError, match="`embeddings` must be a pair"):
        TripletMiner(distance="symmetric_kl")(z, labels)
    with pytest.raises(ValueError, match="`embeddings` must be a tensor"):
        TripletMiner()((z, z), labels)
    with pytest.raises(ValueError, match=r"`labels` must have one value for each of the 4 rows"):
        TripletMiner()(z, labels[:3])
    with pytest.raises(ValueError, match=r"`other_labels` must have rank 1.*\(4, 1\)"):
        TripletMiner()(z, labels, z, labels[:, None])
    with pytest.raises(ValueError, match="`labels` must hold integers"):
        TripletMiner()(z, keras.ops.zeros((4,)))
