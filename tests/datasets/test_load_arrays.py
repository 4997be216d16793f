import builtins
import io
import os
import struct
import zipfile

import numpy as np
import pytest

from benchmarks.reliability.damage import flip_bit
from keras_latent import datasets
from keras_latent.src.datasets.sources import npz as npz_module


@pytest.fixture
def npz(tmp_path):
    """A small file in the format of `keras.datasets.mnist`."""
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (6, 28, 28), dtype="uint8"),
        "y_train": np.arange(6, dtype="uint8"),
        "x_test": rng.integers(0, 256, (3, 28, 28), dtype="uint8"),
        "y_test": np.arange(3, dtype="uint8"),
    }
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    return tmp_path, arrays


def without(monkeypatch, package):
    """Make the import of `package` fail, as if it were not installed."""
    import sys

    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def no_import(name, *args, **kwargs):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_import)
    monkeypatch.setattr("importlib.import_module", lambda name: no_import(name, fromlist=["*"]))


def test_digits_have_a_fixed_stratified_split():
    (train, labels), (test, test_labels) = datasets.load_arrays("digits")
    assert train.shape == (1437, 8, 8, 1) and train.dtype == np.uint8
    assert test.shape == (360, 8, 8, 1) and test_labels.shape == (360,)
    assert train.min() == 0 and train.max() == 255 and len(np.unique(train)) == 17
    shares = np.bincount(labels) / 1437 - np.bincount(test_labels) / 360
    assert np.abs(shares).max() < 0.005
    again, _ = datasets.load_arrays("digits")
    assert (again[0] == train).all() and (again[1] == labels).all()


def test_npz_is_read_instead_of_tfds(npz):
    folder, arrays = npz
    (train, labels), (test, _) = datasets.load_arrays("mnist", folder)
    assert train.shape == (6, 28, 28, 1) and (train[..., 0] == arrays["x_train"]).all()
    assert labels.dtype == np.int64 and list(labels) == list(range(6))
    assert test.shape == (3, 28, 28, 1)


def test_npz_is_found_by_environment_variable(npz, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(npz[0]))
    assert len(datasets.load_arrays("mnist")[0][0]) == 6


def test_export_replaces_the_file_at_once(tmp_path, monkeypatch):
    path = tmp_path / "new" / "digits.npz"
    assert datasets.export_npz("digits", path) == path
    assert os.listdir(path.parent) == ["digits.npz"]
    with np.load(path) as file:
        assert file["x_train"].shape == (1437, 8, 8) and file["y_test"].shape == (360,)

    before = path.read_bytes()

    def interrupted(temporary, **arrays):
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        datasets.export_npz("digits", path)
    assert path.read_bytes() == before and os.listdir(path.parent) == ["digits.npz"]


def test_export_wants_npz(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must end in '\.npz'.*digits\.zip"):
        datasets.export_npz("digits", tmp_path / "digits.zip")


def test_unknown_name():
    with pytest.raises(ValueError, match=r"`name` must be one of .*Did you mean 'mnist'\?"):
        datasets.load_arrays("mnits")


def test_damaged_npz(npz):
    path = npz[0] / "mnist.npz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"mnist\.npz cannot be read.*Delete it"):
        datasets.load_arrays("mnist", npz[0])


def test_npz_without_an_array(npz):
    np.savez(npz[0] / "mnist.npz", x_train=npz[1]["x_train"])
    with pytest.raises(ValueError, match="must hold the arrays x_train, y_train"):
        datasets.load_arrays("mnist", npz[0])


FORMAT = r"must hold uint8 images x_.*Received: x_"
NONE = {"x_train": np.zeros((0, 28, 28), "uint8"), "y_train": np.zeros(0, int)}


@pytest.mark.parametrize(
    "change,message",
    [
        ({"x_train": np.zeros((6, 28, 28))}, FORMAT),
        ({"y_test": np.zeros(2, int)}, FORMAT),
        (NONE, r"with N of 1 or more.*Received: x_train uint8 \(0, 28, 28\)"),
        ({"x_test": np.zeros((3, 14, 28), "uint8")}, r"\(28, 28\) in x_train and \(14, 28\) in"),
        ({"y_test": np.array([0, -7, 1])}, r"y_test from 0 to 9\. Received: values from -7 to 1"),
        ({"y_test": np.array([0, 1, 10**18])}, r"values from 0 to 1000000000000000000"),
    ],
)
def test_npz_of_another_format(npz, change, message):
    np.savez(npz[0] / "mnist.npz", **npz[1] | change)
    with pytest.raises(ValueError, match=message):
        datasets.load_arrays("mnist", npz[0])


def header(shape, dtype="|u1"):
    file = io.BytesIO()
    description = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, description)
    return file.getvalue()


