import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from keras_latent import datasets

pytest.importorskip("tensorflow_datasets")

from tensorflow_datasets.core.download import checksums, downloader  # noqa: E402

from keras_latent.src.datasets.sources import usps  # noqa: E402

REAL = Path(os.environ.get("TFDS_DATA_DIR", "-"))
GRAY = np.array([-1, -0.5, 0, 0.5, 1])


def write(path, table):
    with gzip.open(path, "wt") as file:
        np.savetxt(file, table, fmt="%.3f")


def table(rows):
    """Per row a digit, then values that encode the row and the position."""
    gray = GRAY[(np.arange(rows)[:, None] + np.arange(256)) % 5]
    return np.concatenate([np.arange(rows)[:, None] % 10, gray], axis=1)


def register(monkeypatch, folder):
    """Make the builder expect the files of `folder`, whatever their content."""
    infos = {s: checksums.compute_url_info(folder / f"zip.{s}.gz") for s in ("train", "test")}
    monkeypatch.setattr(usps, "FILES", infos)
    monkeypatch.setattr(
        usps.Usps, "url_infos", {usps.SITE + info.filename: info for info in infos.values()}
    )


@pytest.fixture
def manual(tmp_path, monkeypatch):
    """The manual folder of a data directory, with 12 and 7 digits that the builder expects."""
    folder = tmp_path / "data" / "downloads" / "manual"
    folder.mkdir(parents=True)
    monkeypatch.setattr(usps, "ROWS", {"train": 12, "test": 7})
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    for split, rows in usps.ROWS.items():
        write(folder / f"zip.{split}.gz", table(rows))
    register(monkeypatch, folder)
    return folder


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())


def prepared(folder):
    return sorted(p.name for p in (Path(folder) / "usps").glob("*"))


def read(manual):
    return datasets.load_arrays("usps", manual.parents[1])


def is_what_was_written(arrays):
    (train, labels), (test, test_labels) = arrays
    assert train.shape == (12, 16, 16, 1) and train.dtype == np.uint8
    assert test.shape == (7, 16, 16, 1) and labels.dtype == np.int64
    assert list(labels) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1] and list(test_labels) == [*range(7)]
    # The values of GRAY: 63.75 is rounded up, 127.5 to even, and 191.25 to the nearest integer.
    assert list(train[0, 0, :5, 0]) == [0, 64, 128, 191, 255]
    assert list(test[2, 0, :5, 0]) == [128, 191, 255, 0, 64]
    assert list(train[3, 1, :3, 0]) == [255, 0, 64]  # (3 + 16) % 5 = 4: the second line begins.


def test_files_of_the_manual_folder(manual, monkeypatch):
    is_what_was_written(read(manual))
    data = manual.parents[1]
    assert prepared(data) == ["1.0.0"] and os.listdir(data / "downloads") == ["manual"]

    # Prepared data is read even without the files.
    for path in manual.iterdir():
        path.unlink()
    monkeypatch.setattr(usps.Usps, "download_and_prepare", None)
    is_what_was_written(read(manual))


def test_tfds_load(manual):
    import tensorflow_datasets as tfds

    examples = list(tfds.as_numpy(tfds.load("usps", split="test", data_dir=manual.parents[1])))
    assert [example["label"] for example in examples] == [*range(7)]
    assert examples[0]["image"].shape == (16, 16, 1)


def fake_site(monkeypatch, folder):
    """Make TFDS's downloader copy from `folder`."""
    from tensorflow_datasets.core.download.downloader import DownloadResult

    asked = []

    def download(self, url, destination_path, verify=True):
        import promise

        asked.append(url)
        path = Path(destination_path) / url.rpartition("/")[2]
        path.write_bytes((folder / path.name).read_bytes())
        result = DownloadResult(path=path, url_info=checksums.compute_url_info(path))
        return promise.Promise.resolve(result)

    monkeypatch.setattr(downloader._Downloader, "download", download)
    return asked


def test_download(manual, tmp_path, monkeypatch):
    asked = fake_site(monkeypatch, manual)
    data = tmp_path / "elsewhere"
    is_what_was_written(datasets.load_arrays("usps", data))
    assert sorted(asked) == [usps.SITE + "zip.test.gz", usps.SITE + "zip.train.gz"]
    assert os.listdir(data) == ["usps"] and prepared(data) == ["1.0.0"]


def cut(content):
    return content[:-10]


