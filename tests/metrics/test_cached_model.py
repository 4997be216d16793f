"""Cached classifiers: interrupted and resumed, or requested by two processes at once."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from benchmarks.reliability.damage import flip_bit, zip_as_in_python_3_12
from keras_latent import callbacks, metrics
from keras_latent.src.metrics.classifiers.cached_model import cached_model
from keras_latent.src.utils import locks

pytestmark = pytest.mark.once


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.random((48, 8, 8, 1), "float32"), np.arange(48) % 3


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Run eagerly, which is faster for few steps, except on JAX."""
    if keras.backend.backend() == "jax":
        return
    compile = keras.Model.compile

    def eagerly(self, *args, **options):
        compile(self, *args, **options | {"run_eagerly": True})

    monkeypatch.setattr(keras.Model, "compile", eagerly)


def classifier(images, folder, **options):
    settings = {"epochs": 3, "batch_size": 20, "max_shift": 1, "softness": 0.5} | options
    return metrics.reference_classifier(*images, cache_dir=folder, **settings)


def sounds(images, folder, **options):
    rng = np.random.default_rng(1)
    waveforms = rng.uniform(-1, 1, (48, 1024, 1)).astype("float32")
    options = {"epochs": 3, "batch_size": 20} | options
    return metrics.reference_audio_classifier(
        waveforms, images[1], 8000, cache_dir=folder, **options
    )


def attributes(images, folder, **options):
    rows = np.repeat(images[0], 2, axis=1).repeat(2, axis=2)
    labels = (rows.mean(axis=(1, 2)) > 0.5).astype(int)
    options = {"epochs": 3, "batch_size": 20, "cache_dir": folder} | options
    return metrics.attribute_classifier(rows, labels, **options)


def kill_after(monkeypatch, epoch):
    save = callbacks.Resume.on_epoch_end

    def killed(self, number, logs=None):
        save(self, number, logs)
        if number + 1 == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(callbacks.Resume, "on_epoch_end", killed)


@pytest.mark.parametrize("train", [classifier, sounds, attributes])
def test_killed_and_resumed(train, images, tmp_path, monkeypatch, capsys):
    undisturbed = train(images, tmp_path / "undisturbed", verbose=0)
    assert capsys.readouterr().out == ""
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            train(images, tmp_path / "killed", verbose=0)
    (state,) = (tmp_path / "killed").iterdir()
    assert state.is_dir()

    resumed = train(images, tmp_path / "killed", verbose=2)
    said = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0].split(":")[0] for line in said] == [
        said[0].split(",")[0],
        "Resuming after epoch 2.",
        said[2].split(",")[0],
        said[3].split(":")[0],
    ]
    assert said[0].startswith("Training the evaluation classifier")
    assert "(epoch 3 of 3), loss" in said[2]
    (path,) = (tmp_path / "killed").iterdir()  # the training state is deleted
    assert said[3].startswith("Trained the evaluation") and said[3].endswith(f"cached as {path}")
    for a, b in zip(undisturbed.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)

    train(images, tmp_path / "killed", verbose=2)
    said = capsys.readouterr().out
    assert said.startswith("Loaded the evaluation classifier") and f": {path}\n" in said


def test_progress(images, tmp_path, capsys):
    classifier(images, tmp_path, verbose=2)
    said = capsys.readouterr().out.splitlines()
    assert "(epoch 3 of 3), loss" in said[-2] and "accuracy" in said[-2]
    assert "training accuracy 0." in said[-1]


def test_a_failed_save_does_not_repeat_the_training(images, tmp_path, monkeypatch):
    def full(self, path, *args, **kwargs):
        path.write_bytes(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", full)
        with pytest.raises(OSError, match="disk full"):
            classifier(images, tmp_path, epochs=1)
    assert not list(tmp_path.rglob("*.keras"))
    monkeypatch.setattr(callbacks.Resume, "on_epoch_end", None)
    classifier(images, tmp_path, epochs=1)
    assert [path.suffix for path in tmp_path.iterdir()] == [".keras"]


def test_what_killed_processes_left_is_deleted(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    (tmp_path / "it" / "state").mkdir(parents=True)
    (tmp_path / ".it.0123abcd.keras").write_bytes(b"half")  # killed while it was saved
    cached_model(tmp_path, "it", lambda folder: model, "classifier")
    assert [path.name for path in tmp_path.iterdir()] == ["it.keras"]
    (tmp_path / "it" / "state").mkdir(parents=True)  # killed after it was saved
    cached_model(tmp_path, "it", lambda folder: model, "classifier")
    assert [path.name for path in tmp_path.iterdir()] == ["it.keras"]


def test_a_changed_bit_is_noticed(tmp_path):
    model = keras.Sequential([keras.Input((9,)), keras.layers.Dense(9)])
    cached_model(tmp_path, "it", lambda folder: model, "classifier")
    content = (tmp_path / "it.keras").read_bytes()
    weights = content.index(model.get_weights()[0].tobytes())
    (tmp_path / "it.keras").write_bytes(flip_bit(content, 8 * weights))
    with zip_as_in_python_3_12(), pytest.warns(UserWarning, match="is damaged. Training again"):
        assert cached_model(tmp_path, "it", lambda folder: model, "classifier") is model


OTHER = f"""
import runpy, sys, time
locked = runpy.run_path({locks.__file__!r})["locked"]
with locked(sys.argv[1] + "/.it.lock"):
    print("held", flush=True)
    sys.stdin.readline()
    open(sys.argv[1] + "/it.keras", "wb").write(open(sys.argv[2], "rb").read())
"""


@pytest.mark.parametrize("end", ["it is trained", "it is killed"])
def test_the_second_process_waits(end, tmp_path, capsys, monkeypatch):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "trained.keras")
    cache = tmp_path / "cache"
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(cache), str(tmp_path / "trained.keras")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    trained = []

    def train(folder):
        trained.append(folder)
        return model

    def sleep(seconds):
        if end == "it is killed":
            process.kill()
        process.communicate("\n" if process.poll() is None else None)

    monkeypatch.setattr(locks.time, "sleep", sleep)
    found = cached_model(cache, "it", train, "classifier")
    assert capsys.readouterr().out == (
        f"Another process ({process.pid}) is training the classifier; waiting for it.\n"
    )
    assert trained == ([] if end == "it is trained" else [cache / "it"])
    np.testing.assert_array_equal(found.get_weights()[0], model.get_weights()[0])
    assert [path.name for path in cache.iterdir()] == ["it.keras"]
