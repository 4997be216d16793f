"""`keras-latent report`: the page about a run, from files like those of a run."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from keras_latent import models
from keras_latent.src.applications.own.report import TRANSLATING, command_of, write_report
from keras_latent.src.applications.running.run_directory import REPORT, RunDirectory
from keras_latent.src.cli import cli
from keras_latent.src.cli.registry import APPLICATIONS

ROOT = Path(__file__).resolve().parents[2]
# One pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
RUN = {"application": "mnist-usps", "epochs": 3, "learning_rate": 5e-4, "limit": None}
RUN |= {"match": False, "preset": "a <b> & 'c'", "backend": "jax"}
FIGURES = {
    "transfer_accuracy": {"source_to_target": 0.912345678, "target_to_source": 0.5},
    "class_kept": {
        "source": {"sampled": 0.1, "mean": 0.2},
        "target": {"sampled": 0.3, "mean": 0.4},
        "<none>": {},
    },
    "test_rows": 12345,
    "error": 123456.7,
    "known": None,
    "best_is_last": True,
    "strengths": [1.0, 2.5],
    "epochs": [{"information": i / 3} for i in range(9)],
}
PICTURES = [f"grids/epoch_{i:04}.png" for i in (1, 2, 10)] + ["pca.png", "training.png"]


def write_model(path, class_name):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": class_name}))


@pytest.fixture
def unfinished(tmp_path):
    folder = tmp_path / "a run"
    (folder / "grids").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(RUN))
    (folder / "history.csv").write_text("epoch,loss,val_loss\n0,3.0,NA\n1,2.0,2.5\n")
    return folder


@pytest.fixture
def finished(unfinished):
    metrics = {
        "command": "keras-latent run mnist-usps --preset '<b>'",
        "date": "2026-03-04T23:06:07-02:00",
        "environment": {"keras": "3.x", "hardware": "<cores>"},
        "wall_seconds": 12.5,
        "resumed": True,
        "figures": FIGURES,
    }
    (unfinished / "metrics.json").write_text(json.dumps(metrics))
    for name in PICTURES:
        (unfinished / name).write_bytes(PNG + name.encode())
    (unfinished / "transferred").mkdir()
    (unfinished / "transferred" / "digit_0.wav").write_bytes(b"RIFF")
    write_model(unfinished / "model_to_source.keras", "LSTNet")
    write_model(unfinished / "vae.keras", "VAE")
    (unfinished / "model.keras").write_bytes(b"damaged")
    return unfinished


def page(folder):
    return write_report(folder).read_text()


def section(text, title):
    return text.split(f"<h2>{title}</h2>")[1].split("<h2>")[0]


def embedded(text, kind):
    return [base64.b64decode(d) for d in re.findall(rf'src="data:{kind};base64,([^"]*)"', text)]


def test_all_parts_of_a_finished_run(finished):
    text = page(finished)
    titles = ["Configuration", "Command", "Curves", "Figures", "Pictures", "Sounds", "Environment"]
    assert re.findall("<h2>(.*)</h2>", text) == [*titles, "Load the model"]
    assert "<title>mnist-usps: LSTNet, VAE</title>" in text
    assert "<strong>Finished</strong>" in text and "2026-03-05 01:06 UTC" in text
    assert "<tr><th>learning_rate</th><td>0.0005</td></tr>" in section(text, "Configuration")
    assert "<td>none</td>" in section(text, "Configuration")
    assert ">3.x<" in text and "<th>seconds since it was resumed</th><td>12.5</td>" in text
    assert embedded(section(text, "Sounds"), "audio/wav") == [b"RIFF"]


def test_figures_are_rounded_and_long_lists_folded(finished):
    text = section(page(finished), "Figures")
    assert "<tr><th>source to target</th><td>0.9123</td></tr>" in text
    assert "<th>transfer accuracy</th>" in text
    # A table of two columns, in which one row is empty.
    assert "<tr><th></th><th>sampled</th><th>mean</th></tr>" in text
    assert "<tr><th>target</th><td>0.3</td><td>0.4</td></tr>" in text
    assert "<tr><th>&lt;none&gt;</th><td></td><td></td></tr>" in text
    for value in ("12345", "123457", "none", "yes", "1, 2.5"):
        assert f"<td>{value}</td>" in text
    (folded,) = re.findall("<details>(.*)</details>", text)
    assert "<summary>9 values</summary>" in folded and "<td>2.667</td>" in folded


def test_the_latest_grid_is_shown_and_the_others_folded(finished):
    shown, folded = section(page(finished), "Pictures").split("<details>")
    assert re.findall('alt="(.*?)"', shown) == ["grids/epoch_0010.png", "pca.png"]
    assert re.findall('alt="(.*?)"', folded) == ["grids/epoch_0001.png", "grids/epoch_0002.png"]
    assert "<summary>2 earlier grids</summary>" in folded
    assert embedded(shown, "image/png") == [PNG + b"grids/epoch_0010.png", PNG + b"pca.png"]


def test_curves_are_drawn_from_all_logs(finished):
    (finished / "vae").mkdir()
    shutil.copy(finished / "history.csv", finished / "vae" / "history.csv")
    text = page(finished)
    assert re.findall('alt="(.*?)"', section(text, "Curves")) == ["history.csv", "vae/history.csv"]
    for svg in embedded(section(text, "Curves"), r"image/svg\+xml"):
        assert svg.startswith(b"<?xml") and b"loss" in svg
    for name in ("history.csv", "vae/history.csv"):
        (finished / name).write_text("epoch,loss\n")  # a training that was killed at its start
    text = page(finished)
    assert "Curves" not in text and 'alt="training.png"' in section(text, "Pictures")


def test_loading_names_the_files_and_classes(finished):
    text = section(page(finished), "Load the model").replace("&#x27;", "'")
    to_source, vae = text.split("vae.keras: VAE")
    assert "<h3>model_to_source.keras: LSTNet</h3>" in to_source
    assert f"load_model('{finished}/model_to_source.keras')" in to_source
    assert "model.translate(x, to='source')" in to_source
    assert "model.reconstruct(x, 'target')" in to_source
    assert "model.encode(x)" in vae and "translate" not in vae
    assert "<p>model.keras cannot be read.</p>" in text


def runs(text):
    """The lines of a page that load a model, run on four images."""
    (code,) = re.findall("<h3>.*?<pre>(.*?)</pre>", text, re.DOTALL)
    names = {"x": np.random.default_rng(0).random((4, 8, 8, 1), "float32")}
    exec(code.replace("&#x27;", "'"), names)
    return names


@pytest.mark.parametrize(
    ("class_name", "preset"), [("VBTA", "vbta_digits_transpose"), ("VAE", "vae_digits")]
)
def test_the_lines_that_load_a_model_run(unfinished, class_name, preset):
    model = getattr(models, class_name).from_preset(preset, load_weights=False)
    model.save(unfinished / "model.keras")
    found = runs(section(page(unfinished), "Load the model"))
    assert found["reconstructed"].shape == (4, 8, 8, 1)
    if class_name == "VBTA":
        expected = model.translate(found["x"], to="target")
        np.testing.assert_allclose(found["translated"], expected, atol=1e-5)
    else:
        np.testing.assert_allclose(found["latents"], model.encode(found["x"]), atol=1e-5)


def test_verbs_are_those_of_the_classes():
    for name in models.__all__:
        verb = next(
            (v for v in ("translate", "transfer") if hasattr(getattr(models, name), v)), None
        )
        if name in TRANSLATING:
            assert TRANSLATING[name] == verb
        else:  # edits of attributes
            assert verb != "translate"


def test_an_unfinished_run(unfinished):
    text = page(unfinished)
    assert "<strong>Not finished: 2 of 3 epochs are trained</strong>" in text
    assert re.findall("<h2>(.*)</h2>", text) == ["Configuration", "Command", "Curves"]
    command = section(text, "Command")
    assert "KERAS_BACKEND=jax keras-latent run mnist-usps --epochs 3" in command
    assert "--out &#x27;" in command and "limit" not in command and "match" not in command
    (unfinished / "history.csv").unlink()
    assert "0 of 3 epochs" in page(unfinished) and "Curves" not in page(unfinished)
    (unfinished / "run.json").write_text(json.dumps({"application": "a", "steps": 6000}))
    assert "0 epochs are logged of a run of 6000 steps" in page(unfinished)
    (unfinished / "metrics.json").write_text("{")
    assert "Not finished" in page(unfinished)


@pytest.mark.parametrize("name", APPLICATIONS)
@pytest.mark.parametrize("options", [[], ["--seed", "0", "--paired-per-batch", "0", "--no-flip"]])
def test_the_command_of_an_unfinished_run_repeats_it(name, options):
    def configuration(argv):
        arguments = cli.build_parser().parse_args(argv)
        APPLICATIONS[name].options.complete(arguments)
        return {k: v for k, v in vars(arguments).items() if k not in cli.NOT_CONFIGURATION}

    if options and name != "celeba-men-women":
        options = ["--seed", "7", "--mixed-precision", "mixed_bfloat16"]
    first = configuration(["run", name, *options])
    command = command_of({"application": name, **first, "backend": "torch"}, Path("the run"))
    words = shlex.split(command)
    assert words[0] == "keras-latent" and words[-2:] == ["--out", "the run"]
    assert configuration(words[1:]) == first


def test_everything_is_escaped(finished):
    text = page(finished)
    for word in ("<b>", "<none>", "<cores>"):
        assert word not in text and word.replace("<", "&lt;").replace(">", "&gt;") in text
    assert "a &lt;b&gt; &amp; &#x27;c&#x27;" in text


def test_the_page_needs_no_other_file(finished):
    text = page(finished)
    assert "<script" not in text and "<link" not in text and "url(" not in text
    sources = re.findall(r'(?:src|href)\s*=\s*"(.{5})', text)
    assert len(sources) == 6 and set(sources) == {"data:"}
    assert "color-scheme: light dark" in text and 'name="viewport"' in text


def test_a_run_is_only_read_and_the_page_replaced_when_complete(finished, monkeypatch, tmp_path):
    page(finished)
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    other = tmp_path / "new" / "other.html"
    assert write_report(finished, other) == other
    assert section(other.read_text(), "Pictures") == section(page(finished), "Pictures")
    before[finished / REPORT] = (finished / REPORT).read_bytes()
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before

    def full(self, *args, **kwargs):
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            write_report(finished)
        assert cli.main(["report", str(finished)]) == 2
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_the_page_belongs_to_the_run(finished):
    page(finished)
    (finished / "mine.html").write_text("mine")
    with RunDirectory(finished, RUN, overwrite=True):
        pass
    kept = {path.name for path in finished.iterdir() if path.is_file()}
    assert kept == {"run.json", "mine.html"}


def test_a_page_does_not_claim_a_folder_in_which_nothing_was_trained(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    page(tmp_path)
    with RunDirectory(tmp_path, RUN | {"preset": "another"}) as directory:
        assert not directory.resumed


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        ("{", "Expecting property name"),
        ('{"epochs": 1}', "names no application"),
        ("3", "run.json"),
    ],
)
def test_a_folder_without_a_run_is_refused(content, problem, tmp_path, capsys):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    assert cli.main(["report", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "`RUN` must be the folder of a run" in said and problem in said
    assert f"Received: {str(tmp_path)!r}" in said and not (tmp_path / REPORT).exists()


@pytest.mark.parametrize("out", ["model.keras", "folder.html"])
def test_only_pages_are_written(finished, out, capsys):
    (finished / "folder.html").mkdir()
    assert cli.main(["report", str(finished), "--out", str(finished / out)]) == 2
    assert "`--out` must be a file that ends in .html" in capsys.readouterr().err
    assert (finished / "model.keras").read_bytes() == b"damaged"


WITHOUT_KERAS = """
import sys
sys.argv = ["keras-latent", "report", sys.argv[1]]
from keras_latent.src.cli import cli
assert cli.main() == 0 and not {"keras", "torch", "jax", "tensorflow"} & set(sys.modules)
"""


def test_the_command_needs_no_keras(finished):
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, str(finished)],
        env=os.environ | {"KERAS_BACKEND": "none", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"Report: {finished / REPORT}\n"
    assert "Load the model" in (finished / REPORT).read_text()