def flip(content):
    return content[:40] + bytes([content[40] ^ 1]) + content[41:]


def foreign(content):
    return b"<html>Not found</html>"


@pytest.mark.parametrize("damage", [cut, flip, foreign])
@pytest.mark.parametrize("split", ["train", "test"])
def test_damaged_file_in_the_manual_folder(manual, damage, split):
    path = manual / f"zip.{split}.gz"
    good = path.read_bytes()
    path.write_bytes(damage(good))
    before = files(manual.parents[1])
    message = rf"(?s)damaged, cut short.*{path}, has wrong checksum.*Expected.*Got.*Delete it"
    with pytest.raises(RuntimeError, match=message) as caught:
        read(manual)
    assert "To debug" not in str(caught.value)
    assert files(manual.parents[1]) == before and not (manual.parents[1] / "usps").exists()
    path.write_bytes(good)
    is_what_was_written(read(manual))


def test_damaged_download(manual, tmp_path, monkeypatch):
    site, data = tmp_path / "site", tmp_path / "elsewhere"
    site.mkdir()
    for path in manual.iterdir():
        (site / path.name).write_bytes(cut(path.read_bytes()))
    fake_site(monkeypatch, site)
    with pytest.raises(RuntimeError, match=rf"(?s)Artifact {usps.SITE}.*has wrong checksum"):
        datasets.load_arrays("usps", data)
    assert os.listdir(data) == []


def test_no_network(manual, tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr(downloader._Downloader, "download", offline)
    data = tmp_path / "elsewhere"
    message = rf"(?s)ConnectionError: no network.*both into {data}.*manual, or a file usps\.npz"
    with pytest.raises(RuntimeError, match=message):
        datasets.load_arrays("usps", data)
    assert os.listdir(data) == []


@pytest.mark.parametrize(
    "content,message",
    [
        (table(11), r"must have 12 lines of 257 numbers.*11 lines of 257"),
        (table(12)[:, :-1], r"must have 12 lines of 257 numbers.*12 lines of 256"),
        (table(12) + 9, r"a digit and then gray values.*from 9\.0 to 18\.0 and others"),
        (table(12) * [1] + np.eye(12, 257, 3), r"gray values from -1 to 1.*to 2\.0"),
        (gzip.compress(b"0 " * 10**6), r"it expands to more than 49,344 bytes"),
        (b"not gzip", r"zip\.train\.gz cannot be read as a USPS file \(Not a gzipped file"),
        (gzip.compress(b"a 1 2\n", mtime=0), r"zip\.train\.gz cannot be read as a USPS file"),
        (
            gzip.compress(bytes(range(32, 127)) * 100, mtime=0)[:-20],
            r"cannot be read .*ended before",
        ),
    ],
)
def test_content_that_is_not_usps(manual, monkeypatch, content, message):
    """The content is checked even if the checksum is right."""
    if isinstance(content, bytes):
        (manual / "zip.train.gz").write_bytes(content)
    else:
        write(manual / "zip.train.gz", content)
    register(monkeypatch, manual)
    before = files(manual.parents[1])
    with pytest.raises(RuntimeError, match=f"(?s){message}"):
        read(manual)
    assert files(manual.parents[1]) == before and not (manual.parents[1] / "usps").exists()


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_file_in_the_manual_folder(manual, kind):
    path = manual / "zip.train.gz"
    path.unlink()
    make = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}
    make.get(kind, lambda: path.symlink_to("gone.gz"))()
    with pytest.raises(RuntimeError, match=rf"zip\.train\.gz must be a file\. Received: a {kind}"):
        read(manual)


def test_read_only_data_directory(manual, tmp_path, monkeypatch):
    data = manual.parents[1]
    for folder in (data, data / "downloads", manual):
        folder.chmod(0o555)
    try:
        is_what_was_written(read(manual))
        assert not (data / "usps").exists()
        cache = tmp_path / "home" / "keras_latent" / "tfds"
        assert os.listdir(cache) == ["usps"] and prepared(cache) == ["1.0.0"]
        monkeypatch.setattr(usps.Usps, "download_and_prepare", None)
        is_what_was_written(read(manual))
    finally:
        for folder in (data, data / "downloads", manual):
            folder.chmod(0o755)


