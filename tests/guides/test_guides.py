"""Every guide runs from top to bottom and keeps its form."""

import ast
import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

import tutobook  # noqa: E402

GUIDES = sorted((ROOT / "guides").glob("*.py"))
#: The guides that run elsewhere than on the tests' backend: one each, since they compile for long.
COMPILED = {"custom_models": "jax", "triplets_and_metric_learning": "tensorflow"}
# What the code of a guide has in quotes whose data comes through TensorFlow Datasets.
THROUGH_TFDS = re.compile(r"""["'](mnist|fashion_mnist|usps|spoken_digit)""")

each_guide = pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)


def draws(node):
    """Whether a statement is a call of `visualization`, for its picture alone."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).startswith("visualization.")
        and not node.value.func.attr.startswith("write_")
    )


@pytest.fixture
def short(guide, tmp_path, monkeypatch, request):
    """A folder to run in: two steps of one epoch for each training, and files nowhere else."""
    settings = {
        "KERAS_HOME": str(tmp_path / "home"),
        "KERAS_MAX_EPOCHS": "1",
        "KERAS_MAX_STEPS_PER_EPOCH": "2",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    _, cells = tutobook.cells_of(guide.read_text())
    if any(cell.kind == "code" and THROUGH_TFDS.search(cell.source) for cell in cells):
        settings["TFDS_DATA_DIR"] = request.getfixturevalue("tfds_data_dir")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DISPLAY", raising=False)
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_there_are_guides():
    assert len(GUIDES) >= 3
    listed = re.findall(r"^\| `(\w+\.py)`", (ROOT / "guides" / "README.md").read_text(), re.M)
    assert sorted(listed) == [guide.name for guide in GUIDES]


@each_guide
def test_form(guide):
    text = guide.read_text()
    header, cells = tutobook.cells_of(text)
    assert text.count("\n") < 300
    assert header["Author"] == "The keras_latent authors"
    assert header["Date created"] <= header["Last modified"]
    # Prose first, and sections under the one title that the notebook makes of the header.
    assert cells[0].kind == "markdown" and cells[0].source.startswith("## ")
    for cell in cells:
        if cell.kind == "code":
            # A notebook shows only what a cell ends with.
            *before, _ = ast.parse(cell.source).body
            hidden = [ast.unparse(node) for node in before if draws(node)]
            assert not hidden, f"not the last line of its cell: {hidden}"


@each_guide
def test_it_runs(guide, short, monkeypatch):
    """As a notebook, whose code is the script's; on one backend."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    backend = COMPILED.get(guide.stem)
    if backend and importlib.util.find_spec(backend):
        monkeypatch.setenv("KERAS_BACKEND", backend)
    notebook = tutobook.execute(tutobook.to_notebook(guide), short, timeout=600)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown = [output.get("data", {}) for output in cell.outputs]
            if draws(ast.parse(cell.source).body[-1]):
                assert any("image/png" in data for data in shown), cell.source
    assert list(short.glob("**/*.png"))
