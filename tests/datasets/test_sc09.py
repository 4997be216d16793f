import gzip
import io
import os
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest

from keras_latent import datasets

tfds = pytest.importorskip("tensorflow_datasets")

from tensorflow_datasets.core.download import checksums, downloader  # noqa: E402

from keras_latent.src.datasets.sources import sc09  # noqa: E402


def wav(samples, rate=16_000, channels=1):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return file.getvalue()


def ramp(peak, samples=50):
    return np.linspace(0, peak, samples).round().astype(np.int16)


# As in the archive: a leading "./", other words and noise in between, and nothing sorted.
WAVS = {
    "nine/b_nohash_0.wav": ramp(900),
    "zero/b_nohash_0.wav": ramp(100),
    "zero/a_nohash_0.wav": ramp(-200),
    "two/a_nohash_1.wav": ramp(300, samples=20_000),
    "three/c_nohash_0.wav": ramp(400),
    "one/d_nohash_0.wav": ramp(500),
    "seven/d_nohash_0.wav": ramp(600),
    "bed/a_nohash_0.wav": ramp(700),
    "_background_noise_/pink_noise.wav": ramp(800, samples=90_000),
}
VALIDATION = ["bed/a_nohash_0.wav", "three/c_nohash_0.wav"]
TESTING = ["seven/d_nohash_0.wav", "one/d_nohash_0.wav"]


def files_of_archive(wavs=None, validation=VALIDATION, testing=TESTING):
    """Names and contents. `wavs` replaces or adds files, or removes those that are `None`."""
    contents = {name: wav(samples) for name, samples in WAVS.items()} | (wavs or {})
    return {
        "validation_list.txt": "\n".join(validation).encode() + b"\n",
        "README.md": b"Speech Commands",
        "_background_noise_/README.md": b"noise",
        **{name: content for name, content in contents.items() if content is not None},
        "testing_list.txt": "\n".join(testing).encode() + b"\n",
    }


def write(folder, contents):
    path = folder / sc09.ARCHIVE.filename
    with tarfile.open(path, "w:gz") as archive:
        folders = dict.fromkeys(name.rpartition("/")[0] for name in contents)
        for name in folders:
            member = tarfile.TarInfo(f"./{name}")
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        for name, content in contents.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def register(monkeypatch, path):
    """Make the builder expect this file, whatever its content."""
    info = checksums.compute_url_info(path)
    monkeypatch.setattr(sc09.Sc09, "url_infos", {sc09.SITE + info.filename: info})


@pytest.fixture
def manual(tmp_path, monkeypatch):
    """The manual folder of a data directory, with a small archive that the builder expects."""
    folder = tmp_path / "data" / "downloads" / "manual"
    folder.mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    register(monkeypatch, write(folder, files_of_archive()))
    return folder


def read(manual):
    return datasets.load_arrays("sc09", manual.parents[1])


def prepared(folder):
    return sorted(p.name for p in (Path(folder) / "sc09").glob("*"))


def is_what_was_written(arrays):
    (train, labels), (test, test_labels) = arrays
    assert train.shape == (4, 16_384, 1) and test.shape == (2, 16_384, 1)
    assert train.dtype == test.dtype == np.float32 and labels.dtype == np.int64
    # By file name: nine/b, two/a, zero/a, zero/b; one/d, seven/d.
    assert list(labels) == [9, 2, 0, 0] and list(test_labels) == [1, 7]
    np.testing.assert_allclose(train[2, :50, 0], ramp(-200) / np.float32(200), rtol=1e-6)
    assert (train[2, 50:] == 0).all() and train[3, 49, 0] == test[0, 49, 0] == 1
    assert train[1, -1, 0] == 1 and train[1, 8192, 0] == pytest.approx(0.5, abs=2e-3)


def test_splits_and_labels(manual, monkeypatch):
    is_what_was_written(read(manual))
    data = manual.parents[1]
    assert prepared(data) == ["1.0.0"] and sorted(os.listdir(data)) == ["downloads", "sc09"]
    assert os.listdir(data / "downloads") == ["manual"]

    # Prepared data is read even without the archive.
    (manual / sc09.ARCHIVE.filename).unlink()
    monkeypatch.setattr(sc09.Sc09, "download_and_prepare", None)
    is_what_was_written(read(manual))
    assert datasets.SAMPLE_RATES["sc09"] == 16_000


def test_tfds_load(manual):
    data = manual.parents[1]
    splits, info = tfds.load("sc09", data_dir=data, with_info=True)
    names = {
        split: [example["audio/filename"].decode() for example in tfds.as_numpy(examples)]
        for split, examples in splits.items()
    }
    assert names["validation"] == ["three/c_nohash_0.wav"]
    # In the order of the archive, not of the list.
    assert names["test"] == ["one/d_nohash_0.wav", "seven/d_nohash_0.wav"]
    assert set().union(*names.values()) == {n for n in WAVS if n.split("/")[0] in sc09.DIGITS}
    assert info.features["label"].names == list(sc09.DIGITS)
    (example,) = tfds.as_numpy(splits["validation"])
    assert example["label"] == 3 and example["audio"].dtype == np.int16
    assert (example["audio"] == ramp(400)).all()


def test_npz_is_read_and_written(manual, tmp_path):
    path = datasets.export_npz("sc09", tmp_path / "npz" / "sc09.npz", manual.parents[1])
    is_what_was_written(datasets.load_arrays("sc09", path.parent))
    assert os.listdir(path.parent) == ["sc09.npz"]


