"""The checks of built pages detect broken links, anchors and files."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import html_pages  # noqa: E402


def site(folder, body):
    (folder / "sub").mkdir()
    (folder / "a.html").write_text(f"<html><body>{body}</body></html>")
    (folder / "sub" / "b.html").write_text('<h2 id="here">B</h2><a href="../a.html">a</a>')
    (folder / "x.png").touch()
    return html_pages.read_site(folder)


def test_a_correct_site(tmp_path):
    body = '<a href="sub/b.html#here"></a><a href="#top"></a><p id="top"></p><img src="x.png">'
    assert html_pages.broken(site(tmp_path, body)) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="c.html">c</a>', "a.html: c.html"),
        ('<a href="sub/b.html#there">b</a>', "a.html: sub/b.html#there has no such anchor"),
        ('<a href="#top">top</a>', "a.html: #top has no such anchor"),
        ('<img src="y.png">', "a.html: y.png"),
        ('<script src="y.js"></script>', "a.html: y.js"),
    ],
)
def test_a_broken_site(tmp_path, body, problem):
    assert html_pages.broken(site(tmp_path, body)) == [problem]


def test_parsed_page(tmp_path):
    body = (
        '<link rel="stylesheet" href="https://x.org/a.css"><img src="x.png" alt="Rows of digits">'
        "<table><tr><th>n</th></tr><tr><td>1<code>2</code></td></tr></table>"
        "<math><mi>x</mi></math><script>not text</script>"
    )
    page = site(tmp_path, body)[tmp_path / "a.html"]
    assert page.rows == [["n"], ["12"]] and page.formulas == ["x"]
    assert page.pictures == [("x.png", "Rows of digits")] and "not text" not in page.text
    assert [t for t in page.loaded if html_pages.is_external(t)] == ["https://x.org/a.css"]
