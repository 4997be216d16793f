"""The site builds without warnings, is complete, and shows the figures of the result files."""

import logging
import os
import re
import sys
from pathlib import Path

import keras
import pytest

import keras_latent

pytest.importorskip("mkdocs")
pytest.importorskip("material")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(ROOT / "docs" / "hooks"))

import api_pages  # noqa: E402
import html_pages  # noqa: E402

from benchmarks import paper_tables, results, tables  # noqa: E402

PAPERS = ("tvae", "vbta", "latent_domain_transfer", "dual_vae", "lstnet")


def build(folder: Path) -> list[str]:
    """Build the site into a folder; return the warnings."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    warnings = []

    class Keep(logging.Handler):
        def emit(self, record):
            warnings.append(record.getMessage())

    keep = Keep(logging.WARNING)
    logger = logging.getLogger("mkdocs")
    logger.addHandler(keep)
    try:
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=False))
    finally:
        logger.removeHandler(keep)
    return warnings


def cells_of(markdown: str) -> list[list[str]]:
    """Return the rows of a Markdown table as a page shows them."""
    rows = [line.strip("|").split("|") for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in row] for row in rows if "---" not in row[0]]


def rows_of(*pages) -> set[tuple[str, ...]]:
    return {tuple(cell.strip() for cell in row) for page in pages for row in page.rows}


# One test, so that the site is built once even if several processes share the tests.
def test_the_site(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    monkeypatch.chdir(ROOT)
    site = tmp_path.resolve() / "site"
    assert build(site) == []
    pages = html_pages.read_site(site)
    page = {str(path.relative_to(site)): found for path, found in pages.items()}

    assert html_pages.broken(pages) == []
    check_nothing_is_loaded_from_elsewhere(site, pages)
    check_pictures(page)
    check_formulas(page)
    check_public_names(page)
    check_command_line(page)
    check_results(page)
    for path in pages:
        html = path.read_text()
        assert "guides" in path.parts or "{{" not in html, path
    assert not (site / "hooks").exists() and not list(site.rglob("*.py"))


def check_nothing_is_loaded_from_elsewhere(site, pages):
    loaded = {target for p in pages.values() for target in p.loaded}
    assert loaded and not [target for target in loaded if html_pages.is_external(target)]
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text()), sheet


def check_pictures(page):
    assert len(page["index.html"].pictures) >= 1
    for name, found in page.items():
        for source, alternative in found.pictures:
            assert len(alternative) > 5, f"{name}: {source} has no alternative text"
    shown = {Path(source).name for found in page.values() for source, _ in found.pictures}
    assert {path.name for path in (ROOT / "docs" / "images").glob("*.png")} <= shown


def check_formulas(page):
    for paper in PAPERS:
        found = page[f"papers/{paper}.html"]
        assert len(found.formulas) >= 5
        assert not [formula for formula in found.formulas if "\\" in formula or "$" in formula]
        assert "$" not in found.text and "arithmatex" not in found.path.read_text()


def check_public_names(page):
    anchors = {name: p.ids for name, p in page.items() if name.startswith("api/")}
    for module in api_pages.MODULES:
        names = set(getattr(keras_latent, module).__all__)
        if module == "models":
            names |= {"RejectionSamples", "networks_for", "rejection_sample"}
        assert names == set(api_pages.public_names(module))
        for name in names:
            wanted = f"keras_latent.{module}.{name}"
            where = [path for path, ids in anchors.items() if wanted in ids]
            assert len(where) == 1, f"{wanted} is on {where or 'no page'}"
            obj = getattr(getattr(keras_latent, module), name)
            if callable(obj):
                words = " ".join(obj.__doc__.split("\n\n")[0].replace("`", "").split())
                assert words in " ".join(page[where[0]].text.split()), wanted
    assert "translate" in page["api/models/vbta.html"].text  # an inherited method


def check_command_line(page):
    from keras_latent.src.cli import cli
    from keras_latent.src.cli.registry import APPLICATIONS

    text = page["api/command_line.html"].text
    run = next(a for a in cli.build_parser()._actions if a.dest == "command").choices["run"]
    names = next(a for a in run._actions if a.dest == "run_name").choices
    assert set(names) == set(APPLICATIONS)
    for name, parser in names.items():
        assert f"keras-latent run {name}" in text
        for option in parser._option_string_actions:
            assert option in text or option in ("-h", "--help")


def check_results(page):
    reliability = {line[0] for line in rows_of(page["reliability.html"])}
    for row in results.read("reliability")["rows"]:
        assert row["case"].replace("`", "") in reliability
    papers = [page[f"papers/{paper}.html"] for paper in PAPERS]
    shown, text = rows_of(*papers), "".join(p.text for p in papers)
    together = rows_of(page["results.html"])
    assert {tuple(line) for line in cells_of(tables.speed_table())} <= together
    for name, (files, rendered) in paper_tables.PAPER_TABLES.items():
        missing = [f for f in files if not (results.RESULTS / f"{f}.json").exists()]
        for file in missing:
            assert f"benchmarks/results/{file}.json: not run yet" in text, name
        if not missing:
            lines = [tuple(line) for line in cells_of(rendered())]
            assert lines and set(lines) <= shown & together, name


def test_the_first_command_is_that_of_the_readme():
    index = (ROOT / "docs" / "index.md").read_text()
    command = re.search(r"```bash\n(.*?)\n```", index, re.S)[1]
    assert command.count("\n") == 0 and "KERAS_BACKEND" not in command
    assert f"```bash\n{command}\n```" in (ROOT / "README.md").read_text()


def test_the_five_lines_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    index = (ROOT / "docs" / "index.md").read_text()
    code = re.search(r"```python\n(.*?)\n```", index, re.S)[1]
    limits = keras.config.max_epochs(), keras.config.max_steps_per_epoch()
    keras.config.set_max_epochs(1)
    keras.config.set_max_steps_per_epoch(2)
    namespace = {}
    try:
        exec(compile(code, "docs/index.md", "exec"), namespace)
    finally:
        keras.config.set_max_epochs(limits[0])
        keras.config.set_max_steps_per_epoch(limits[1])
    assert namespace["translated"].shape == namespace["pair"].target_test.shape
    assert os.listdir(tmp_path) == []
