"""Faces from TFDS (mocked, or with synthetic faces prepared) and from `.npz` files."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_latent import datasets

REAL = Path(os.environ.get("TFDS_DATA_DIR", "-"))
SIZES = {"train": 40, "validation": 3, "test": 7}


def made_up(count, seed=0, shape=(64, 64, 3), columns=40):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *shape), dtype="uint8")
    return images, rng.integers(0, 2, (count, columns), dtype="int32")


def prepare(folder, sizes=SIZES, shape=(64, 64, 3), names=datasets.CELEBA_ATTRIBUTES, shards=1):
    """Prepare synthetic faces for TFDS without a builder, with lossless images."""
    tfds = pytest.importorskip("tensorflow_datasets")
    features = {
        "image": tfds.features.Image(shape=shape, encoding_format="png"),
        # In an order other than ours.
        "attributes": dict.fromkeys(reversed(names), np.bool_),
    }
    made = {split: made_up(n, n, shape, len(names)) for split, n in sizes.items()}
    examples = {
        split: [
            (row, {"image": image, "attributes": dict(zip(names, map(bool, values), strict=True))})
            for row, (image, values) in enumerate(zip(*arrays, strict=True))
        ]
        for split, arrays in made.items()
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="celeb_a_64",
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets=examples,
        data_dir=folder,
        download_config=tfds.download.DownloadConfig(num_shards=shards),
        disable_shuffling=True,
    )
    return made


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    return folder, prepare(folder)


def assert_same(faces, made):
    assert list(faces.images) == list(faces.attributes) == list(made)
    for split, (images, attributes) in made.items():
        assert faces.images[split].dtype == np.uint8
        assert faces.attributes[split].dtype == np.int32
        np.testing.assert_array_equal(faces.images[split], images)
        np.testing.assert_array_equal(faces.attributes[split], attributes)
    assert faces.attribute_names == datasets.CELEBA_ATTRIBUTES


def test_prepared_faces_are_read_as_they_are(prepared, capsys):
    folder, made = prepared
    faces = datasets.load_faces("celeb_a_64", folder)
    assert_same(faces, made)
    assert repr(faces) == "<Faces: train 40, validation 3, test 7; 40 attributes>"
    assert capsys.readouterr().out == ""


def test_splits_limit_and_progress(prepared, capsys):
    folder, made = prepared
    options = {"splits": ("test", "train"), "limit": 10, "verbose": 1}
    faces = datasets.load_faces("celeb_a_64", folder, **options)
    assert_same(faces, {s: tuple(a[:10] for a in made[s]) for s in ("test", "train")})
    shown = capsys.readouterr().out
    assert "Decoding 'celeb_a_64', split 'train'" in shown and "10/10" in shown


def test_rows_in_several_files_are_always_in_one_order(tmp_path):
    made = prepare(tmp_path, {"train": 64}, shards=4)
    first, again = (datasets.load_faces("celeb_a_64", tmp_path, splits=["train"]) for _ in "ab")
    np.testing.assert_array_equal(first.images["train"], again.images["train"])
    # Images and attributes match, whatever the order is.
    rows = {image.tobytes(): tuple(values) for image, values in zip(*made["train"], strict=True)}
    for image, values in zip(first.images["train"], first.attributes["train"], strict=True):
        assert rows.pop(image.tobytes()) == tuple(values)
    assert not rows


def test_celeb_a_is_cropped_and_resized_as_pillow_does(capsys, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    tf = pytest.importorskip("tensorflow")
    pillow = pytest.importorskip("PIL.Image")
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    raw = {"decoders": {"image": tfds.decode.SkipDecoding()}}
    with tfds.testing.mock_data(num_examples=5):
        faces = datasets.load_faces("celeb_a")
        examples = list(tfds.load("celeb_a", split="train", **raw))
    assert "Decoding 'celeb_a', split 'train'" in capsys.readouterr().out
    for split in ("train", "validation", "test"):
        assert faces.images[split].shape == (5, 64, 64, 3)
        assert faces.attributes[split].shape == (5, 40)
    for row, example in enumerate(examples):
        image = tf.io.decode_jpeg(example["image"]).numpy()
        assert image.shape == (218, 178, 3)
        square = pillow.fromarray(image[39:179, 19:159])
        wanted = np.asarray(square.resize((64, 64), pillow.Resampling.BILINEAR))
        difference = np.abs(wanted.astype(int) - faces.images["train"][row])
        assert difference.max() <= 1 and wanted.std() > 5
        values = [bool(example["attributes"][n]) for n in datasets.CELEBA_ATTRIBUTES]
        np.testing.assert_array_equal(faces.attributes["train"][row], values)


def test_npz_is_written_and_read_instead_of_tfds(prepared, tmp_path, monkeypatch):
    folder, made = prepared
    path = datasets.export_npz("celeb_a_64", tmp_path / "new" / "celeb_a_64.npz", folder)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # As if it were not installed.
    assert_same(datasets.load_faces("celeb_a_64", path.parent), made)
    monkeypatch.setenv("TFDS_DATA_DIR", str(path.parent))
    faces = datasets.load_faces(splits=["test"], limit=2)
    assert_same(faces, {"test": tuple(array[:2] for array in made["test"])})
    assert faces.images["test"].base is None  # Nothing keeps the other rows in memory.


IMAGES, VALUES = made_up(4)
ARRAYS = {
    "attribute_names": np.array(datasets.CELEBA_ATTRIBUTES),
    "x_test": IMAGES,
    "attributes_test": VALUES,
}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"x_test": None}, r"must hold the arrays attribute_names.*without x_test"),
        ({"attribute_names": None}, r"must hold the arrays.*without attribute_names"),
        ({"attribute_names": ARRAYS["attribute_names"][::-1]}, r"Received: 40 names: Young, "),
        ({"x_test": IMAGES[:, :60]}, r"uint8 images x_test of shape.*uint8 \(4, 60, 64, 3\)"),
        ({"x_test": IMAGES / 255}, r"uint8 images x_test.*float64"),
        ({"attributes_test": VALUES[:3]}, r"attributes_test int32 \(3, 40\)"),
        ({"attributes_test": 2 * VALUES - 1}, r"attributes_test of 0 and 1\..*values -1, 1"),
        ({"x_test": IMAGES[:0], "attributes_test": VALUES[:0]}, r"with N of 1 or more"),
        ({"attribute_names": np.zeros(10**6, "U1")}, r"Received: 1000000 names"),
    ],
)
def test_npz_of_another_format(tmp_path, change, message):
    arrays = {key: array for key, array in (ARRAYS | change).items() if array is not None}
    np.savez(tmp_path / "celeb_a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        datasets.load_faces("celeb_a", tmp_path, splits=["test"])


@pytest.mark.parametrize("damage", ["short", "changed", "other"])
def test_damaged_npz(tmp_path, damage):
    path = tmp_path / "celeb_a_64.npz"
    np.savez(path, **ARRAYS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    bad = {"short": content[:-200], "changed": content, "other": b"faces"}[damage]
    path.write_bytes(bytes(bad))
    with pytest.raises(ValueError, match=r"celeb_a_64\.npz cannot be read.*Delete it"):
        datasets.load_faces("celeb_a_64", tmp_path, splits=["test"])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "celeba"}, r"`name` must be one of .*Did you mean 'celeb_a'\?"),
        ({"splits": "train"}, r"`splits` must be a list or a tuple.*splits='train'"),
        ({"splits": ()}, r"`splits` must be a sequence"),
        ({"splits": ["train", "val"]}, r"`splits` must be one of.*'val'"),
        ({"limit": 0}, r"`limit` must be a positive integer"),
        ({"limit": 2.0}, r"`limit` must be a positive integer"),
        ({"verbose": 3}, r"`verbose` must be one of \['auto', 0, 1, 2\].*verbose=3"),
        ({"verbose": True}, r"`verbose` must be one of \['auto', 0, 1, 2\].*verbose=True"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        datasets.load_faces(**{"data_dir": tmp_path} | arguments)


def test_export_of_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match=r"`name` must be one of .*'celeb_a'.*'mnist'"):
        datasets.export_npz("celeba", tmp_path / "celeba.npz")


def test_images_of_another_size(tmp_path):
    prepare(tmp_path, shape=(32, 32, 3))
    with pytest.raises(ValueError, match=r"of shape \(64, 64, 3\), or .*\(32, 32, 3\)"):
        datasets.load_faces("celeb_a_64", tmp_path)


def test_missing_attributes(tmp_path):
    names = [name for name in datasets.CELEBA_ATTRIBUTES if name not in ("Male", "Young")]
    prepare(tmp_path, names=names)
    with pytest.raises(ValueError, match=r"40 attributes.*Missing: \['Male', 'Young'\]"):
        datasets.load_faces("celeb_a_64", tmp_path)


def test_records_cut_short(tmp_path):
    prepare(tmp_path)
    (records,) = (tmp_path / "celeb_a_64" / "1.0.0").glob("*-train.tfrecord*")
    content = records.read_bytes()
    records.write_bytes(content[: len(content) // 2])
    with pytest.raises(RuntimeError, match=r"(?s)could not load 'celeb_a_64'.*may be damaged"):
        datasets.load_faces("celeb_a_64", tmp_path)


def test_without_tfds_or_data(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(RuntimeError, match=r"(?s)could not load 'celeb_a_64'.*celeb_a_64\.npz"):
        datasets.load_faces("celeb_a_64", tmp_path)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # As if it were not installed.
    with pytest.raises(ImportError, match=r"(?s)celeb_a_64\.npz.*pip install keras-latent\[data\]"):
        datasets.load_faces("celeb_a_64", tmp_path)


@pytest.mark.skipif(
    not (REAL / "celeb_a_64").is_dir(), reason="TFDS_DATA_DIR does not offer faces of CelebA"
)
def test_real_faces():
    faces = datasets.load_faces("celeb_a_64", splits=("validation", "test"), limit=300)
    male = datasets.CELEBA_ATTRIBUTES.index("Male")
    beard = datasets.CELEBA_ATTRIBUTES.index("No_Beard")
    for split in ("validation", "test"):
        values = faces.attributes[split]
        assert faces.images[split].shape == (300, 64, 64, 3) and values.shape == (300, 40)
        assert 0.1 < values[:, male].mean() < 0.6
        assert values[values[:, male] == 0, beard].mean() > 0.98
        # Faces are in the center, and brighter than the hair and the background around them.
        assert 30 < faces.images[split].std(axis=0).mean() < 100
