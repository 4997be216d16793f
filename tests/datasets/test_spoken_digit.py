import os
from pathlib import Path

import numpy as np
import pytest

from keras_latent import datasets
from keras_latent.src.datasets.sources import sounds

REAL = Path(os.environ.get("TFDS_DATA_DIR", "-"))


def recording(digit, take, samples=100):
    """A ramp that encodes the digit and the take; its peak is 100 (digit + 1) + take."""
    peak = 100 * (digit + 1) + take
    return np.linspace(0, peak, samples).round().astype(np.int64)


# Two speakers, four digits. Take 4 is the last one for testing, and 5 the first for training.
RECORDINGS = [
    (f"{digit}_{speaker}_{take}.wav", recording(digit, take), digit)
    for take in (10, 4, 5, 0)
    for speaker in ("theo", "george")
    for digit in (3, 0, 2, 1)
]


def prepare(folder, recordings, shards=1):
    """The recordings, prepared for TFDS."""
    tfds = pytest.importorskip("tensorflow_datasets")
    features = tfds.features.FeaturesDict(
        {
            "audio": tfds.features.Audio(file_format="wav", sample_rate=8000),
            "audio/filename": tfds.features.Text(),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )
    examples = [
        (row, {"audio": samples, "audio/filename": name, "label": label})
        for row, (name, samples, label) in enumerate(recordings)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="spoken_digit",
        version="1.0.9",
        features=features,
        split_datasets={"train": examples},
        data_dir=folder,
        download_config=tfds.download.DownloadConfig(num_shards=shards),
        disable_shuffling=True,
    )
    return folder


def test_takes_0_to_4_are_for_testing(tmp_path):
    (train, labels), (test, test_labels) = datasets.load_arrays(
        "spoken_digit", prepare(tmp_path, RECORDINGS)
    )
    assert train.shape == test.shape == (16, 8192, 1)
    assert train.dtype == test.dtype == np.float32 and labels.dtype == np.int64
    # Ordered by file name: "0_george_10.wav", "0_george_5.wav", "0_theo_10.wav", ...
    assert list(labels) == list(test_labels) == [d for d in range(4) for _ in range(4)]
    for waveforms, takes in ((train, (10, 5)), (test, (0, 4))):
        for row, waveform in enumerate(waveforms[..., 0]):
            wanted = recording(row // 4, takes[row % 2])
            np.testing.assert_allclose(waveform[:100], wanted / wanted.max(), rtol=1e-6)
            assert waveform[99] == 1 and (waveform[100:] == 0).all()
    assert datasets.SAMPLE_RATES["spoken_digit"] == 8000


def test_order_does_not_depend_on_the_files_of_tfds(tmp_path):
    first = datasets.load_arrays("spoken_digit", prepare(tmp_path / "a", RECORDINGS))
    other = datasets.load_arrays("spoken_digit", prepare(tmp_path / "b", RECORDINGS[::-1], 3))
    assert len(list((tmp_path / "b" / "spoken_digit" / "1.0.9").glob("*.tfrecord*"))) == 3
    for part, same in zip(first, other, strict=True):
        assert (part[0] == same[0]).all() and (part[1] == same[1]).all()


def test_long_recordings_are_cropped_and_silent_ones_stay_silent():
    long = np.zeros(9000, dtype=np.int16)
    long[[0, 8191, 8192]] = 200, -400, 30_000  # The loudest sample is cut off.
    recordings = [("0_theo_0.wav", long, 0), ("1_theo_0.wav", np.zeros(50, np.int16), 1)]
    waveforms, labels = sounds.to_waveforms(recordings, 8192)
    assert waveforms.shape == (2, 8192, 1) and list(labels) == [0, 1]
    assert waveforms[0, 0, 0] == 0.5 and waveforms[0, -1, 0] == -1 and not waveforms[1].any()


@pytest.mark.parametrize(
    "extra,message",
    [
        (("7_jackson.wav", recording(7, 0), 7), r"digit_speaker_take\.wav.*'7_jackson\.wav' with"),
        (("7_jackson_0.wav", recording(7, 0), 5), r"the digit is the label.*_0\.wav' .* 5"),
        (RECORDINGS[0], r"'3_theo_10\.wav' with label 3, twice"),
        (
            ("7_jackson_0.wav", np.zeros(0, np.int16), 7),
            r"_0\.wav must have at least one sample",
        ),
        (("7_jackson_0.wav", np.array([0, 40_000]), 7), r"7_jackson_0\.wav: .*16-bit.*40000"),
    ],
)
def test_invalid_recordings(extra, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        parts = sounds.split_by_take([*RECORDINGS, extra])
        [sounds.to_waveforms(part, 8192) for part in parts]


@pytest.mark.parametrize("takes", [(0, 4), (5, 49)])
def test_both_parts_must_be_there(takes):
    recordings = [(f"1_theo_{take}.wav", recording(1, take), 1) for take in takes]
    with pytest.raises(ValueError, match=r"takes 0 to 4 for testing.*Received: [02] and [02]"):
        sounds.split_by_take(recordings)


def test_samples_above_16_bits(tmp_path):
    bad = ("9_theo_0.wav", np.array([0, 40_000]), 9)
    with pytest.raises(ValueError, match=r"9_theo_0\.wav: .*16-bit.*to 40000"):
        datasets.load_arrays("spoken_digit", prepare(tmp_path, [*RECORDINGS, bad]))


def test_nothing_prepared_and_no_network(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def offline(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds, "load", offline)
    message = r"(?s)'spoken_digit'.*ConnectionError: no network.*spoken_digit\.npz from .*export"
    with pytest.raises(RuntimeError, match=message):
        datasets.load_arrays("spoken_digit", tmp_path)


@pytest.fixture
def npz(tmp_path):
    """A small file of tones in the format of `export_npz`."""
    times = np.arange(8192) / 8000
    waveforms = np.sin(2 * np.pi * 100 * np.arange(1, 9)[:, None] * times).astype("float32")
    arrays = {
        "x_train": waveforms[:6],
        "y_train": np.arange(6),
        "x_test": waveforms[6:],
        "y_test": np.arange(2),
    }
    np.savez(tmp_path / "spoken_digit.npz", **arrays)
    return tmp_path, arrays


def test_npz_is_read_and_written(npz, tmp_path, monkeypatch):
    folder, arrays = npz
    first = datasets.load_arrays("spoken_digit", folder)
    assert first[0][0].shape == (6, 8192, 1) and first[0][0].dtype == np.float32
    assert (first[1][0][..., 0] == arrays["x_test"]).all() and first[1][1].dtype == np.int64
    path = datasets.export_npz("spoken_digit", tmp_path / "new" / "spoken_digit.npz", folder)
    monkeypatch.setenv("TFDS_DATA_DIR", str(path.parent))
    again = datasets.load_arrays("spoken_digit")
    for part, same in zip(first, again, strict=True):
        assert (part[0] == same[0]).all() and (part[1] == same[1]).all()


@pytest.mark.parametrize(
    "change,message",
    [
        ({"x_train": np.zeros((6, 28, 28), "uint8")}, r"float waveforms x_train .*\(N, 8192\)"),
        ({"x_train": np.zeros((6, 8000), "float32")}, r"\(N, 8192\).*float32 \(6, 8000\)"),
        ({"x_test": np.zeros((2, 8192), "int16")}, r"float waveforms x_test.*int16 \(2, 8192\)"),
        ({"x_test": np.zeros(8192, "float32")}, r"float waveforms x_test.*float32 \(8192,\)"),
        ({"x_test": np.full((2, 8192), 1.5)}, r"`x_test` must be finite and from -1 to 1"),
        ({"x_test": np.full((2, 8192), np.nan)}, r"Received: NaN or infinity in row 0"),
        ({"y_test": np.zeros(3, int)}, r"integer labels y_test .*y_test int64 \(3,\)"),
        ({"y_test": np.zeros(2)}, r"integer labels y_test .*y_test float64 \(2,\)"),
    ],
)
def test_npz_of_another_format(npz, change, message):
    folder, arrays = npz
    np.savez(folder / "spoken_digit.npz", **arrays | change)
    with pytest.raises(ValueError, match=rf"(?s)spoken_digit\.npz.*{message}"):
        datasets.load_arrays("spoken_digit", folder)


@pytest.mark.skipif(
    not (REAL / "spoken_digit").is_dir(), reason="TFDS_DATA_DIR does not offer spoken_digit"
)
def test_real_recordings(tmp_path):
    (train, labels), (test, test_labels) = datasets.load_arrays("spoken_digit")
    speakers = len(test) // 50
    assert len(train) == 450 * speakers and train.shape[1:] == (8192, 1)
    assert list(np.bincount(labels)) == [45 * speakers] * 10
    assert list(np.bincount(test_labels)) == [5 * speakers] * 10
    assert np.abs(train).max(axis=(1, 2)).min() == np.abs(test).max() == 1
    # No recording occurs twice, in one part or both.
    rows = {row.tobytes() for row in (*train, *test)}
    assert len(rows) == len(train) + len(test)
    # Words begin at the start; silence is at the end.
    assert np.abs(train[:, :4096]).mean() > 5 * np.abs(train[:, 4096:]).mean()
