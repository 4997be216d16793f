"""`keras-latent translate` with trained presets, on digits of other sizes and colors."""

import weakref

import keras
import numpy as np
import pytest
from PIL import Image

from keras_latent import datasets, models
from keras_latent.src.applications.own import translate
from keras_latent.src.applications.own.saved_models import find_model, load_model
from keras_latent.src.cli import cli
from keras_latent.src.datasets.folders.image_files import read_image
from keras_latent.src.utils import progress

VBTA, LSTNET = "vbta_digits_transpose_sharp", "lstnet_mnist_usps_small"
NAMES = ("a.png", "b.PNG", "c.bmp", "sub/a.png", "sub/deep/d.tif", "sub/e.png")


@pytest.fixture(scope="module")
def digits():
    (images, _), _ = datasets.load_arrays("digits")
    return images[:6]


@pytest.fixture
def folder(digits, tmp_path):
    """Six pictures, 20 x 30 pixels in color."""
    for name, digit in zip(NAMES, digits, strict=True):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digit[..., 0]).convert("RGB").resize((30, 20)).save(path)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    (tmp_path / "in" / ".hidden.png").write_text("no image")
    return tmp_path / "in"


def run(*words):
    return cli.main(["translate", *map(str, words)])


def made(folder):
    return {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}


def pixels(images):
    return np.round(np.clip(images, 0, 1) * 255).astype("uint8")


@pytest.fixture
def calls(monkeypatch):
    """The number of rows of each call of `VBTA.translate`."""
    rows, original = [], models.VBTA.translate

    def translate(self, x, *args, **kwargs):
        rows.append(len(x))
        return original(self, x, *args, **kwargs)

    monkeypatch.setattr(models.VBTA, "translate", translate)
    return rows


@pytest.mark.each_backend
@pytest.mark.parametrize("to", [None, "target", "source"])
def test_a_folder(folder, tmp_path, to, capsys):
    """`--to` chooses the direction, and so the sizes; names are kept."""
    out = tmp_path / "new" / "out"
    assert run(LSTNET, folder, out, "--batch-size", 4, *(["--to", to] if to else [])) == 0
    model, to = models.LSTNet.from_preset(LSTNET), to or "target"
    shape = model.event_shapes["target" if to == "source" else "source"]
    found = made(out)
    assert sorted(found) == sorted(NAMES)
    for name, path in found.items():
        x = read_image(folder / name, shape[:2], 1)[None] / np.float32(255)
        expected = pixels(model.translate(x, to=to)[0])
        image = np.asarray(Image.open(path))[..., None]
        assert image.shape == model.event_shapes[to]
        assert np.abs(image.astype(int) - expected).max() <= 1
    said = capsys.readouterr()
    side = {"target": 28, "source": 16}[to]
    assert said.out.startswith(f"LSTNet: translation to the {to}, of images cut to {side}x{side}, ")
    assert said.out.endswith("\nImages written: 6\n")


def test_every_batch_has_the_same_size(folder, tmp_path, calls):
    assert run(VBTA, folder, tmp_path / "out", "--batch-size", 4) == 0
    assert calls == [4, 4] and len(made(tmp_path / "out")) == 6


