import keras
import numpy as np
import pytest

from keras_latent import datasets
from keras_latent.training import native_pipeline


class Regression(keras.Model):
    """Predicts the target from the source with Keras's own `train_step`."""

    def __init__(self, built):
        super().__init__()
        self.dense = keras.layers.Dense(3)
        if built:
            self.dense.build((None, 3))
            self.built = True

    def call(self, batch):
        return self.dense(batch["source"])

    def compute_loss(self, x, y, y_pred, sample_weight, training=True):
        wrong = keras.ops.mean(keras.ops.square(y_pred - x["target"]), axis=-1)
        return keras.ops.mean(wrong * keras.ops.cast(x["paired"], wrong.dtype))


def make(format):
    rng = np.random.default_rng(0)
    source = rng.normal(size=(110, 3)).astype("float32")
    return datasets.pair_from_arrays(
        source,
        source[:, ::-1],
        paired="all",
        test_source=source[:15],
        test_target=source[:15, ::-1],
        test_paired=True,
        batch_size=10,
        format=format,
    )


def weights_after(pair, epochs, initial_epoch=0, weights=None, built=False):
    keras.utils.set_random_seed(0)
    model = Regression(built)
    model.compile(keras.optimizers.SGD(0.1))
    if weights is not None:
        model.set_weights(weights)
    fit = {"epochs": epochs, "initial_epoch": initial_epoch, "shuffle": False, "verbose": 0}
    history = model.fit(pair.train, validation_data=pair.test, **fit)
    assert len(history.history["val_loss"]) == epochs - initial_epoch
    return model.get_weights()


@pytest.mark.parametrize("format", ["numpy", "tf"])
def test_fit_and_resume(format):
    """Two epochs and then two more give the same result as four."""
    if format == "tf":
        pytest.importorskip("tensorflow")
    straight = weights_after(make(format), 4)
    half = weights_after(make(format), 2)
    pair = make(format)
    pair.skip_epochs(2)
    # Keras takes a batch to build the first model, but not this one. No epoch is lost.
    resumed = weights_after(pair, 4, initial_epoch=2, weights=half, built=True)
    for one, other in zip(straight, resumed, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.each_backend
def test_both_formats_train_the_same():
    """However trainers use iterators, they get the same batches in both formats."""
    pytest.importorskip("tensorflow")
    for one, other in zip(
        weights_after(make("numpy"), 3), weights_after(make("tf"), 3), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.each_backend
def test_auto_is_what_the_backend_takes():
    pair = make("auto")
    assert pair.format == native_pipeline()
    assert isinstance(pair.train, keras.utils.PyDataset) == (pair.format == "numpy")


@pytest.mark.each_backend
def test_steps_per_epoch_goes_on_through_the_pass():
    """With few `steps_per_epoch`, Keras continues where it stopped until all rows are used."""
    pair = make("numpy")
    seen = []
    original = type(pair.train).__getitem__

    class Recorder(type(pair.train)):
        def __getitem__(self, index):
            batch = original(self, index)
            seen.append(batch["source"])
            return batch

    recorder = Recorder(pair._order, pair.source_train, pair.target_train)
    model = Regression(built=True)
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=keras.backend.backend() != "jax")
    model.fit(recorder, epochs=3, steps_per_epoch=4, shuffle=False, verbose=0)
    rows = {row.tobytes() for batch in seen for row in batch}
    assert len(rows) == 110


@pytest.mark.each_backend
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")
def test_mirrored_strategy(mirrored):
    rows = np.arange(200, dtype="float32")[:, None]

    def make():
        return datasets.pair_from_arrays(rows, rows, paired="all", batch_size=10)

    pair = make()
    want = [[batch["source"].numpy().ravel() for batch in pair.train] for _ in range(2)]
    distributed = mirrored.experimental_distribute_dataset(make().train)
    for epoch in want:
        got = [
            np.concatenate(
                [
                    part.numpy().ravel()
                    for part in mirrored.experimental_local_results(batch["source"])
                ]
            )
            for batch in distributed
        ]
        np.testing.assert_array_equal(got, epoch)
    with mirrored.scope():
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", "mse")
    xy = make().train.map(lambda batch: (batch["source"] / 200, batch["target"] / 200))
    history = model.fit(xy, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0], history