CASES = {
    "listed, but missing": (
        {"testing": [*TESTING, "five/x_nohash_0.wav"]},
        r"testing_list\.txt in .*Received: five/x_nohash_0\.wav, which is not in the archive",
    ),
    "in both lists": (
        {"testing": [*TESTING, VALIDATION[1]]},
        r"testing_list\.txt.*Received: three/c_nohash_0\.wav, which is listed twice",
    ),
    "truncated": (
        {"wavs": {"zero/a_nohash_0.wav": wav(ramp(9))[:-7]}},
        r"zero/a_nohash_0\.wav in .* is cut short: its header promises 100 bytes.*Received: 93",
    ),
    "half a sample": (
        {"wavs": {"zero/a_nohash_0.wav": wav(ramp(9))[:40] + b"\x63\0\0\0" + bytes(99)}},
        r"zero/a_nohash_0\.wav in .*99 bytes, the last of which is half a sample",
    ),
    "unreadable": (
        {"wavs": {"one/d_nohash_0.wav": b"not a wav"}},
        r"one/d_nohash_0\.wav in .* cannot be read as a WAV file.*not a wav",
    ),
    "stereo": (
        {"wavs": {"zero/a_nohash_0.wav": wav(ramp(9), channels=2)}},
        r"zero/a_nohash_0\.wav in .*must have one channel\. Received: 2",
    ),
    "another rate": (
        {"wavs": {"three/c_nohash_0.wav": wav(ramp(9), rate=8000)}},
        r"three/c_nohash_0\.wav in .*16000 samples per second\. Received: 8000",
    ),
    "empty": (
        {"wavs": {"zero/a_nohash_0.wav": wav([])}},
        r"zero/a_nohash_0\.wav in .*must have at least one sample",
    ),
    "nothing for validation": (
        {"validation": VALIDATION[:1]},
        r"recordings of digits in every split\. Received: none for \['validation'\]",
    ),
    "no digits": (
        {"wavs": dict.fromkeys(WAVS), "validation": [], "testing": []},
        r"Received: none for \['test', 'train', 'validation'\]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_content_that_is_not_sc09(manual, monkeypatch, case):
    """The content is checked even if the checksum is right."""
    arguments, message = CASES[case]
    path = write(manual, files_of_archive(**arguments))
    register(monkeypatch, path)
    with pytest.raises(RuntimeError, match=f"(?s){message}"):
        read(manual)
    assert os.listdir(manual.parents[1]) == ["downloads"]
    assert os.listdir(manual) == [path.name]


def test_bad_recordings_of_other_words_do_not_matter(manual, monkeypatch):
    other = {"bed/a_nohash_0.wav": b"not a wav", "_background_noise_/pink_noise.wav": b""}
    register(monkeypatch, write(manual, files_of_archive(wavs=other)))
    is_what_was_written(read(manual))


@pytest.mark.parametrize("name", ["testing_list.txt", "validation_list.txt"])
def test_missing_list(manual, monkeypatch, name):
    contents = files_of_archive()
    del contents[name]
    register(monkeypatch, write(manual, contents))
    with pytest.raises(RuntimeError, match=rf"must have the file {name}\. Received: none"):
        read(manual)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-9],
        lambda content: gzip.compress(gzip.decompress(content)[:3000]),
        lambda content: b"<html>Not found</html>",
        lambda content: b"",
    ],
)
def test_damaged_archive(manual, monkeypatch, damage):
    path = manual / sc09.ARCHIVE.filename
    good = path.read_bytes()
    path.write_bytes(damage(good))
    message = rf"(?s)SC09 could not be prepared.*damaged, cut short.*{path}, has wrong checksum"
    with pytest.raises(RuntimeError, match=message):
        read(manual)
    assert os.listdir(manual.parents[1]) == ["downloads"]

    if damage(good) != good[:-9]:  # That only removes the checksum at the end.
        register(monkeypatch, path)
        with pytest.raises(RuntimeError, match=f"(?s){path} (cannot be read as an arch|must have)"):
            read(manual)
    path.write_bytes(good)
    register(monkeypatch, path)
    is_what_was_written(read(manual))


def test_no_network(manual, tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr(downloader._Downloader, "download", offline)
    data = tmp_path / "elsewhere"
    message = rf"(?s)ConnectionError: no network.*put it into {data}.*manual, or a file sc09\.npz"
    with pytest.raises(RuntimeError, match=message):
        datasets.load_arrays("sc09", data)
    assert os.listdir(data) == []


def test_read_only_data_directory(manual, tmp_path):
    data = manual.parents[1]
    for folder in (data, data / "downloads", manual):
        folder.chmod(0o555)
    try:
        is_what_was_written(read(manual))
        cache = tmp_path / "home" / "keras_latent" / "tfds"
        assert os.listdir(cache) == ["sc09"] and prepared(cache) == ["1.0.0"]
    finally:
        for folder in (data, data / "downloads", manual):
            folder.chmod(0o755)


def link(name):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "README.md"
    return member


def sized(name, size, **headers):
    member = tarfile.TarInfo(name)
    member.size, member.pax_headers = size, headers
    return member


BOMBS = {
    "a large file": (
        [sized("testing_list.txt", 5_000_000)],
        r"\(testing_list\.txt has 5000000 bytes; at most 4194304 may be\)",
    ),
    "a large header": (
        [sized("testing_list.txt", 1, comment="0" * 5_000_000)],
        r"\(a header has 5\d* bytes; at most 4194304 may be\)",
    ),
    "many files": ([sized(f"{i}", 0) for i in range(21)], r"\(it has more than 20 files\)"),
    "a link": ([link("testing_list.txt")], r"must have the file validation_list\.txt"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_what_the_archive_declares_is_checked_before_it_is_read(tmp_path, monkeypatch, case):
    members, message = BOMBS[case]
    path = tmp_path / "archive.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    monkeypatch.setattr(sc09, "MOST_FILES", 20)
    with pytest.raises(ValueError, match=message):
        sc09.read_splits(path)