def test_an_interrupted_command_resumes(folder, tmp_path, calls, monkeypatch, capsys):
    out, function = tmp_path / "out", models.VBTA.translate

    def interrupted(self, *args, **kwargs):
        if calls:
            raise KeyboardInterrupt
        return function(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(models.VBTA, "translate", interrupted)
        assert run(VBTA, folder, out, "--batch-size", 4) == 130
    assert "Interrupted. Run the same command again to resume." in capsys.readouterr().err
    before = {name: path.stat().st_mtime_ns for name, path in made(out).items()}
    assert len(before) == 4

    assert run(VBTA, folder, out, "--batch-size", 4) == 0
    said = capsys.readouterr().out
    assert f"4 of 6 images are in {str(out)!r} already and are skipped. `--overwrite`" in said
    assert "Images written: 2\n" in said and calls == [4, 4]
    after = {name: path.stat().st_mtime_ns for name, path in made(out).items()}
    assert sorted(after) == sorted(NAMES) and before.items() <= after.items()

    assert run(VBTA, folder, out) == 0 and len(calls) == 2
    assert "Images written: 0\n" in capsys.readouterr().out


def test_overwrite_replaces_the_files_of_a_folder(folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_text("old")
    (out / "other.png").write_text("kept")
    assert run(VBTA, folder, out, "--overwrite") == 0
    assert Image.open(out / "a.png").size == (8, 8)
    assert (out / "other.png").read_text() == "kept"
    said = capsys.readouterr().out
    assert "skipped" not in said and "Images written: 6" in said

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(models.VBTA, "translate", interrupted)
    assert run(VBTA, folder, out, "--overwrite") == 130  # without it, old files would be skipped
    assert capsys.readouterr().err.endswith("Interrupted. Run the same command again.\n")


def test_broken_files_are_left_out_and_listed(folder, tmp_path, capsys):
    for i in range(23):
        (folder / f"broken_{i}.png").write_bytes((folder / "a.png").read_bytes()[: 60 + i])
    assert run(VBTA, folder, tmp_path / "out", "--batch-size", 5) == 1
    assert sorted(made(tmp_path / "out")) == sorted(NAMES)
    said = capsys.readouterr()
    assert "Images written: 6\n" in said.out
    first, *lines, last = said.err.splitlines()
    assert first == "Files left out because they are broken: 23" and last == "  and 3 more"
    assert len(lines) == 20 and len({*lines}) == 20
    assert all("broken_" in line and "cannot be read as an image" in line for line in lines)


def test_a_single_broken_file(tmp_path, capsys):
    (tmp_path / "a.png").write_text("no image")
    assert run(VBTA, tmp_path / "a.png", tmp_path / "b.png") == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith("broken: 1") and len(said) == 2
    assert not (tmp_path / "b.png").exists()


def test_a_single_file(folder, tmp_path, calls, monkeypatch, capsys):
    out = tmp_path / "out.png"
    assert run(VBTA, folder / "a.png", out) == 0
    assert Image.open(out).size == (8, 8) and calls == [1]
    with monkeypatch.context() as patch:
        patch.setattr(translate, "load_model", None)  # nothing is computed
        assert run(VBTA, folder / "b.PNG", out) == 2
    assert "exists" in capsys.readouterr().err
    before = out.read_bytes()
    assert run(VBTA, folder / "b.PNG", out, "--overwrite") == 0
    assert out.read_bytes() != before


def test_memory_does_not_grow_with_the_number_of_files(folder, tmp_path, monkeypatch):
    """Names are taken as they are needed, and one batch of images is alive."""
    ahead, alive, named, written = [], [], [], []
    references, write = [], translate.write_image
    originals = list(translate.image_files(folder))

    def names(source):
        named.clear()
        for i in range(40):
            named.append(i)
            ahead.append(len(named) - len(written))
            yield source / f"{i}.png"

    def read(path, size, channels):
        image = read_image(originals[0], size, channels)
        references.append(weakref.ref(image))
        alive.append(sum(reference() is not None for reference in references))
        return image

    def count(path, image):
        written.append(path)
        write(path, image)

    monkeypatch.setattr(translate, "image_files", names)
    monkeypatch.setattr(translate, "read_image", read)
    monkeypatch.setattr(translate, "write_image", count)
    assert run(VBTA, folder, tmp_path / "out", "--batch-size", 4) == 0
    assert len(written) == 40 and max(alive) <= 4
    assert max(ahead[-40:]) <= 4


def test_progress(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "ELSEWHERE", 0.0)
    assert run(VBTA, folder, tmp_path / "out", "--batch-size", 4) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("4 of 6 images, ") and lines[1].endswith(" s left")
    assert lines[2] == "6 of 6 images, 0 s left"


def test_an_array(digits, tmp_path, capsys):
    """uint8 or floats, with or without the axis of channels."""
    model = models.VBTA.from_preset(VBTA)
    x = digits / np.float32(255)
    expected = model.translate(x, to="source")
    np.savez(tmp_path / "bytes.npz", digits=digits[..., 0])
    np.savez(tmp_path / "floats.npz", digits=x.astype("float64"))
    for name, values in (("bytes", pixels(expected)), ("floats", expected)):
        out = tmp_path / "new" / f"{name}.npz"
        command = (VBTA, tmp_path / f"{name}.npz", out, "--to", "source", "--batch-size", 4)
        assert run(*command) == 0
        with np.load(out) as archive:
            assert archive.files == ["digits"]
            array = archive["digits"]
        assert array.dtype == values.dtype and array.shape == values.shape
        tolerance = 1 if name == "bytes" else 1e-5
        assert np.abs(array.astype("float64") - values).max() <= tolerance
        assert "Images written: 6\n" in capsys.readouterr().out
        assert run(*command) == 2 and "exists" in capsys.readouterr().err


def test_an_array_of_another_size(digits, tmp_path, monkeypatch, capsys):
    """Resized as image files are, a batch at a time."""
    color = np.repeat(np.kron(digits, np.ones((1, 3, 2, 1), "uint8")), 3, axis=-1)
    color[..., 1] //= 2
    folder = tmp_path / "files"
    folder.mkdir()
    for i, image in enumerate(color):
        Image.fromarray(image).save(folder / f"{i}.png")
    assert run(VBTA, folder, tmp_path / "made") == 0
    files = [np.asarray(Image.open(tmp_path / "made" / f"{i}.png"))[..., None] for i in range(6)]
    np.savez(tmp_path / "bytes.npz", x=color)
    np.savez(tmp_path / "floats.npz", x=color / 255)
    rows, original = [], translate.Translation.__call__

    def call(self, images, batch_size):
        rows.append((images.shape, images.dtype.name))
        return original(self, images, batch_size)

    monkeypatch.setattr(translate.Translation, "__call__", call)
    made = {}
    for name in ("bytes", "floats"):
        path = tmp_path / f"{name}-made.npz"
        assert run(VBTA, tmp_path / f"{name}.npz", path, "--batch-size", 4) == 0
        assert "The images in the file are 24x16, color, and are resized.\n" in (
            capsys.readouterr().out
        )
        made[name] = np.load(path)["x"]
    assert rows[:2] == [((4, 8, 8, 1), "uint8"), ((2, 8, 8, 1), "uint8")]
    assert rows[2:] == [((4, 8, 8, 1), "float32"), ((2, 8, 8, 1), "float32")]
    np.testing.assert_array_equal(made["bytes"], files)
    assert made["floats"].dtype == "float32"
    rounded = np.clip(made["floats"], 0, 1), made["bytes"] / 255
    np.testing.assert_allclose(*rounded, atol=0.51 / 255)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((3, 9, 8, 2), "uint8")}, "`INPUT` must have shape (N, height, width) or"),
        ({"x": np.zeros((3, 0, 8, 1), "uint8")}, "`INPUT` must have shape (N, height, width) or"),
        ({"x": np.zeros((3, 8, 8, 1), "int64")}, "`INPUT` must be uint8"),
        ({"x": np.full((3, 8, 8, 1), 2.5)}, "`INPUT` must lie in [0, 1]"),
        ({"x": np.zeros((0, 8, 8, 1))}, "`INPUT` must have at least one row"),
        ({"x": np.zeros(3), "y": np.zeros(3)}, "one array of images. Received: arrays ['x', 'y']"),
        ({"x": np.array([None])}, "cannot be read as an .npz file"),
        (None, "cannot be read as an .npz file"),
    ],
)
def test_wrong_arrays(arrays, message, tmp_path, capsys):
    path = tmp_path / "in.npz"
    np.savez(path, **arrays) if arrays else path.write_text("nothing")
    assert run(VBTA, path, tmp_path / "out.npz") == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out.npz").exists()


