"""TVAE on real digits: it learns, it is saved, and bad labels are named."""

import keras
import numpy as np
import pytest
from small_networks import (
    conv_decoder,
    conv_encoder,
    labelled_digits,
    quick_compile,
    to_numpy,
    tvae,
)

from keras_latent import metrics, models
from keras_latent.src.models.tvae.tvae import MINING

IMAGES, LABELS = labelled_digits(100)
TERMS = set(models.TVAE.trackers)


def trained(model, x, labels, epochs, learning_rate=3e-3, **fit):
    model.compile(keras.optimizers.Adam(learning_rate), jit_compile=quick_compile())
    return model.fit(x, labels, batch_size=50, epochs=epochs, verbose=0, **fit).history


@pytest.mark.parametrize("mining", MINING)
def test_it_learns_digits(mining):
    x, labels = labelled_digits(200)
    model = tvae(mining=mining, triplet_weight=10.0)
    history = trained(model, x, labels, 4, validation_data=(x[:100], labels[:100]))
    assert set(history) == TERMS | {f"val_{name}" for name in TERMS}
    assert all(np.isfinite(v).all() and len(v) == 4 for v in history.values())
    assert history["loss"][-1] < history["loss"][0]
    assert history["embedding_spread"][-1] > 0.1
    assert all(0.0 <= v <= 1.0 for v in history["active_triplets"])


def test_triplets_order_the_latents():
    """On digits that were not trained on, against the same VAE without the term."""
    x, labels = labelled_digits(900)
    accuracy, near = [], []
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        model = tvae(32, 8, triplet_weight=weight, seed=0)
        trained(model, x[:600], labels[:600], 8)
        z = model.encode(x)
        accuracy.append(metrics.TripletAccuracy(num_triplets=20_000)(labels[600:], z[600:]))
        neighbors = metrics.NearestNeighborAccuracy()
        neighbors.adapt(labels[:600], z[:600])
        near.append(neighbors(labels[600:], z[600:]))
    assert accuracy[1] > accuracy[0] + 0.1
    assert near[1] > near[0]


def test_configuration_and_preset_round_trip(tmp_path):
    options = {"margin": 0.0, "mining": "hard", "triplet_weight": 0.0, "beta": 2.0}
    model = tvae(**options, observation_variance=0.1)
    config = model.get_config()
    copy = models.TVAE.from_config(config)
    assert copy.get_config() == config
    assert {name: getattr(copy, name) for name in options} == options
    model.save_to_preset(tmp_path / "preset")
    for other in (models.TVAE.from_preset(tmp_path / "preset"), copy):
        other.set_weights(model.get_weights())
        np.testing.assert_allclose(other.encode(IMAGES), model.encode(IMAGES), atol=1e-6)
    changed = models.TVAE.from_preset(tmp_path / "preset", mining="all", margin=2)
    assert (changed.mining, changed.margin, changed.triplet_weight) == ("all", 2.0, 0.0)


def test_presets_are_the_papers_networks():
    model = models.TVAE.from_preset("tvae_mnist", load_weights=False)
    assert (model.margin, model.mining, model.triplet_weight, model.beta) == (1, "random", 1, 1)
    assert model.likelihood == "gaussian" and model.observation_variance == 1.0
    encoder, decoder = 784 * 400 + 400 + 2 * (400 * 20 + 20), 20 * 400 + 400 + 400 * 784 + 784
    assert model.count_params() == encoder + decoder
    small = models.TVAE.from_preset("tvae_digits", load_weights=False)
    assert small.event_shape == (8, 8, 1) and small.count_params() < model.count_params() / 10


def test_verbs_predict_and_evaluate():
    model = tvae()
    model.compile(jit_compile=quick_compile())
    want = model.reconstruct(IMAGES)
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), want, atol=1e-6)
    np.testing.assert_allclose(to_numpy(model(IMAGES)), want, atol=1e-5)
    assert model.generate(3, seed=0).shape == (3, 8, 8, 1)
    assert model.interpolate(IMAGES[:2], IMAGES[2:4], 3).shape == (2, 3, 8, 8, 1)
    assert set(model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)) == TERMS
    logs = model.train_on_batch(IMAGES, LABELS, return_dict=True)
    assert set(logs) == TERMS and np.isfinite(list(logs.values())).all()


