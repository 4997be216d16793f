"""Every guide runs from top to bottom and has the required form."""

import ast
import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext")

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

import render_guides  # noqa: E402

GUIDES = sorted((ROOT / "guides").glob("*.py"))
#: Guides that run on another backend than the tests. One each, since compiling takes long.
COMPILED = {"custom_models": "jax", "triplets_and_metric_learning": "tensorflow"}
# Data sets that TensorFlow Datasets reads, as they are written in the code of a guide.
THROUGH_TFDS = re.compile(r"""["'](mnist|fashion_mnist|usps|spoken_digit)""")

each_guide = pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)


def draws(node):
    """Whether a statement only calls a function of `visualization`."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).startswith("visualization.")
        and not node.value.func.attr.startswith("write_")
    )


@pytest.fixture
def short(guide, tmp_path, monkeypatch, request):
    """A folder to run in, and settings: one epoch of two steps, and no files elsewhere."""
    settings = {
        "KERAS_HOME": str(tmp_path / "home"),
        "KERAS_MAX_EPOCHS": "1",
        "KERAS_MAX_STEPS_PER_EPOCH": "2",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    cells = jupytext.read(guide).cells
    if any(cell.cell_type == "code" and THROUGH_TFDS.search(cell.source) for cell in cells):
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
    notebook = jupytext.read(guide)
    assert guide.read_text().count("\n") < 300
    assert notebook.metadata["jupytext"]["text_representation"]["format_name"] == "percent"
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert set(notebook.metadata) <= {"description", "accelerator", "kernelspec", "jupytext"}
    assert len(notebook.metadata["description"]) > 20
    # Text first, under the only title, then sections.
    first, *others = notebook.cells
    assert re.match(r"# \S.*\n\n## \S", first.source) and first.cell_type == "markdown"
    for before, cell in zip(notebook.cells, others, strict=False):
        assert cell.source.strip() and cell.cell_type != before.cell_type, cell.source
        if cell.cell_type == "markdown":
            assert not re.search(r"^# ", cell.source, re.M), cell.source
        else:
            # A notebook shows only the value of a cell's last line.
            *before, _ = ast.parse(cell.source).body
            hidden = [ast.unparse(node) for node in before if draws(node)]
            assert not hidden, f"not the last line of its cell: {hidden}"


@each_guide
def test_public_names_only(guide):
    assert not re.search(r"keras_latent\.src|keras_latent import src", guide.read_text())


@each_guide
def test_it_runs(guide, short, monkeypatch):
    """As a notebook, whose code is the script's; on one backend."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    backend = COMPILED.get(guide.stem)
    if backend and importlib.util.find_spec(backend):
        monkeypatch.setenv("KERAS_BACKEND", backend)
    notebook = jupytext.read(guide)
    render_guides.execute(notebook, short, timeout=600)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown = [output.get("data", {}) for output in cell.outputs]
            if draws(ast.parse(cell.source).body[-1]):
                assert any("image/png" in data for data in shown), cell.source
    assert list(short.glob("**/*.png"))
