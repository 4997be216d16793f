"""Choosing an epoch by criteria without labels."""

import argparse
import json
import shutil

import keras
import numpy as np
import pytest
from small_networks import batch, lstnet_mlp, quick_compile

from keras_latent import callbacks, datasets
from keras_latent.src.applications.own import own_data
from keras_latent.src.applications.own import train as own
from keras_latent.src.applications.running.run_directory import read_history
from keras_latent.src.callbacks import translation_grid
from keras_latent.src.utils.domains import DOMAINS


def chooser(directory, measurements, done=0):
    """A choice between epochs for a model whose weight is the number of the epoch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)
    values = iter(measurements)
    measure = lambda: dict(zip("ab", next(values), strict=True))  # noqa: E731
    choice = callbacks.EpochChoice(directory, measure, ("a", "b"), done)
    choice.set_model(model)
    return choice


def finish(choice, *epochs):
    for epoch in epochs:
        choice.model.set_weights([np.full((1, 1), epoch + 1.0)])
        choice.on_epoch_end(epoch)


def kept(choice, criterion):
    choice.model.load_weights(choice.weights(criterion))
    return float(choice.model.get_weights()[0][0, 0])


def test_the_best_epoch_is_chosen(tmp_path):
    choice = chooser(tmp_path / "epochs", [(0.1, 5.0), (0.7, 4.0), (0.7, 5.0), (0.2, -1.0)])
    assert choice.measurements() == []
    finish(choice, 0, 1, 2, 3)
    assert [row["a"] for row in choice.measurements()] == [0.1, 0.7, 0.7, 0.2]
    assert (choice.chosen("a"), choice.chosen("b")) == (2, 1)  # of equals, the first
    assert (kept(choice, "a"), kept(choice, "b")) == (2.0, 1.0)
    assert {path.name for path in (tmp_path / "epochs").iterdir()} == {
        "epochs.json",
        "best-a.weights.h5",
        "best-b.weights.h5",
    }


def test_the_choice_survives_a_resume(tmp_path):
    first = chooser(tmp_path, [(0.5, 0.1), (0.4, 0.2)])
    finish(first, 0, 1)
    # Killed after measuring the second epoch and before saving its state.
    second = chooser(tmp_path, [(0.4, 0.2), (0.3, 0.9)])
    assert len(second.measurements()) == 2
    finish(second, 1, 2)
    assert [row["b"] for row in second.measurements()] == [0.1, 0.2, 0.9]
    assert (second.chosen("a"), second.chosen("b")) == (1, 3)
    assert (kept(second, "a"), kept(second, "b")) == (1.0, 3.0)


def test_an_epoch_that_was_not_measured_is_measured_later(tmp_path):
    finish(chooser(tmp_path, [(0.5, 0.1)]), 0)
    # Killed after saving the state of the second epoch and before measuring it.
    second = chooser(tmp_path, [(0.6, 0.0), (0.3, 0.9)], done=2)
    second.model.set_weights([np.full((1, 1), 2.0)])
    second.on_train_begin()
    finish(second, 2)
    assert [row["a"] for row in second.measurements()] == [0.5, 0.6, 0.3]
    assert (kept(second, "a"), kept(second, "b")) == (2.0, 3.0)
    again = chooser(tmp_path, [], done=3)
    again.on_train_begin()
    assert len(again.measurements()) == 3


def weights(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def train(model, folder, epochs):
    """Trains until this epoch, from the state in the folder."""
    resume = callbacks.Resume(folder / "state")
    done = resume.restore(model)

    def measure():
        model.translate(batch(40)["source"], to="target")  # on JAX, deletes shared arrays
        return {"a": float(np.abs(weights(model)).sum())}

    choice = callbacks.EpochChoice(folder, measure, ("a",), done)
    options = {"batch_size": 20, "shuffle": False, "verbose": 0, "callbacks": [resume, choice]}
    model.fit(batch(40), epochs=epochs, initial_epoch=done, **options)
    return choice


@pytest.mark.each_backend
@pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")
def test_averages_are_measured_and_a_resumed_training_equals_an_unbroken_one(tmp_path):
    model = lstnet_mlp(ema_momentum=0.5, instance_noise=0.1)
    model.compile(jit_compile=quick_compile())
    choice = train(model, tmp_path, 3)
    measured, trained = choice.measurements(), weights(model)
    # `fit` ends with the averages, which the last epoch was measured with.
    assert measured[-1]["a"] == np.abs(trained).sum()
    assert choice.chosen("a") == 3
    model.load_weights(choice.weights("a"))
    np.testing.assert_array_equal(weights(model), trained)

    (tmp_path / "state" / "epoch-00003.weights.h5").unlink()
    choice = train(model, tmp_path, 3)
    np.testing.assert_array_equal(weights(model), trained)
    assert choice.measurements() == measured

    # Killed after saving the state of the third epoch and before measuring it.
    choice.file.write_text(json.dumps(measured[:2]))
    choice = train(model, tmp_path, 3)
    assert choice.measurements() == measured

    # Training continues with the weights, not with the averages.
    callbacks.Resume(tmp_path / "state").restore(model)
    assert np.abs(weights(model) - trained).max() > 1e-5


@pytest.mark.each_backend
@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="PyTorch and TensorFlow: JAX compiles for minutes"
)
@pytest.mark.filterwarnings("ignore::keras_latent.callbacks.CollapseWarning")
def test_a_killed_training_on_own_images_chooses_the_same_epochs(tmp_path, monkeypatch, rng):
    """With all callbacks of `keras-latent train`: its folder is copied as a kill would leave it."""
    model = lstnet_mlp(ema_momentum=0.5, instance_noise=0.1)
    model.compile(jit_compile=quick_compile())
    images = {d: rng.integers(0, 256, (20, *model.event_shapes[d]), "uint8") for d in DOMAINS}
    parts = {d: x[:10] for d, x in images.items()}
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def trained(folder):
        pair = datasets.pair_from_arrays(*images.values(), batch_size=10, format="numpy")
        data = own_data.OwnData(
            pair.train, pair.steps_per_epoch, pair.skip_epochs, parts, images, parts
        )
        own.train(argparse.Namespace(verbose=0, model="lstnet"), model, data, folder, 3, model)
        choice = own.epoch_choice(model, data, folder, 3)
        kept = {path.name: load_kept(model, path) for path in (folder / "epochs").glob("best-*")}
        logs = read_history(folder / "history.csv")
        assert len(logs.pop("seconds")) == 3
        return choice.measurements(), logs, kept

    draw = callbacks.TranslationGrid.on_epoch_end

    def copied(self, epoch, logs=None):
        draw(self, epoch, logs)
        if epoch == 1 and not killed.exists():
            shutil.copytree(whole, killed)

    monkeypatch.setattr(callbacks.TranslationGrid, "on_epoch_end", copied)
    monkeypatch.setattr(translation_grid, "translation_grid", lambda rows, path: None)
    whole.mkdir()
    measured, logs, kept = trained(whole)
    assert len(measured) == 3 and "loss" in logs and len(kept) == 2
    assert len((killed / "history.csv").read_text().splitlines()) == 3
    assert len(json.loads((killed / "epochs" / "epochs.json").read_text())) == 1
    again = trained(killed)
    assert again[:2] == (measured, logs)
    for name, weights_of_epoch in again[2].items():
        np.testing.assert_array_equal(weights_of_epoch, kept[name])


def load_kept(model, path):
    model.load_weights(path)
    return weights(model)
