import os

import keras
import numpy as np
import pytest
from PIL import Image

from keras_latent import datasets
from keras_latent.src.datasets.folders import images_from_folder as module
from keras_latent.src.datasets.folders.image_files import write_image

GREY, RED = np.full((12, 12, 1), 100, "uint8"), np.zeros((12, 12, 3), "uint8")
RED[..., 0] = 200


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Where the arrays are if nobody says where."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "keras_latent" / "images"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "folder"


def write(folder, images):
    """Images by name. All differ: those that are numbers are grey of this brightness."""
    for name, image in images.items():
        if np.ndim(image) == 0:
            image = np.full((8, 8, 1), image, "uint8")
        write_image(folder / name, image)


def numbered(folder, count, pattern="{:03}.png"):
    write(folder, {pattern.format(i): i for i in range(count)})


def brightness(found):
    """By name, the grey level of an image."""
    levels = found.images.mean(axis=(1, 2, 3)).round().astype(int)
    return dict(zip(found.names, levels.tolist(), strict=True))


def test_formats_sizes_and_sub_folders(folder):
    write(folder, {"a.png": RED, "b/c.webp": np.repeat(RED, 3, axis=0), "b/d/e.jpg": GREY})
    (folder / "notes.txt").write_text("no image")
    write(folder, {".hidden/f.png": RED, "b/.g.png": RED})
    (folder / "folder.png").mkdir()
    found = datasets.images_from_folder(folder, size=(6, 4))
    assert sorted(found.names) == ["a.png", "b/c.webp", "b/d/e.jpg"]
    assert found.images.shape == (3, 6, 4, 3) and found.images.dtype == np.uint8
    for name, image in zip(found.names, found.images, strict=True):
        wanted = [100, 100, 100] if name == "b/d/e.jpg" else [200, 0, 0]
        assert np.abs(image - np.array(wanted)).max() <= 4, name
    assert found.labels is None and found.label_names == () and found.broken == {}
    assert repr(found) == "<FolderImages: (3, 6, 4, 3); no labels; 0 broken files>"


def test_channels(folder, tmp_path):
    write(folder, {"a.png": GREY, "b.jpg": GREY})
    (folder / "broken.png").write_bytes(b"no image")
    assert datasets.images_from_folder(folder, size=4).images.shape == (2, 4, 4, 1)
    assert datasets.images_from_folder(folder, size=4, channels=3).images.shape == (2, 4, 4, 3)
    write(folder, {"c.png": RED})
    assert datasets.images_from_folder(folder, size=4).images.shape == (3, 4, 4, 3)
    grey = datasets.images_from_folder(folder, size=4, channels=1)
    assert brightness(grey) == {"a.png": 100, "b.jpg": 100, "c.png": round(0.299 * 200)}


