"""Pictures drawn during training do not change its results."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import small_networks as small

from keras_latent import callbacks, models

pytest.importorskip("matplotlib")

COLOURED = (8, 8, 3)
# TensorFlow's order of additions is not deterministic, so equal trainings differ slightly.
TOLERANCE = 1e-4 if keras.backend.backend() == "tensorflow" else 0.0


def images(rows=60):
    source, target = small.digits(rows)
    return source, np.repeat(target, 3, axis=-1)


def model(**optimizer):
    """A model with everything a disturbance would show in, such as dropout and noise."""
    keras.utils.set_random_seed(5)
    vbta = models.VBTA(
        small.conv_encoder(small.DIGIT),
        small.conv_encoder(COLOURED),
        small.conv_decoder(small.DIGIT),
        small.conv_decoder(COLOURED),
        likelihood="bernoulli",
        seed=1,
    )
    vbta.compile(keras.optimizers.SGD(1e-3, **optimizer), jit_compile=small.quick_compile())
    return vbta


def fit(*others, epochs=3, vbta=None, **kwargs):
    """Train on arrays, which Keras shuffles with the global random stream of the backend."""
    vbta = model() if vbta is None else vbta
    source, target = images()
    x = {"source": source, "target": target, "paired": np.ones(len(source), bool)}
    return vbta, vbta.fit(
        x, batch_size=20, epochs=epochs, callbacks=list(others), verbose=0, **kwargs
    )


class Recorded(callbacks.TranslationGrid):
    """Records the rows of its pictures."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def rows(self):
        self.seen.append(super().rows())
        return self.seen[-1]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "new"
    grid = Recorded(*(x[:4] for x in images()), folder, every=2)
    return *fit(grid), grid, folder


def test_training_is_not_disturbed(drawn):
    vbta, history = fit()
    assert set(drawn[1].history) == set(history.history)
    for name, values in history.history.items():
        np.testing.assert_allclose(drawn[1].history[name], values, TOLERANCE)
    small.assert_same_weights(drawn[0], vbta, TOLERANCE)
    small.assert_same_weights(drawn[0].optimizer, vbta.optimizer, TOLERANCE)


def test_every_second_epoch_and_the_last_are_drawn(drawn):
    assert sorted(os.listdir(drawn[3])) == ["epoch_0002.png", "epoch_0003.png"]
    for path in drawn[3].iterdir():
        assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") and path.stat().st_size > 5000


def test_rows_show_the_weights_of_that_epoch(drawn):
    vbta, _ = fit(epochs=2)
    source, target = (x[:4] for x in images())
    wanted = [
        ("source", source),
        ("as target", vbta.translate(source, to="target")),
        ("and back", vbta.cycle(source, "source")),
        ("target", target),
        ("as source", vbta.translate(target, to="source")),
        ("and back", vbta.cycle(target, "target")),
    ]
    second, third = drawn[2].seen
    assert [title for title, _ in second] == [title for title, _ in wanted]
    for (_, got), (_, x) in zip(second, wanted, strict=True):
        np.testing.assert_allclose(got, x, TOLERANCE, TOLERANCE)
    assert np.abs(second[1][1] - third[1][1]).max() > 1e-3


def test_the_last_picture_shows_the_final_weights(tmp_path):
    grid = Recorded(*(x[:4] for x in images()), tmp_path)
    averaged, _ = fit(grid, epochs=1, vbta=model(use_ema=True, ema_momentum=0.9))
    before, after = (rows[1][1] for rows in grid.seen)
    translated = averaged.translate(images(4)[0], to="target")
    np.testing.assert_allclose(after, translated, TOLERANCE, TOLERANCE)
    assert np.abs(after - before).max() > 1e-3
    assert os.listdir(tmp_path) == ["epoch_0001.png"]


def test_without_epochs_nothing_is_drawn(tmp_path):
    fit(callbacks.TranslationGrid(*images(4), tmp_path), epochs=2, initial_epoch=2)
    assert os.listdir(tmp_path) == []


class Swap:
    """A model of two domains without a cycle; its only weight is a number."""

    shift = 0.0

    def translate(self, x, to):
        return x[:, ::-1] + self.shift if to == "target" else x[:, :, ::-1]


def test_a_model_without_a_cycle(tmp_path):
    x = small.digits(3)[0]
    grid = callbacks.TranslationGrid(np.uint8(255 * x), 1 - x, tmp_path)
    grid.set_model(Swap())
    rows = grid.rows()
    assert [title for title, _ in rows] == ["source", "as target", "target", "as source"]
    pixels = np.uint8(255 * x) / np.float32(255)
    assert rows[0][1].dtype == np.float32
    np.testing.assert_array_equal(rows[1][1], pixels[:, ::-1])
    np.testing.assert_array_equal(rows[3][1], (1 - x)[:, :, ::-1])