@pytest.mark.each_backend
def test_attributes(folder, tmp_path, capsys):
    model = models.DualVAE.from_preset("dual_vae_digits")
    x = read_image(folder / "a.png", (8, 8), 1)[None] / np.float32(255)
    command = ("dual_vae_digits", folder / "a.png", tmp_path / "out.png", "--overwrite")
    for options, arguments in (
        (("--attribute", "3"), (3, 1.0)),
        (("--attribute", "attribute_2", "--strength", "-2"), (2, -2.0)),
    ):
        assert run(*command, *options) == 0
        number, strength = arguments
        said = capsys.readouterr().out
        assert f"'attribute_{number}' changed by {strength:g}, of images cut to 8x8, gray." in said
        image = np.asarray(Image.open(tmp_path / "out.png"))[..., None]
        expected = pixels(model.transfer(x, number, strength)[0])
        assert np.abs(image.astype(int) - expected).max() <= 1


def test_other_models(folder, tmp_path, capsys):
    assert run("tvae_digits", folder, tmp_path / "a") == 0
    assert "TVAE: reconstruction" in capsys.readouterr().out
    model = models.TVAE.from_preset("tvae_digits")
    x = read_image(folder / "a.png", (8, 8), 1)[None] / np.float32(255)
    image = np.asarray(Image.open(tmp_path / "a" / "a.png"))[..., None]
    assert np.abs(image.astype(int) - pixels(model.reconstruct(x)[0])).max() <= 1

    assert run("transfer_digits_transpose", folder, tmp_path / "b", "--to", "source") == 0
    assert "LatentDomainTransfer: translation to the source" in capsys.readouterr().out
    model = models.LatentDomainTransfer.from_preset("transfer_digits_transpose")
    image = np.asarray(Image.open(tmp_path / "b" / "a.png"))[..., None]
    assert np.abs(image.astype(int) - pixels(model.transfer(x, "source")[0])).max() <= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((VBTA, "in", "out", "--attribute", "3"), "`--attribute` is not for a `VBTA`, which offe"),
        (("tvae_digits", "in", "out", "--to", "source"), "`--to` is not for a `TVAE`, which offer"),
        (
            ("dual_vae_digits", "in", "out", "--to", "source"),
            "`--to` is not for a `DualVAE`, which offers changes of attributes, with `--attribute`",
        ),
        (("dual_vae_digits", "in", "out"), "`--attribute` is needed for a `DualVAE`: one of ['at"),
        (
            ("dual_vae_digits", "in", "out", "--attribute", "atribute_3"),
            "Received: 'atribute_3'. Did you mean 'attribute_3'?",
        ),
        (("dual_vae_digits", "in", "out", "--attribute", "10"), "or a number from 0 to 9"),
        ((VBTA, "in", "out", "--strength", "1"), "`--strength` needs `--attribute`"),
        (
            ("dual_vae_digits", "in", "out", "--attribute", "3", "--strength", "nan"),
            "`--strength` must be a finite number",
        ),
        ((VBTA, "in", "out", "--batch-size", "0"), "`--batch-size` must be a positive integer"),
        ((VBTA, "missing", "out"), "Received: 'missing', which does not exist"),
        ((VBTA, "empty", "out"), "must have image files (.png, "),
        ((VBTA, "in", "in"), "`OUTPUT` must be outside of the folder `INPUT`. Received: 'in'"),
        ((VBTA, "in", "in/sub/out"), "`OUTPUT` must be outside of the folder `INPUT`"),
        (
            (VBTA, "in", "x.npz"),
            "must both be files or both be folders. Received: a folder and a f",
        ),
        ((VBTA, "in/a.png", "empty"), "both be folders. Received: a file and a folder"),
        ((VBTA, "in/a.png", "out"), "`OUTPUT` must end in .png or .jpg"),
        ((VBTA, "in/a.png", "out.npz"), "`OUTPUT` must end in .png or .jpg"),
        ((VBTA, "x.npz", "out.png"), "`OUTPUT` must end in .npz"),
        (("vbta_digits_transpose_shrp", "in", "out"), f"Did you mean {VBTA!r}?"),
        (("vbta_digits_transpose", "in", "out"), "has no trained weights. Presets that have: dual"),
        (("hf://a/b/c", "in", "out"), "`MODEL` must be hf://USER/NAME or kaggle://USER/MODEL/ker"),
        (("missing.keras", "in", "out"), "must be the folder of a run, a `.keras` file, a preset"),
        (("in", "in", "out"), "must be a folder with a `model.keras` or a preset. Received: 'in'"),
    ],
)
def test_mistakes(words, message, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.npz").write_text("")
    assert run(*words) == 2
    said = capsys.readouterr().err
    assert message in said and said.startswith("keras-latent: ") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


# Models --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vbta():
    return models.VBTA.from_preset(VBTA)


def same(model, other):
    weights = zip(model.get_weights(), other.get_weights(), strict=True)
    return type(model) is type(other) and all(np.array_equal(a, b) for a, b in weights)


def test_files_runs_and_preset_directories(vbta, tmp_path):
    (tmp_path / "run").mkdir()
    vbta.save(tmp_path / "run" / "model.keras")
    vbta.save_to_preset(tmp_path / "preset")
    for name in (VBTA, "run", "run/model.keras", "preset"):
        found = load_model(name if name == VBTA else str(tmp_path / name))
        assert same(found, vbta), name


def test_a_run_with_a_model_for_each_domain(tmp_path):
    for to in ("source", "target"):
        (tmp_path / f"model_to_{to}.keras").write_text("")
        assert find_model(str(tmp_path), to) == tmp_path / f"model_to_{to}.keras"
    assert find_model(str(tmp_path)) == tmp_path / "model_to_target.keras"


def test_the_command_takes_the_model_of_its_domain(vbta, folder, tmp_path):
    """As runs of mnist-usps have two, each is loaded for its direction."""
    (tmp_path / "run").mkdir()
    vbta.save(tmp_path / "run" / "model_to_source.keras")
    assert run(tmp_path / "run", folder, tmp_path / "out", "--to", "source") == 0
    assert run(tmp_path / "run", folder, tmp_path / "other", "--to", "target") == 2


def sounds():
    """A model of two domains whose data are no images."""
    parts = {}
    for domain in ("source", "target"):
        x, z = keras.Input((5,)), keras.Input((2,))
        outputs = [keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)]
        parts[f"{domain}_encoder"] = keras.Model(x, outputs)
        parts[f"{domain}_decoder"] = keras.Model(z, keras.layers.Dense(5)(z))
    return models.VBTA(**parts)


