"""Every example in a docstring and in README.md runs."""

import doctest
import importlib
import os
import pkgutil
import re
from pathlib import Path

import keras
import pytest

import keras_latent

README = Path(__file__).parents[1] / "README.md"
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


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


@pytest.mark.parametrize("page", [README, QUICK_START], ids=["README", "quick_start"])
def test_blocks(page, tmp_path, monkeypatch):
    # The blocks build on each other, as a reader's session does; in a folder of their own.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    limits = keras.config.max_epochs(), keras.config.max_steps_per_epoch()
    keras.config.set_max_epochs(1)
    keras.config.set_max_steps_per_epoch(2)
    try:
        namespace = {}
        for block in blocks(page, "python"):
            exec(compile(block, str(page), "exec"), namespace)
    finally:
        keras.config.set_max_epochs(limits[0])
        keras.config.set_max_steps_per_epoch(limits[1])
    assert len(blocks(page, "python")) >= 2
    assert os.listdir(tmp_path)


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
    kinds = "vae|tvae|vbta|lstnet|dual_vae|cvae|fader|bridging|transfer|wavegan"
    pattern = rf"[`\"]((?:{kinds})_(?:digits|mnist|celeba|tiny|sc09|spoken)[a-z_]*)[`\"]"
    names = {name for page in pages for name in re.findall(pattern, page.read_text())}
    known = {
        p for m in keras_latent.models.__all__ for p in getattr(keras_latent.models, m).presets
    }
    assert names and names <= known