def test_images_are_turned_put_on_white_cropped_and_reduced_to_8_bits(folder):
    folder.mkdir()
    left = np.zeros((10, 20), "uint8")
    left[:, :10] = 255  # After a quarter turn clockwise, the left half is at the top.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(left).save(folder / "turned.png", exif=exif)
    transparent = np.zeros((8, 8, 4), "uint8")
    transparent[4:, :, 3] = 255
    Image.fromarray(transparent).save(folder / "transparent.png")
    deep = np.full((8, 8), 30000, "uint16")
    Image.fromarray(deep).save(folder / "deep.png")
    wide = np.zeros((8, 24), "uint8")
    wide[:, 8:16] = 255
    Image.fromarray(wide).save(folder / "wide.png")
    found = datasets.images_from_folder(folder, size=8, channels=1)
    image = dict(zip(found.names, found.images[..., 0], strict=True))
    assert (image["turned.png"][:3] > 250).all() and (image["turned.png"][5:] < 5).all()
    assert (image["transparent.png"][:4] == 255).all() and (image["transparent.png"][4:] == 0).all()
    assert (image["deep.png"] == 30000 // 256).all()
    assert (image["wide.png"] == 255).all()


def test_broken_files_have_no_row(folder):
    write(folder, {f"{i}.png": i for i in (10, 20, 30, 40)})
    (folder / "empty.png").write_bytes(b"")
    whole = (folder / "10.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "pipe.png")  # Reading it would never end.
    for _ in ("decoded", "cached"):
        found = datasets.images_from_folder(folder, size=4)
        assert brightness(found) == {f"{i}.png": i for i in (10, 20, 30, 40)}
        assert sorted(found.broken) == ["cut.png", "empty.png", "gone.png", "pipe.png"]
        assert "cannot be read as an image" in found.broken["cut.png"]
        assert "does not exist" in found.broken["gone.png"]
        assert "a pipe" in found.broken["pipe.png"]
        assert "4 broken files" in repr(found)


def test_classes_of_folders(folder):
    write(folder, {"dogs/1.png": 1, "cats/old/2.png": 2, "dogs/old/3.png": 3, "none.png": 4})
    found = datasets.images_from_folder(folder, size=4, labels="folders")
    labels = dict(zip(found.names, found.labels.tolist(), strict=True))
    assert labels == {"dogs/1.png": 1, "cats/old/2.png": 0, "dogs/old/3.png": 1, "none.png": -1}
    assert found.label_names == ("cats", "dogs") and found.labels.dtype == np.int32


def test_csv(folder):
    write(folder, {f"images/{i}.png": i for i in (10, 20, 30)})
    table = folder / "table.csv"
    table.write_text("file,age,sex\n./images/10.png,5,0\nimages/30.png,,1\n\nmissing.png,1,1\n")
    found = datasets.images_from_folder(table, size=4)
    assert brightness(found) == {"images/10.png": 10, "images/30.png": 30}
    labels = dict(zip(found.names, found.labels.tolist(), strict=True))
    assert labels == {"images/10.png": [5, 0], "images/30.png": [-1, 1]}
    assert found.label_names == ("age", "sex") and list(found.broken) == ["missing.png"]
    table.write_bytes("\ufefffile,age\nimages/10.png,7\n".encode())
    found = datasets.images_from_folder(table, size=4, labels="folders")
    assert found.labels.tolist() == [7] and found.label_names == ("age",)
    table.write_text("file\nimages/20.png\n")
    assert datasets.images_from_folder(table, size=4).labels is None


@pytest.mark.parametrize("kind", ["grey", "floats", "colour", "one array"])
def test_npz(folder, kind):
    folder.mkdir()
    levels = np.arange(10, 60, 5)
    images = np.broadcast_to(levels[:, None, None], (10, 6, 6)).astype("uint8")
    arrays = {"images": images, "labels": levels + 1}
    if kind == "floats":
        arrays["images"] = images[..., None] / 255
    if kind == "colour":
        arrays["images"] = np.stack([images] * 3, axis=-1)
    if kind == "one array":
        del arrays["labels"]
    np.savez(folder / "a.npz", **arrays)
    for size in (6, 3):
        found = datasets.images_from_folder(folder / "a.npz", size=size)
        assert found.images.shape == (10, size, size, 3 if kind == "colour" else 1)
        assert brightness(found) == {str(i): level for i, level in enumerate(levels)}
        if kind == "one array":
            assert found.labels is None
        else:
            assert found.labels.tolist() == (found.images[:, 0, 0, 0] + 1).tolist()


def test_npz_of_a_data_set(folder):
    """Of several splits, the training rows."""
    folder.mkdir()
    x = np.arange(4, dtype="uint8").repeat(16).reshape(4, 4, 4)
    np.savez(folder / "mnist.npz", x_train=x, y_train=np.arange(4), x_test=x[:2], y_test=[8, 9])
    found = datasets.images_from_folder(folder / "mnist.npz", size=4)
    assert found.labels.tolist() == found.images[:, 0, 0, 0].tolist()
    faces = {"x_train": x, "attributes_train": np.eye(4, 2, dtype=int), "x_test": x}
    np.savez(folder / "faces.npz", **faces, attribute_names=np.array(["Male", "Young"]))
    found = datasets.images_from_folder(folder / "faces.npz", size=4)
    assert found.labels.shape == (4, 2) and found.label_names == ("Male", "Young")


def test_order_depends_on_seed_and_names(folder, tmp_path):
    numbered(folder, 20)
    numbered(tmp_path / "other", 20, "{:03}.webp")
    order = datasets.images_from_folder(folder, size=4).names
    assert list(order) != sorted(order)
    assert brightness(datasets.images_from_folder(folder, size=4, seed=1)) == {
        f"{i:03}.png": i for i in range(20)
    }
    assert datasets.images_from_folder(folder, size=4, seed=1).names != order
    others = datasets.images_from_folder(tmp_path / "other", size=4).names
    assert [name[:3] for name in others] == [name[:3] for name in order]
    write(folder, {"new.png": 99})
    more = datasets.images_from_folder(folder, size=4).names
    assert tuple(name for name in more if name != "new.png") == order


def test_order_is_the_same_everywhere(folder):
    """It must not change: it decides which images are for validation."""
    numbered(folder, 6)
    found = datasets.images_from_folder(folder, size=4, seed=3)
    assert [int(name[:3]) for name in found.names] == [4, 3, 2, 0, 5, 1]


def test_files_are_decoded_once(folder, cache, monkeypatch):
    numbered(folder, 3)
    first = datasets.images_from_folder(folder, size=4)
    assert isinstance(first.images, np.memmap) and not first.images.flags.writeable
    assert sorted(p.suffix for p in cache.iterdir()) == [".json", ".npy"]
    decoded = []
    real = module._decode
    monkeypatch.setattr(module, "_decode", lambda *a: (decoded.append(a[3]), real(*a)))

    def again(**options):
        decoded.clear()
        found = datasets.images_from_folder(folder, **{"size": 4} | options)
        return found, bool(decoded)

    found, anew = again(workers=1)
    assert not anew and found.names == first.names and (found.images == first.images).all()
    assert again(size=5)[1] and again(channels=3)[1] and again(seed=1)[1]
    assert again(cache_dir=folder / "elsewhere")[1] and list((folder / "elsewhere").glob("*.npy"))
    write(folder, {"001.png": 77})
    found, anew = again()
    assert anew and brightness(found)["001.png"] == 77
    stat = (folder / "001.png").stat()
    os.utime(folder / "001.png", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert again()[1]
    (folder / "001.png").unlink()
    assert again()[1] and not again()[1]


def test_folders_with_the_same_files_do_not_share_arrays(tmp_path):
    """Names, sizes and times may agree, as after unpacking an archive."""
    for name, level in (("a", 10), ("b", 20)):
        write(tmp_path / name, {"1.bmp": level})
        os.utime(tmp_path / name / "1.bmp", (0, 0))
    sizes = [(tmp_path / name / "1.bmp").stat().st_size for name in "ab"]
    assert sizes[0] == sizes[1]
    for name, level in (("a", 10), ("b", 20)):
        assert brightness(datasets.images_from_folder(tmp_path / name, size=4)) == {"1.bmp": level}


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_damaged_arrays_are_made_again(folder, cache, suffix):
    numbered(folder, 3)
    datasets.images_from_folder(folder, size=4)
    (path,) = cache.glob(f"*{suffix}")
    for content in (b"", path.read_bytes()[:-5], b'{"names": [], "broken": {}}'):
        path.write_bytes(content)
        found = datasets.images_from_folder(folder, size=4)
        assert brightness(found) == {f"{i:03}.png": i for i in range(3)}


def test_an_interrupted_decoding_leaves_nothing(folder, cache, monkeypatch):
    numbered(folder, 3)
    monkeypatch.setattr(module, "_write_header", lambda *a: (_ for _ in ()).throw(OSError(28, "")))
    with pytest.raises(OSError, match="npy"):
        datasets.images_from_folder(folder, size=4)
    assert list(cache.iterdir()) == []


def test_many_images_are_decoded_in_parts(folder, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    numbered(folder, 7)
    found = datasets.images_from_folder(folder, size=8)
    assert brightness(found) == {f"{i:03}.png": i for i in range(7)}


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals(folder, monkeypatch, capsys, terminal):
    numbered(folder, 3)
    bars = []

    class Bar(keras.utils.Progbar):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            bars.append(self)

    monkeypatch.setattr(module.keras.utils, "Progbar", Bar)
    monkeypatch.setattr(module.sys.stdout, "isatty", lambda: terminal, raising=False)
    for _ in ("decoded", "cached"):
        datasets.images_from_folder(folder, size=4)
        assert [bar._seen_so_far for bar in bars] == [3] * terminal


def make(tmp_path, **arguments):
    folder = tmp_path / "folder"
    if not folder.exists():
        numbered(folder, 2)
    return datasets.images_from_folder(**{"folder": folder, "size": 4} | arguments)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"folder": 3}, r"`folder` must be a path.*folder=3"),
        ({"size": 0}, r"`size` must be a positive integer, or two of them.*size=0"),
        ({"size": (4, 4, 4)}, r"`size` must be.*size=\(4, 4, 4\)"),
        ({"size": (4, 1.5)}, r"`size` must be.*size=\(4, 1\.5\)"),
        ({"size": "4"}, r"`size` must be.*size='4'"),
        ({"channels": 2}, r"`channels` must be one of \[None, 1, 3\].*channels=2"),
        ({"labels": "folder"}, r"`labels` must be one of.*Did you mean 'folders'\?"),
        ({"seed": -1}, r"`seed` must be an integer of 0 or more.*seed=-1"),
        ({"workers": 0}, r"`workers` must be a positive integer.*workers=0"),
        ({"cache_dir": 3}, r"`cache_dir` must be a path.*cache_dir=3"),
        (
            {"labels": "folders"},
            r"`labels='folders'` needs a sub-folder per class.*no image in a sub-folder",
        ),
    ],
)
def test_bad_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(tmp_path, **arguments)