def test_models_that_cannot(folder, tmp_path, capsys):
    path = tmp_path / "model.keras"
    bridge = models.BridgingVAE.from_preset("bridging_mnist", load_weights=False)
    plain = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Dense(1)])
    for model, message in (
        (bridge, "A `BridgingVAE` does not turn images into images."),
        (plain, "must hold a model of keras_latent. Received: a Sequential"),
        (sounds(), "must be a model of images (height, width, 1 or 3). Received: a `VBTA` from (5"),
    ):
        model.save(path)
        assert run(path, folder, tmp_path / "out") == 2
        assert message in capsys.readouterr().err


def test_damaged_models(folder, tmp_path, capsys):
    path = tmp_path / "model.keras"
    path.write_text("")
    assert run(path, folder, tmp_path / "out") == 2
    assert f"{str(path)!r} cannot be loaded: " in capsys.readouterr().err
    (tmp_path / "config.json").write_text('{"registered_name": "other>Model"}')
    path.unlink()
    assert run(tmp_path, folder, tmp_path.parent / "out") == 2
    said = capsys.readouterr().err
    assert "must be a preset directory of one of ['BridgingVAE'" in said
    (tmp_path / "config.json").unlink()
    (tmp_path / "run.json").write_text("{}")
    assert run(tmp_path, folder, tmp_path.parent / "out") == 2
    assert "which has neither. Is the run finished?" in capsys.readouterr().err