def test_leftovers_of_an_interrupted_run_do_not_matter(manual, monkeypatch):
    def killed(self, path, split):
        raise KeyboardInterrupt

    data = manual.parents[1]
    with monkeypatch.context() as patch:
        patch.setattr(usps.Usps, "_generate_examples", killed)
        with pytest.raises(KeyboardInterrupt):
            read(manual)
    assert prepared(data) == []
    left = data / "usps" / "incomplete.ABCDEF_1.0.0"  # Left behind by a killed process.
    left.mkdir()
    (left / "usps-train.tfrecord-00000-of-00001").write_bytes(b"half")
    is_what_was_written(read(manual))


def test_another_process_was_faster(manual, monkeypatch):
    generate = usps.Usps._generate_examples
    nested = []

    def interleaved(self, path, split):
        if not nested:
            nested.append(True)
            is_what_was_written(read(manual))
        return generate(self, path, split)

    monkeypatch.setattr(usps.Usps, "_generate_examples", interleaved)
    is_what_was_written(read(manual))
    assert nested and prepared(manual.parents[1]) == ["1.0.0"]


def test_npz_is_read_and_written(manual, tmp_path):
    path = datasets.export_npz("usps", tmp_path / "npz" / "usps.npz", manual.parents[1])
    is_what_was_written(datasets.load_arrays("usps", path.parent))
    assert os.listdir(path.parent) == ["usps.npz"]


needs_files = pytest.mark.skipif(
    not (REAL / "downloads" / "manual" / "zip.train.gz").is_file(),
    reason="TFDS_DATA_DIR does not offer the files of USPS",
)
needs_mnist = pytest.mark.skipif(
    not (REAL / "mnist").is_dir(), reason="TFDS_DATA_DIR does not offer MNIST"
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """The real files in a directory for tests."""
    folder = tmp_path_factory.mktemp("tfds")
    (folder / "downloads").mkdir()
    for name in ("downloads/manual", "mnist"):
        if (REAL / name).is_dir():
            (folder / name).symlink_to(REAL / name)
    return folder


@needs_files
def test_real_files(data_dir):
    (train, labels), (test, test_labels) = datasets.load_arrays("usps", data_dir)
    assert train.shape == (7291, 16, 16, 1) and test.shape == (2007, 16, 16, 1)
    assert list(np.bincount(labels)) == [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
    assert list(np.bincount(test_labels)) == [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]
    # The first line of each file: "6.0000 -1.0000 ... -0.6310 0.8620 -0.1670" and "9 -1 ...".
    assert labels[0] == 6 and list(train[0, 0, 6:11, 0]) == [0, 47, 237, 106, 0]
    assert test_labels[0] == 9 and list(test[0, 0, 4:12, 0]) == [0, 7, 56, 146, 176, 243, 164, 28]


@needs_files
@needs_mnist
def test_mnist_usps(data_dir):
    pair = datasets.load_pair(
        "mnist_usps", data_dir=data_dir, format="numpy", batch_size=64, augment=True
    )
    assert pair.train_sizes == (60_000, 7_291) and pair.test_sizes == (10_000, 2_007)
    assert pair.source_shape == (28, 28, 1) and pair.target_shape == (16, 16, 1)
    assert pair.num_paired == 0 and pair.steps_per_epoch == 937
    assert np.bincount(pair.source_train_labels)[0] == 5923 and pair.target_test_labels[0] == 9
    assert not any(pair.test[index]["paired"].any() for index in (0, len(pair.test) - 1))
    batch = pair.train[0]
    assert batch["target"].shape == (64, 16, 16, 1) and not batch["paired"].any()
    # Every image of USPS occurs about eight times, each time in a new order.
    rows = pair._order.rows().target
    counts = np.bincount(rows.ravel(), minlength=7_291)
    assert counts.min() >= 7 and counts.max() <= 9

    factors = datasets.RandomAffine().factors(np.random.default_rng([0, 0, 3]), 937 * 64)[:64]
    images = pair.target_train[rows[0]] / np.float32(255)
    expected = datasets.RandomAffine().transform(images, factors)
    np.testing.assert_array_equal(batch["target"], expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {"paired": "all"},
        {"paired": 10},
        {"paired": [[0, 1]]},
        {"matched": True},
        {"disjoint": True},
        {"split": "paper"},
    ],
)
def test_domains_without_known_pairs(arguments):
    (name,) = arguments
    message = rf"`{name}` is not available for 'mnist_usps'.*no image in common.*Received: {name}="
    with pytest.raises(ValueError, match=message):
        datasets.load_pair("mnist_usps", **arguments)
