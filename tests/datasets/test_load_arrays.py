import builtins
import os

import numpy as np
import pytest

from keras_latent import datasets


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


@pytest.mark.parametrize(
    "change", [{"x_train": np.zeros((6, 28, 28))}, {"y_test": np.zeros(2, int)}]
)
def test_npz_of_another_format(npz, change):
    np.savez(npz[0] / "mnist.npz", **npz[1] | change)
    with pytest.raises(ValueError, match=r"must hold uint8 images x_.*Received: x_"):
        datasets.load_arrays("mnist", npz[0])


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