def test_bad_folders(tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must be a folder of images.*nothing there"):
        make(tmp_path, folder=tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(ValueError, match=r"`folder` must be a folder of images.*another file"):
        make(tmp_path, folder=tmp_path / "a.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"with image files \(PNG.*Received: none in .*empty"):
        make(tmp_path, folder=tmp_path / "empty")
    (tmp_path / "empty" / "a.png").write_bytes(b"a")
    (tmp_path / "empty" / "b.png").write_bytes(b"b")
    with pytest.raises(ValueError, match=r"None of the 2 images of .*empty.*[ab]\.png.*cannot be"):
        make(tmp_path, folder=tmp_path / "empty")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match="with image files"):
        make(tmp_path, folder=tmp_path / "folder.csv")


@pytest.mark.parametrize(
    "text,message",
    [
        ("", r"must have a header and a row or more. Received: 0 lines"),
        ("file,age\n", r"Received: 1 lines"),
        ("000.png,3\n001.png,3\n", r"must begin with a header.*'000\.png,3', which names an image"),
        ("file,age\n000.png,3,4\n", r"as many cells in each row.*2. Received: 3 in line 2"),
        ("file,age\n000.png,3\n000.png,4\n", r"each image once. Received: '000\.png' .* line 3"),
        ("file,age\n000.png,old\n", r"must have integers.*Received: 'old' in line 2"),
        ("file,age\n000.png,1.5\n", r"must have integers.*Received: '1\.5' in line 2"),
        ("file,age\n000.png,-2\n", r"`folder: a\.csv` must be class numbers of 0 or more.*-2"),
        (b"file\n\xff.png\n", r"is not a CSV file in UTF-8"),
    ],
)
def test_bad_csv(tmp_path, text, message):
    numbered(tmp_path, 2)
    (tmp_path / "a.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ValueError, match=message):
        make(tmp_path, folder=tmp_path / "a.csv")


IMAGES = np.zeros((3, 4, 4), "uint8")


@pytest.mark.parametrize(
    "arrays,message",
    [
        ({"labels": np.arange(3)}, r"must hold one array of images.*Received: labels int64 \(3,\)"),
        ({"a": IMAGES, "b": IMAGES}, r"one array of images.*a uint8 \(3, 4, 4\), b uint8"),
        ({"a": IMAGES, "b": np.arange(3), "c": np.arange(3)}, r"at most one array of integer"),
        ({"a": np.zeros((3, 4, 4, 2))}, r"one array of images.*a float64 \(3, 4, 4, 2\)"),
        ({"a": IMAGES.astype(int)}, r"one array of images.*a int64"),
        ({"a": IMAGES[:0]}, r"one array of images.*\(0, 4, 4\)"),
        ({"a": IMAGES + 1.5}, r"must hold floats from 0 to 1, or uint8, in a"),
        ({"a": IMAGES + np.nan}, r"must hold floats from 0 to 1, or uint8, in a"),
        ({"a": IMAGES, "b": np.arange(4)}, r"`folder: a\.npz` must have shape \(3,\)"),
    ],
)
def test_bad_npz(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        make(tmp_path, folder=tmp_path / "a.npz")


def test_npz_that_is_none(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"a\.npz cannot be read as an \.npz file"):
        make(tmp_path, folder=tmp_path / "a.npz")
