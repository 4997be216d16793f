import os
import wave

import keras
import numpy as np
import pytest

from keras_latent import datasets, visualization
from keras_latent.src.visualization.spectrogram_grid import spectrogram

pytest.importorskip("matplotlib")
pytest.importorskip("scipy")

RATE = 8000


def tone(hertz, samples=8192, rate=RATE, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_a_tone_peaks_at_its_frequency(rate):
    levels, hertz, seconds = spectrogram(np.stack([tone(1000, 16_384, rate)] * 2), rate)
    assert levels.shape[0] == 2 and levels.max() == 0 and levels.min() == -80
    middle = levels[0, :, 5:-5]  # without the edges, beyond which there is no tone
    assert (np.abs(middle.argmax(axis=0) * hertz - 1000) <= hertz / 2).all()
    assert (middle.max(axis=0) > -1).all() and (middle[middle.shape[0] // 2] < -50).all()
    assert (levels.shape[2] - 1) * seconds >= 16_384 / rate


def test_levels_are_decibels_in_time():
    # The second half is ten times quieter, that is, 20 dB lower.
    waveform = tone(1000)
    waveform[4096:] *= 0.1
    levels, hertz, seconds = spectrogram(waveform[None], RATE)
    bin_ = round(1000 / hertz)
    first, second = (levels[0, bin_, round(t / seconds)] for t in (0.25, 0.75))
    assert first - second == pytest.approx(20, abs=0.1)


def test_silence_and_very_short_sounds():
    levels, _, _ = spectrogram(np.zeros((2, 1000)), RATE)
    assert (levels == -80).all()
    for samples in (1, 2, 3, 200):
        levels, _, _ = spectrogram(np.ones((1, samples)), RATE)
        assert np.isfinite(levels).all() and levels.max() == 0


def test_grid_of_images_and_sounds(tmp_path):
    (images, _), _ = datasets.load_arrays("digits")
    tones = np.stack([tone(500 * (k + 1)) for k in range(3)])
    rows = [
        ("image", images[:3]),
        ("sound", tones),
        ("sound", keras.ops.convert_to_tensor(tones[..., None].astype("float32"))),
        ("colour", np.repeat(images[:3], 3, axis=-1)),
    ]
    path = tmp_path / "new" / "grid.png"
    figure = visualization.spectrogram_grid(rows, RATE, path=path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and os.listdir(path.parent) == ["grid.png"]
    grid = np.array(figure.axes).reshape(4, 3)
    assert [line[0].get_ylabel() for line in grid] == ["image", "sound", "sound", "colour"]

    # The row of pixels at 1 kHz is the brightest.
    drawn = grid[1, 1].images[0]
    bottom, top = drawn.get_extent()[2:]
    pixels = drawn.get_array()
    place = bottom + (pixels.mean(axis=1).argmax() + 0.5) * (top - bottom) / len(pixels)
    assert place == pytest.approx(1.0, abs=0.02) and drawn.origin == "lower"
    assert grid[1, 1].get_ylim() == (0, 4) and grid[1, 1].get_xlim() == (0, 1.024)

    # Frequencies are on the left, and time is below the last row of sounds.
    def ticks(axis):
        return [label.get_text() for label in axis.get_ticklabels()]

    assert ticks(grid[1, 0].yaxis) == ticks(grid[2, 0].yaxis) == ["0", "2", "4 kHz"]
    assert all(ticks(axes.xaxis) == ["0", "0.4", "0.8 s"] for axes in grid[2])
    for axes in (*grid[0], *grid[3]):
        assert ticks(axes.xaxis) == ticks(axes.yaxis) == []
    assert all(ticks(axes.xaxis) == [] for axes in grid[1])
    assert all(ticks(axes.yaxis) == [] for axes in grid[1:3, 1:].flat)


def test_nothing_overlaps():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    tones = np.stack([tone(500)] * 4)
    figure = visualization.spectrogram_grid({"a rather long title": tones, "b": tones}, RATE)
    FigureCanvasAgg(figure).draw()
    boxes = []
    for axes in figure.axes:
        labels = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.yaxis.label]
        boxes += [text.get_window_extent() for text in labels if text.get_text()]
    for i, box in enumerate(boxes):
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
        assert not any(box.overlaps(other) for other in boxes[:i])


WAVES = np.zeros((2, 512))


@pytest.mark.parametrize(
    "rows,rate,message",
    [
        ({"a": np.zeros((8000, 1))}, RATE, "at most 100 rows and columns, to be drawn"),
        ({"a": np.zeros((1, 8), int)}, RATE, "must be waveforms as floats.*int64"),
        ({}, RATE, "`rows` must be a dict of titles and data.*one row or more"),
        ({"a": np.zeros(8)}, RATE, r"`rows\['a'\]` must be waveforms.*or images.*\(8,\)"),
        ({"a": np.zeros((2, 8, 8))}, RATE, r"or images \(N, H, W, C\).*\(2, 8, 8\)"),
        ({"a": np.zeros((2, 8, 8, 2))}, RATE, r"`rows\['a'\]` must be images.*one or three"),
        ({"a": np.zeros((0, 512))}, RATE, r"`rows\['a'\]` must be waveforms"),
        ({"a": WAVES * np.nan}, RATE, r"`rows\['a'\]` must be finite.*2 of 2 waveforms"),
        ([("a", WAVES), ("a", WAVES[:1])], RATE, r"same number.*\('a', 2\), \('a', 1\)"),
        ({"a": WAVES}, 0, "`sample_rate` must be a positive integer.*sample_rate=0"),
        ({"a": WAVES}, 8000.0, "`sample_rate` must be a positive integer"),
    ],
)
def test_bad_arguments(rows, rate, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        visualization.spectrogram_grid(rows, rate)


def test_wavs_are_read_by_the_standard_library(tmp_path):
    waves = np.stack([tone(440), tone(880, amplitude=1.0)])
    paths = visualization.write_wavs(tmp_path / "new", waves[..., None], RATE, names=["a", "b.wav"])
    assert paths == [tmp_path / "new" / "a.wav", tmp_path / "new" / "b.wav"]
    assert sorted(os.listdir(tmp_path / "new")) == ["a.wav", "b.wav"]
    for path, waveform in zip(paths, waves, strict=True):
        with wave.open(str(path)) as reader:
            assert reader.getparams()[:4] == (1, 2, RATE, 8192)
            samples = np.frombuffer(reader.readframes(8192), dtype="<i2")
        np.testing.assert_allclose(samples / 32768, waveform, atol=0.5001 / 32768 * 2)


def test_names_of_wavs(tmp_path):
    tensor = keras.ops.zeros((11, 20))
    names = [path.name for path in visualization.write_wavs(tmp_path, tensor, RATE)]
    assert names == [f"{k:02}.wav" for k in range(11)] == sorted(names)
    path = tmp_path / "one.wav"
    assert visualization.write_wavs(path, np.array([[1.0, -1.0]]), RATE) == [path]
    assert list(datasets.read_wav(path, RATE)) == [32767, -32768]


def test_an_interrupted_wav_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    visualization.write_wavs(path, np.zeros((1, 9)), RATE)
    before = path.read_bytes()

    def interrupted(self, frames):
        raise KeyboardInterrupt

    monkeypatch.setattr(wave.Wave_write, "writeframes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        visualization.write_wavs(path, np.ones((1, 9)), RATE)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"waveforms": np.zeros(8)}, r"`waveforms` must be waveforms \(N, samples, 1\).*\(8,\)"),
        ({"waveforms": np.zeros((2, 8), int)}, "`waveforms` must be floats.*int64"),
        ({"waveforms": WAVES * np.nan}, "finite.*NaN or infinity in row 0, the first of 2"),
        ({"waveforms": WAVES + 1.01}, r"from -1 to 1\. Received: values from 1\.01 to 1\.01.*clip"),
        ({"waveforms": np.array(["a"])}, "`waveforms` must contain numbers"),
        ({"sample_rate": 0.5}, "`sample_rate` must be an integer from 1 to 2147483647"),
        ({"names": ["a"]}, r"`names` must be 2 different file names.*\['a'\]"),
        ({"names": ["a", "a.wav"]}, "`names` must be 2 different file names"),
        ({"names": ["a", "../b"]}, "without folders"),
        ({"names": ["a", ""]}, "`names` must be 2 different"),
        ({"names": "ab"}, "`names` must be 2 different file names.*'ab'"),
        ({"path": "a.wav"}, r"`path` must be a folder.*2 waveforms"),
        ({"path": "a.wav", "waveforms": WAVES[:1], "names": ["b"]}, r"names=\['b'\]"),
    ],
)
def test_bad_wavs(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        visualization.write_wavs(
            **{"path": "new", "waveforms": WAVES, "sample_rate": RATE} | arguments
        )
    assert os.listdir(tmp_path) == []