#: What takes the place of `x_train.npy`, in `N` compressed zeros, if there is an N.
BOMBS = {
    "nothing behind the header": (
        header((10**10, 1, 1)),
        r"x_train is declared to have the shape \(10000000000, 1, 1\) and so 10,000,000,128 bytes, "
        r"but has 128",
    ),
    "more behind the header": (header((6, 28, 28)) + bytes(10**4), r"but has 10,128"),
    "a shape that overflows": (header((2**40, 2**40, 1)), r"is declared to have the shape"),
    "a long header": (
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 10**9) + b" " * 10**6,
        r"x_train is in version \(2, 0\) of NumPy's format",
    ),
    "Python objects": (header((6, 28, 28), "|O"), r"x_train is declared to have"),
    "no header": (b"zeros", r"cannot be read as an \.npz file"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_declared_sizes_are_checked_before_arrays_are_read(npz, case, monkeypatch):
    content, message = BOMBS[case]
    monkeypatch.setattr(np.lib.format, "read_array", None)
    with (
        zipfile.ZipFile(npz[0] / "mnist.npz") as old,
        zipfile.ZipFile(npz[0] / "new.npz", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, content if name == "x_train.npy" else old.read(name))
    os.replace(npz[0] / "new.npz", npz[0] / "mnist.npz")
    with pytest.raises(ValueError, match=message):
        datasets.load_arrays("mnist", npz[0])


def test_large_arrays_expand_at_most_a_hundredfold(npz, monkeypatch):
    zeros = {
        "x_train": np.zeros((6, 280, 280), "uint8"),
        "x_test": np.zeros((3, 280, 280), "uint8"),
    }
    np.savez_compressed(npz[0] / "mnist.npz", **npz[1] | zeros)
    assert datasets.load_arrays("mnist", npz[0])[0][0].shape == (6, 280, 280, 1)
    monkeypatch.setattr(npz_module, "LARGE", 100_000)
    with pytest.raises(
        ValueError, match=r"x_train would expand from [\d,]+ to 470,528 bytes.*savez"
    ):
        datasets.load_arrays("mnist", npz[0])


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_npz_that_is_no_file(tmp_path, kind):
    """It is an error at once, not a reason to download the data."""
    path = tmp_path / "mnist.npz"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("gone.npz")
    with pytest.raises(ValueError, match=rf"mnist\.npz must be a file\. Received: a {kind}"):
        datasets.load_arrays("mnist", tmp_path)
    path.rename(tmp_path / "celeb_a.npz")
    with pytest.raises(ValueError, match=rf"celeb_a\.npz must be a file\. Received: a {kind}"):
        datasets.load_faces("celeb_a", tmp_path)


def test_data_directory_that_is_a_file(npz):
    with pytest.raises(ValueError, match=r"`data_dir` must be a folder.*mnist\.npz', which is a"):
        datasets.load_arrays("mnist", npz[0] / "mnist.npz")


def test_every_changed_bit_of_an_npz_is_noticed(npz):
    path = npz[0] / "mnist.npz"
    content, wanted = path.read_bytes(), datasets.load_arrays("mnist", npz[0])
    rng, errors = np.random.default_rng(0), 0
    for place in rng.choice(8 * len(content), 100, replace=False):
        path.write_bytes(flip_bit(content, int(place)))
        try:
            found = datasets.load_arrays("mnist", npz[0])
        except ValueError as error:
            errors += "mnist.npz" in str(error)
        else:
            for part, other in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(part[0], other[0])
                np.testing.assert_array_equal(part[1], other[1])
            errors += 1
    assert errors == 100


def test_without_tfds(tmp_path, monkeypatch):
    without(monkeypatch, "tensorflow_datasets")
    with pytest.raises(ImportError, match=r"(?s)mnist\.npz.*pip install keras-latent\[data\]"):
        datasets.load_arrays("mnist", tmp_path)


def test_without_scikit_learn(monkeypatch):
    without(monkeypatch, "sklearn")
    with pytest.raises(ImportError, match=r"'digits' needs.*pip install keras-latent\[data\]"):
        datasets.load_arrays("digits")


def test_tfds_that_fails(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def offline(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds, "load", offline)
    with pytest.raises(RuntimeError, match=r"(?s)ConnectionError: no network.*export_npz"):
        datasets.load_arrays("mnist", tmp_path)


@pytest.mark.skipif(
    not os.path.isdir(os.path.join(os.environ.get("TFDS_DATA_DIR", "-"), "mnist")),
    reason="TFDS_DATA_DIR does not offer MNIST",
)
def test_real_mnist_without_network(tmp_path, monkeypatch):
    (train, labels), (test, test_labels) = datasets.load_arrays("mnist")
    assert train.shape == (60_000, 28, 28, 1) and train.dtype == np.uint8
    assert test.shape == (10_000, 28, 28, 1) and labels.dtype == np.int64
    assert np.bincount(labels)[0] == 5923 and np.bincount(test_labels)[0] == 980

    # In a copy of the directory, cut a record file short.
    real = os.path.join(os.environ["TFDS_DATA_DIR"], "mnist", "3.0.1")
    copy = tmp_path / "mnist" / "3.0.1"
    copy.mkdir(parents=True)
    for name in os.listdir(real):
        with open(os.path.join(real, name), "rb") as file:
            content = file.read()
        (copy / name).write_bytes(content[: len(content) // 2] if "test" in name else content)
    with pytest.raises(RuntimeError, match=r"(?s)could not load 'mnist'.*may be damaged"):
        datasets.load_arrays("mnist", tmp_path)