def test_pictures_of_an_earlier_run_are_replaced(tmp_path):
    grid = callbacks.TranslationGrid(*small.digits(3), tmp_path)
    swap = Swap()
    grid.set_model(swap)
    pictures = []
    for swap.shift in (0.0, 0.5):
        grid.on_train_begin()
        grid.on_epoch_end(0)
        grid.on_train_end()
        pictures.append((tmp_path / "epoch_0001.png").read_bytes())
    assert pictures[0] != pictures[1] and os.listdir(tmp_path) == ["epoch_0001.png"]


def test_tensorboard_reads_the_pictures(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing import plugin_event_accumulator

    events = tmp_path / "logs" / "pictures"
    grid = callbacks.TranslationGrid(*small.digits(3), tmp_path, tensorboard=events)
    grid.set_model(Swap())
    grid.on_train_begin()
    for epoch in (4, 5):
        grid.on_epoch_end(epoch)
    grid.on_train_end()  # the weights have not changed since the last picture
    assert len(os.listdir(events)) == 1
    read = plugin_event_accumulator.EventAccumulator(str(events)).Reload()
    assert read.file_version == 2.0
    assert read.SummaryMetadata("translation_grid").plugin_data.plugin_name == "images"
    found = read.Tensors("translation_grid")
    assert [event.step for event in found] == [5, 6]
    for event in found:
        width, height, png = event.tensor_proto.string_val
        path = tmp_path / f"epoch_{event.step:04d}.png"
        assert png == path.read_bytes()
        assert int(width) > int(height) > 100


def test_tensorboard_needs_no_tensorflow(tmp_path):
    """In a separate process, with a backend that does not import TensorFlow."""
    pytest.importorskip("tensorboard")
    script = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "import numpy as np\n"
        "from keras_latent import callbacks\n"
        "class Same:\n"
        "    def translate(self, x, to): return x\n"
        "folder, x = sys.argv[1], np.zeros((2, 8, 8, 1), 'float32')\n"
        "grid = callbacks.TranslationGrid(x, x, folder, tensorboard=folder)\n"
        "grid.set_model(Same())\n"
        "grid.on_train_begin()\n"
        "grid.on_epoch_end(0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize(
    ("missing", "kwargs"),
    [
        ("matplotlib.figure", {}),
        ("tensorboard.summary.writer.record_writer", {"tensorboard": "logs"}),
    ],
)
def test_a_missing_extra_raises_at_once(missing, kwargs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install keras-latent\[viz\]"):
        callbacks.TranslationGrid(*small.digits(3), tmp_path, **kwargs)


X = np.zeros((3, 8, 8, 1), "float32")


@pytest.mark.parametrize(
    ("source", "target", "every", "message"),
    [
        (X, X, 0, "`every` must be a positive integer.*every=0"),
        (X, X, 1.5, "`every` must be a positive integer.*every=1.5"),
        (X, X, True, "`every` must be a positive integer.*every=True"),
        (X, X[:2], 1, "same number of images.*'source': 3, 'target': 2"),
        (*[np.zeros((65, 8, 8, 1), "float32")] * 2, 1, r"at most 64, .*`images\[:8\]`.*65"),
        (X[:0], X, 1, r"`source` must be images \(N, H, W, C\).*\(0, 8, 8, 1\)"),
        (X, np.zeros((3, 8, 8, 2)), 1, r"`target` must be images.*\(3, 8, 8, 2\)"),
        (X.reshape(3, 64), X, 1, r"`source` must be images.*\(3, 64\)"),
        (X, X * np.nan, 1, "`target` must be finite"),
        (X.astype("int32"), X, 1, "`source` must be uint8, or floats.*int32"),
        (X + 255, X, 1, r"`source` looks like pixels in 0..255.*divide by 255"),
    ],
)
def test_bad_arguments(source, target, every, message, tmp_path):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        callbacks.TranslationGrid(source, target, tmp_path, every)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (X, X, r"`target` must have shape \('batch', 8, 8, 3\).*\(3, 8, 8, 1\)"),
        (X[..., 0], np.repeat(X, 3, -1), r"`source` must have shape.*x\[..., None\]"),
        (X, np.repeat(X - 1, 3, -1), r"`target` must lie in \[0, 1\]"),
    ],
)
def test_images_that_the_model_does_not_take(source, target, message, tmp_path):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        fit(callbacks.TranslationGrid(source, target, tmp_path))


def test_a_model_of_one_domain(tmp_path):
    vae = small.vae()
    vae.compile()
    with pytest.raises(ValueError, match=r"model of two domains.*translate.*Received: <VAE"):
        vae.fit(small.digits(20)[0], callbacks=[callbacks.TranslationGrid(X, X, tmp_path)])
