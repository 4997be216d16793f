import keras
import numpy as np
import pytest

from keras_latent import metrics
from keras_latent.src.metrics.classifiers import augmentation
from keras_latent.src.metrics.classifiers.augmentation import augmented_sounds

pytestmark = pytest.mark.once

RATE, SAMPLES = 4000, 2048
PITCH = np.array([300.0, 700.0, 1300.0])


def tones(rows, seed=0):
    """Short tones of three pitches (the classes), with an onset of up to 20 ms."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, rows)
    time = np.arange(SAMPLES) / RATE - rng.uniform(0, 0.02, (rows, 1))
    pitch = PITCH[labels][:, None] * rng.uniform(0.9, 1.1, (rows, 1))
    sound = np.sin(2 * np.pi * pitch * time) * ((time > 0) & (time < 0.2))
    return (sound[..., None] * 0.99).astype("float32"), labels


def train(folder, rows=96, **changes):
    settings = {"epochs": 1, "batch_size": 32, "cache_dir": folder} | changes
    waveforms, labels = tones(rows)
    return metrics.reference_audio_classifier(waveforms, labels, RATE, **settings)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "new"
    return train(folder), folder


def same_weights(a, b, **tolerance):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, **tolerance)


def test_it_learns_pitches_whatever_onset_and_gain_are(tmp_path):
    model = train(tmp_path, rows=192, epochs=12)
    waveforms, labels = tones(60, seed=1)
    _, accuracy = model.evaluate(waveforms, labels, verbose=0)
    assert accuracy > 0.95
    later = np.pad(waveforms, ((0, 0), (600, 0), (0, 0)))[:, :SAMPLES]  # 0.15 s
    for changed in (later, waveforms * np.float32(0.3)):
        _, accuracy = model.evaluate(changed, labels, verbose=0)
        assert accuracy > 0.9


def test_rows_do_not_change_each_other(cached):
    waveforms, _ = tones(8)
    waveforms[1:4] *= np.float32(1e-3)
    together = cached[0].predict(waveforms, verbose=0)
    alone = np.concatenate([cached[0].predict(row[None], verbose=0) for row in waveforms])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_the_front_end_against_numpy():
    model = metrics.build_audio_classifier(SAMPLES, RATE, 3, seed=0)
    spectrogram = keras.Model(model.input, model.get_layer(index=2).output)
    waveforms, labels = tones(6)
    found = spectrogram.predict(waveforms, verbose=0)
    assert found.shape == (6, 40, 1 + SAMPLES // 64)  # 128 samples, 32 ms, a window
    # The center of the loudest band is close to the loudest frequency.
    mel = 2595 * np.log10(1 + np.array([20.0, RATE / 2]) / 700)
    centres = 700 * (10 ** (np.linspace(*mel, 42)[1:-1] / 2595) - 1)
    spectrum = np.abs(np.fft.rfft(waveforms[..., 0]))
    pitch = np.fft.rfftfreq(SAMPLES, 1 / RATE)[spectrum.argmax(axis=1)]
    loudest = centres[found.mean(axis=2).argmax(axis=1)]
    np.testing.assert_allclose(loudest, pitch, atol=RATE / 128)


def test_it_is_cached(cached, monkeypatch):
    model, folder = cached
    assert len(files(folder)) == 1

    def fail(*args, **kwargs):
        raise AssertionError("it was trained again")

    monkeypatch.setattr(keras.Model, "fit", fail)
    same_weights(model, train(folder), rtol=0)
    waveforms, labels = tones(96)
    other = labels.copy()
    other[0] = (other[0] + 1) % 3
    for arguments, options in (
        ((waveforms, labels, RATE), {"seed": 1}),
        ((waveforms, labels, RATE), {"epochs": 2}),
        ((waveforms, labels, RATE), {"max_shift": 0.1}),
        ((waveforms, labels, RATE), {"batch_size": 16}),
        ((waveforms, labels, RATE * 2), {}),
        ((waveforms[::-1], labels, RATE), {}),
        ((waveforms, other, RATE), {}),
    ):
        with pytest.raises(AssertionError, match="trained again"):
            options = {"epochs": 1, "batch_size": 32, "cache_dir": folder} | options
            metrics.reference_audio_classifier(*arguments, **options)
    assert len(files(folder)) == 1


def test_a_damaged_file_is_replaced(cached, tmp_path):
    (path,) = cached[1].iterdir()
    content = path.read_bytes()
    path = tmp_path / path.name
    path.write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match="is damaged. Training again"):
        model = train(tmp_path)
    assert files(tmp_path) == [path.name]
    same_weights(model, keras.saving.load_model(path), rtol=0)
    same_weights(model, cached[0], atol=1e-3)  # the same seed


def test_global_random_state_is_not_changed(cached, tmp_path):
    results = []
    for folder in (tmp_path, cached[1]):  # trained, then loaded
        keras.utils.set_random_seed(3)
        train(folder)
        normal = keras.ops.convert_to_numpy(keras.random.normal((2,)))
        results.append([float(np.random.random()), *normal.tolist()])
    assert results[0] == results[1]


def test_augmentation():
    rng = np.random.default_rng(0)
    pulses = np.zeros((400, 100, 1), "float32")
    pulses[:, 30] = 0.9
    moved = augmented_sounds(pulses, 20, rng)
    assert moved.shape == pulses.shape and moved.dtype == np.float32
    place = np.abs(moved[..., 0]).argmax(axis=1)
    assert set(place) == set(range(25, 51))  # from 5 earlier to 20 later
    gain = moved[np.arange(400), place, 0] / 0.9
    assert 0.1 < gain.min() < 0.35 and 0.9 < gain.max() < 1.2
    rest = moved[..., 0].copy()
    rest[np.arange(400), place] = 0
    assert 0.03 < rest.std(axis=1).max() < 0.05 and rest.std(axis=1).min() < 0.002


def test_sounds_are_not_rolled_around(monkeypatch):
    monkeypatch.setattr(augmentation, "LOUDEST_NOISE", 0.0)
    constant = np.ones((50, 100, 1), "float32")
    for row in augmented_sounds(constant, 1000, np.random.default_rng(0))[..., 0]:
        (inside,) = np.nonzero(row)
        np.testing.assert_array_equal(row[inside], row[inside[0]])
        np.testing.assert_array_equal(np.diff(inside), 1)
        assert inside[0] == 0 or inside[-1] == 99


def test_errors(tmp_path):
    waveforms, labels = tones(10)
    shapes = r"`waveforms` must have shape \(rows, samples, 1\).*Received shapes: "
    for arguments, options, message in (
        ((waveforms[..., 0], labels, RATE), {}, shapes + r"\(10, 2048\) and \(10,\)"),
        ((waveforms, labels[:5], RATE), {}, shapes + r".*\(5,\)"),
        ((waveforms, labels.astype(float), RATE), {}, shapes + ".*float64"),
        ((waveforms, labels - 1, RATE), {}, "`labels` must be 0 or more"),
        ((waveforms[:0], labels[:0], RATE), {}, "must have one row or more"),
        ((waveforms.repeat(2, 2), labels, RATE), {}, r"one channel.*\(10, 2048, 2\)"),
        ((waveforms * 2, labels, RATE), {}, r"must lie in \[-1, 1\]: divide 16-bit"),
        ((waveforms * np.nan, labels, RATE), {}, "`waveforms` must be finite"),
        ((waveforms.astype("int16"), labels, RATE), {}, "`waveforms` must hold floats"),
        ((waveforms[:, :400], labels, RATE), {}, "must have 512 samples or more at 4000 Hz"),
        ((waveforms, labels, 0), {}, "`sample_rate` must be a positive integer"),
        ((waveforms, labels, RATE), {"max_shift": -1}, "`max_shift` must be a non-negative"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.reference_audio_classifier(*arguments, **options, cache_dir=tmp_path)
    assert files(tmp_path) == []
