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
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(keras_latent.__path__, "keras_latent.")
    if "applications" not in module.name
)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = sum(
        len(test.examples)
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert examples > 100


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.M | re.S)


def test_readme_blocks(tmp_path, monkeypatch):
    # The blocks build on each other, as a reader's session does; in a folder of their own.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    limits = keras.config.max_epochs(), keras.config.max_steps_per_epoch()
    keras.config.set_max_epochs(1)
    keras.config.set_max_steps_per_epoch(2)
    try:
        namespace = {}
        for block in blocks("python"):
            exec(compile(block, str(README), "exec"), namespace)
    finally:
        keras.config.set_max_epochs(limits[0])
        keras.config.set_max_steps_per_epoch(limits[1])
    assert len(blocks("python")) >= 3
    assert os.listdir(tmp_path)


def test_the_gate_runs_the_test_line_of_the_readme():
    text = README.read_text()
    line = re.search(r"<!-- test line -->.*?^(pip install.*?)$", text, re.M | re.S)[1]
    assert "tests/all_backends.py" in line
    gate = (README.parent / ".ci" / "run").read_text()
    assert "<!-- test line -->" in gate and 'eval "$line"' in gate


def test_tables_are_rendered_from_the_result_files():
    from benchmarks import tables

    for rendered in tables.README_TABLES.values():
        assert rendered() in README.read_text()
    assert tables.render() == tables.TABLES.read_text()


def test_presets_of_the_readme_exist():
    names = set(
        re.findall(
            r"`((?:vae|tvae|vbta|lstnet|dual_vae|cvae|fader|bridging)_[a-z_]+)`", README.read_text()
        )
    )
    known = {
        p for m in keras_latent.models.__all__ for p in getattr(keras_latent.models, m).presets
    }
    assert names and names <= known