def test_training_without_any_label():
    """All labels missing: the VAE is trained, and the triplet term is 0."""
    model = tvae(mining="semi_hard")
    history = trained(model, IMAGES, np.full(100, -1, "int8"), 3)
    assert history["triplet_loss"] == history["active_triplets"] == [0.0] * 3
    assert history["loss"][-1] < history["loss"][0]
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_datasets_and_convolutions():
    tf = pytest.importorskip("tensorflow")
    images = np.repeat(np.repeat(IMAGES, 2, 1), 2, 2)
    data = tf.data.Dataset.from_tensor_slices((images, LABELS.astype("uint8"))).batch(25)
    model = models.TVAE(conv_encoder((16, 16, 1)), conv_decoder((16, 16, 1)), mining="hard")
    model.compile(jit_compile=quick_compile())
    history = model.fit(data, validation_data=data, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert model.predict(data, verbose=0).shape == (100, 16, 16, 1)


BAD_LABELS = {
    "missing": (None, r"`TVAE` needs labels as `y`: `fit\(images.*-1 for a missing.*y=None"),
    "one-hot": (np.eye(10)[LABELS], r"\(\d+, 10\). For one-hot rows, pass `y.argmax\(-1\)`"),
    "column": (LABELS[:, None], r"one label per row, shape \(100,\).*\(100, 1\). Pass `y\[:, 0\]`"),
    "number": (LABELS[:50], r"one label per row, shape \(100,\).*shape=\(50,\)"),
    "scalar": (np.int32(3), r"one label per row, shape \(100,\).*shape=\(\)"),
    "float": (LABELS * 1.0, r"must hold integers: `y.astype\('int32'\)`.*dtype=float64"),
    "text": (LABELS.astype(str), r"must hold integers.*dtype=str"),
    "bool": (LABELS > 4, r"must hold integers.*dtype=bool"),
    "below": (np.append(-2, LABELS[1:]), r"0 or more, or -1 for a missing.*from -2 to 9"),
    "too large": (LABELS + 2**31, r"fit into 32 bits.*from 2147483648"),
    "list": (LABELS.tolist(), r"`y` must be one array of labels. Received: list"),
}


@pytest.fixture(scope="module")
def model():
    model = tvae()
    model.compile(jit_compile=quick_compile())
    return model


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels(model, kind):
    labels, message = BAD_LABELS[kind]
    for verb in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            verb(IMAGES, labels, verbose=0)


@pytest.mark.parametrize("kind", ["one-hot", "float", "below"])
def test_bad_labels_in_datasets(model, kind):
    labels, message = BAD_LABELS[kind]

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            rows = slice(index * 20, index * 20 + 20)
            return IMAGES[rows], labels[rows]

    with pytest.raises(ValueError, match=message):
        model.fit(Batches(), verbose=0)
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((IMAGES, labels)).batch(20)
    for verb in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            verb(data, verbose=0)


def test_validation_labels_are_checked_too(model):
    with pytest.raises(ValueError, match="must hold integers"):
        model.fit(IMAGES, LABELS, validation_data=(IMAGES, LABELS * 1.0), verbose=0)


def test_a_dataset_without_labels(model):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(IMAGES).batch(20)
    with pytest.raises(ValueError, match="`TVAE` needs labels"):
        model.fit(data, verbose=0)


def test_a_generator_meets_the_check_in_the_step():
    model = tvae()  # on JAX, Keras leaves a model without weights whose step has failed
    model.compile()

    def batches():
        while True:
            yield IMAGES, np.eye(10)[LABELS]

    with pytest.raises(ValueError, match="For one-hot rows, pass `y.argmax"):
        model.fit(batches(), steps_per_epoch=1, verbose=0)


def test_images_are_checked_as_for_a_vae(model):
    with pytest.raises(ValueError, match="`x` looks like pixels in 0..255"):
        model.fit(IMAGES * 255, LABELS, verbose=0)
    with pytest.raises(ValueError, match="TVAE takes no `sample_weight`"):
        model.fit(IMAGES, LABELS, sample_weight=np.ones(100), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margin": -0.1}, r"`margin` must be a non-negative finite number.*margin=-0.1"),
        ({"margin": None}, r"`margin` must be a non-negative finite number.*margin=None"),
        ({"triplet_weight": -1}, r"`triplet_weight` must be a non-negative.*=-1"),
        ({"mining": "semi-hard"}, r"`mining` must be one of \['random', 'hard', 'semi_hard', 'a"),
        ({"beta": -1}, r"`beta` must be a non-negative"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        tvae(**arguments)
