"""Each guide has a page, which was rendered from its present text."""

import base64
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("yaml")
pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "hooks"))
sys.path.insert(0, str(ROOT / "docs"))

import macros  # noqa: E402
import render_guides  # noqa: E402

GUIDES = sorted((ROOT / "guides").glob("*.py"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_page_is_up_to_date(guide):
    page = ROOT / "docs" / "guides" / f"{guide.stem}.md"
    again = f"Run `python docs/render_guides.py guides/{guide.name}`."
    assert page.exists(), f"guides/{guide.name} has no page. {again}"
    header = macros.header_of(page)
    assert header["sha256"] == render_guides.digest(guide), (
        f"guides/{guide.name} has changed since its page was rendered. {again}"
    )
    assert header["source"] == f"guides/{guide.name}"


def test_pages_belong_to_guides_and_are_small():
    folder = ROOT / "docs" / "guides"
    pages = [page for page in folder.glob("*.md") if page.stem != "index"]
    assert {page.stem for page in pages} == {guide.stem for guide in GUIDES}
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 2.5e6
    for page in pages:
        text = page.read_text()
        shown = set(re.findall(rf"\]\({page.stem}_files/(\d+\.png)\)", text))
        assert shown == {path.name for path in (folder / f"{page.stem}_files").glob("*")}
        # No path of the machine, no progress bar, no warning of a library.
        assert not re.search(r"(?<![\w.~<])/(root|home|tmp|Users|usr|opt)/\w", text), page
        assert "━" not in text and "Warning:" not in text and "WARNING:" not in text


def test_printed_text_is_what_a_terminal_shows():
    bar = "Epoch 1/2\n\r 1/28 ━━━━━━ 9s 333ms/step - loss: 9.0\x08\x08\r"
    bar += "28/28 ━━━━━ 2s 4ms/step - loss: 3.5\n"
    assert render_guides.settled(bar) == "Epoch 1/2\n28/28 - loss: 3.5"
    # `predict` prints only its progress.
    assert render_guides.settled("\r1/4 ━━ 0s 8ms/step\x08\x08\r4/4 ━━━━ 0s 8ms/step\n") == ""
    assert render_guides.settled("\x1b[1mModel\x1b[0m\n\n\n\n  a  \n") == "Model\n\n  a"
    assert render_guides.settled("took 3s - or so\n") == "took 3s - or so"
    assert render_guides.settled("a\nWARNING:tensorflow:5 out of the last 7\nb\n") == "a\nb"


def test_paths_of_the_machine_are_removed(tmp_path):
    folder = str(tmp_path)
    text = f"saved {folder}/vbta.keras in {folder}, from {ROOT}/guides/x.py; ../up stays"
    shown = render_guides.without_paths(text, folder)
    assert shown == "saved vbta.keras in ., from guides/x.py; ../up stays"


def png(width: int) -> str:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (30, width, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_pictures_become_small():
    from PIL import Image

    original = base64.b64decode(png(2 * render_guides.WIDEST))
    small = render_guides.small_png(png(2 * render_guides.WIDEST))
    assert len(small) < len(original) / 3
    assert Image.open(io.BytesIO(small)).width == render_guides.WIDEST


def test_a_notebook_becomes_a_page(tmp_path, monkeypatch):
    v4 = nbformat.v4
    monkeypatch.setattr(render_guides, "PAGES", tmp_path)
    code = v4.new_code_cell('visualization.latent_map(z, y, path="latents.png")')
    code.outputs = [
        v4.new_output("stream", name="stdout", text="before\n"),
        v4.new_output("stream", name="stderr", text="UserWarning: not for readers\n"),
        v4.new_output("display_data", data={"image/png": png(20), "text/plain": "<Figure>"}),
        v4.new_output("execute_result", data={"text/plain": "0.5"}),
    ]
    page = render_guides.Page("example", str(tmp_path))
    page.add(v4.new_markdown_cell("## The `latent` space\n\nSome text."))
    page.add(code)
    path = page.write({"title": "An example", "description": "Of: a page", "sha256": "0"})
    assert macros.header_of(path)["description"] == "Of: a page"
    assert path.read_text().split("---\n\n")[1].split("\n\n") == [
        "## The `latent` space",
        "Some text.",
        f"```python\n{code.source}\n```",
        "``` { .text .output }\nbefore\n```",
        "![The latent space: latents, latent map](example_files/0.png)",
        "``` { .text .output }\n0.5\n```\n",
    ]
    assert (tmp_path / "example_files" / "0.png").read_bytes()[1:4] == b"PNG"
    # Pictures of an earlier run are deleted.
    render_guides.Page("example", str(tmp_path)).write({"title": "x", "description": "y"})
    assert not (tmp_path / "example_files").exists()
