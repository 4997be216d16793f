"""Every example in docstrings, README.md and the quick start runs."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import keras_latent

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))

import run_blocks  # noqa: E402

README = TESTS.parent / "README.md"
QUICK_START = README.parent / "docs" / "quick_start.md"
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(keras_latent.__path__, "keras_latent.")
    if "applications" not in module.name
)


@pytest.mark.once
@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0


@pytest.mark.once
def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = sum(
        len(test.examples)
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert examples > 100


# The quick start has a block per model, so it runs on one backend only.
@pytest.mark.parametrize(
    "page",
    [README, pytest.param(QUICK_START, marks=pytest.mark.once)],
    ids=["README", "quick_start"],
)
def test_blocks(page, tmp_path):
    """The blocks run in one session, with only the packages that the page installs."""
    backend = keras.backend.backend()
    result = subprocess.run(
        [sys.executable, str(TESTS / "run_blocks.py"), str(page), backend],
        cwd=tmp_path,
        env=os.environ
        | {
            "KERAS_BACKEND": backend,
            "KERAS_HOME": str(tmp_path / "keras"),
            "KERAS_MAX_EPOCHS": "1",
            "KERAS_MAX_STEPS_PER_EPOCH": "2",
            "PYTHONPATH": str(README.parent),
        },
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr
    saved = {"README": "translate.onnx", "quick_start": "transfer.keras"}[page.stem]
    assert (tmp_path / saved).stat().st_size > 1000


@pytest.mark.once
def test_each_block_follows_an_install_line():
    known = set(run_blocks.PROJECT["optional-dependencies"])
    for page in (README, QUICK_START):
        lines = [extras for _, extras in run_blocks.blocks(page)]
        assert len(lines) >= 3 and all(lines) and set().union(*lines) <= known


@pytest.mark.once
def test_packages_of_an_install_line():
    brings = run_blocks.distributions({"torch", "viz"})
    assert {"keras", "h5py", "torch", "sympy", "scikit-learn", "joblib", "tensorboard"} <= brings
    assert not {"tensorflow", "jax", "onnx", "tensorflow-datasets", "pytest"} & brings
    hiding = run_blocks.Hiding()
    hiding.allowed = brings
    assert hiding.find_spec("sklearn") and hiding.find_spec("json")
    assert hiding.find_spec("pytest") is None


@pytest.mark.once
def test_the_gate_runs_the_test_line_of_the_readme():
    text = README.read_text()
    line = re.search(r"<!-- test line -->.*?^(pip install.*?)$", text, re.M | re.S)[1]
    assert "tests/all_backends.py" in line
    gate = (README.parent / ".ci" / "run").read_text()
    assert "<!-- test line -->" in gate and 'eval "$tests"' in gate


@pytest.mark.once
def test_tables_are_rendered_from_the_result_files():
    from benchmarks import tables

    for rendered in tables.README_TABLES.values():
        assert rendered() in README.read_text()
    assert tables.render() == tables.TABLES.read_text()


@pytest.mark.once
def test_presets_of_the_pages_exist():
    pages = [README, *(README.parent / "docs").rglob("*.md")]
    kinds = "vae|tvae|vbta|jmvae|lstnet|dual_vae|cvae|fader|bridging|transfer|wavegan"
    kinds += "|cyclegan|discogan|pix2pix|unit|cogan|star_gan"
    pattern = rf"[`\"]((?:{kinds})_(?:digits|mnist|celeba|tiny|sc09|spoken)[a-z_]*)[`\"]"
    names = {name for page in pages for name in re.findall(pattern, page.read_text())}
    known = {
        p for m in keras_latent.models.__all__ for p in getattr(keras_latent.models, m).presets
    }
    assert names and names <= known
