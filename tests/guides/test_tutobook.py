"""The converter from tutobooks to notebooks."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.append(str(DOCS))

import tutobook  # noqa: E402

HEADER = '''"""
Title: A guide
Author: The authors
Date created: 2026/01/02
Last modified: 2026/03/04
Description: What it is about.
Accelerator: GPU
"""
'''
BODY = '''
"""
## First

A *text* with "quotes", and `code`.
"""

import os


def f():
    """A docstring is no cell."""
    return """nor is
this"""


# A comment stays with its code.
"""
## Second
"""
f()
'''


def test_cells():
    header, cells = tutobook.cells_of(HEADER + BODY)
    assert header["Title"] == "A guide" and list(header) == list(tutobook.FIELDS)
    assert [cell.kind for cell in cells] == ["markdown", "code", "markdown", "code"]
    assert cells[0].source == '## First\n\nA *text* with "quotes", and `code`.'
    assert cells[1].source.startswith("import os\n\n\ndef f():")
    assert cells[1].source.endswith('this"""\n\n\n# A comment stays with its code.')
    assert [cell.line for cell in cells] == [10, 16, 26, 29]


def test_notebook(tmp_path):
    path = tmp_path / "a.guide.py"
    path.write_text(HEADER + BODY)
    notebook = tutobook.to_notebook(path)
    nbformat.validate(notebook)
    assert notebook == tutobook.to_notebook(path)
    title = notebook.cells[0].source
    assert title.startswith(
        "# A guide\n\n**Author:** The authors<br>\n**Date created:** 2026/01/02"
    )
    assert title.endswith("**Description:** What it is about.")
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "markdown", "code"] + [
        "markdown",
        "code",
    ]
    assert notebook.metadata.accelerator == "GPU"
    path.write_text(HEADER.replace("GPU", "None") + BODY)
    assert "accelerator" not in tutobook.to_notebook(path).metadata


def test_command_line_runs_the_notebook(tmp_path):
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = tmp_path / "guide.py"
    path.write_text(HEADER + BODY)
    command = [sys.executable, str(DOCS / "tutobook.py"), str(path), "--execute"]
    result = subprocess.run(
        [*command, "--folder", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    notebook = nbformat.read(tmp_path / "out" / "guide.ipynb", as_version=4)
    (output,) = notebook.cells[-1].outputs
    assert output.data["text/plain"] == repr("nor is\nthis")


@pytest.mark.parametrize(
    "text,message",
    [
        ("x = 1\n", "must begin with a header"),
        ("", "must begin with a header"),
        ('"""\nTitle: A\n"""\n', r"a line `Name: value` for each of \['Title'.*Title: A"),
        (HEADER.replace("Author: The authors", "Author:"), "a line `Name: value`"),
        (HEADER.replace("2026/01/02", "2.1.26"), "`Date created` must be YYYY/MM/DD.*'2.1.26'"),
        (HEADER.replace("GPU", "yes"), "`Accelerator` must be one of.*'yes'"),
        (HEADER + '"""a"""\n"""b"""\n', "take turns. Received: markdown in line 10 after"),
        (HEADER + '"""\n"""\nx = 1\n', "The text in line 9 is empty"),
    ],
)
def test_what_is_refused(text, message, tmp_path):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        tutobook.cells_of(text)
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(ValueError, match="bad.py is no tutobook"):
        tutobook.to_notebook(tmp_path / "bad.py")


def test_no_python(tmp_path):
    (tmp_path / "bad.py").write_text(HEADER + "x =\n")
    with pytest.raises(ValueError, match="bad.py is no tutobook.*invalid syntax"):
        tutobook.to_notebook(tmp_path / "bad.py")
