"""Turns a tutobook, the format of keras.io's guides, into a Jupyter notebook.

A tutobook is a Python file. It begins with a header: a triple-quoted text of lines `Title:`,
`Author:`, `Date created:`, `Last modified:`, `Description:` and `Accelerator:`. After it,
triple-quoted texts (Markdown) and code take turns.

    python docs/tutobook.py guides/getting_started.py            # writes getting_started.ipynb
    python docs/tutobook.py guides/getting_started.py --execute  # with its outputs
"""

import argparse
import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

FIELDS = ("Title", "Author", "Date created", "Last modified", "Description", "Accelerator")
ACCELERATORS = ("None", "GPU", "TPU")


@dataclass(frozen=True)
class Cell:
    """A cell of a tutobook.

    Attributes:
        kind: `"markdown"` or `"code"`.
        source: Its text, without the quotes around Markdown and without blank lines at its ends.
        line: The line of the file that it begins in, counted from 1.
    """

    kind: str
    source: str
    line: int


def cells_of(text: str) -> tuple[dict[str, str], list[Cell]]:
    """The header and the cells of a tutobook.

    Args:
        text: What the file holds.

    Returns:
        The header, field to value, and the cells after it, in their order.

    Raises:
        ValueError: If the file does not begin with a header that has the fields in `FIELDS`, in
            this order, if a text is empty, or if texts and code do not take turns.
        SyntaxError: If it is no Python.
    """
    lines = text.split("\n")
    cells, done = [], 0

    def add_code(until: int) -> None:
        code = "\n".join(lines[done:until])
        if code.strip():
            blank = len(code) - len(code.lstrip("\n"))
            cells.append(Cell("code", code.strip("\n"), done + 1 + blank))

    for node in ast.parse(text).body:
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            add_code(node.lineno - 1)
            # As it stands in the file but for escapes; a keras.io cell is not indented.
            cells.append(Cell("markdown", node.value.value.strip("\n"), node.lineno))
            done = node.end_lineno
    add_code(len(lines))

    if not cells or cells[0].kind != "markdown":
        raise ValueError("A tutobook must begin with a header, a triple-quoted text.")
    header = _header(cells.pop(0).source)
    for before, cell in zip([None, *cells], cells, strict=False):
        if not cell.source.strip():
            raise ValueError(f"The text in line {cell.line} is empty.")
        if before is not None and before.kind == cell.kind:
            raise ValueError(
                f"Texts and code must take turns. Received: {cell.kind} in line {cell.line} after "
                f"{before.kind} in line {before.line}."
            )
    return header, cells


def _header(source: str) -> dict[str, str]:
    pairs = [re.fullmatch(r"([A-Z][a-z ]+): (\S.*)", line) for line in source.split("\n")]
    names = tuple(pair[1] if pair else None for pair in pairs)
    if names != FIELDS:
        raise ValueError(
            f"The header must be a line `Name: value` for each of {list(FIELDS)}, in this order. "
            f"Received:\n{source}"
        )
    header = {pair[1]: pair[2] for pair in pairs}
    for name in ("Date created", "Last modified"):
        if not re.fullmatch(r"\d{4}/\d{2}/\d{2}", header[name]):
            raise ValueError(f"`{name}` must be YYYY/MM/DD. Received: {header[name]!r}.")
    if header["Accelerator"] not in ACCELERATORS:
        raise ValueError(
            f"`Accelerator` must be one of {list(ACCELERATORS)}. "
            f"Received: {header['Accelerator']!r}."
        )
    return header


def to_notebook(path: str | os.PathLike) -> nbformat.NotebookNode:
    """The notebook of a tutobook, without outputs.

    Args:
        path: The tutobook, a Python file.

    Returns:
        A notebook of nbformat 4: a cell with title, author, dates and description, then the
        tutobook's. The same file gives the same notebook.

    Raises:
        ValueError: If the file is no tutobook; see `cells_of`.
    """
    path = Path(path)
    try:
        header, cells = cells_of(path.read_text(encoding="utf-8"))
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{path.name} is no tutobook. {error}") from error
    v4 = nbformat.v4
    title = f"# {header['Title']}\n\n" + "<br>\n".join(
        f"**{name}:** {header[name]}" for name in FIELDS[1:-1]
    )
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(title)])
    new = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    notebook.cells += [new[cell.kind](cell.source) for cell in cells]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{path.stem}-{number}".replace(".", "-")[-64:]  # nbformat draws them at random
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if header["Accelerator"] != "None":
        notebook.metadata["accelerator"] = header["Accelerator"]  # Colab starts it with one.
    nbformat.validate(notebook)
    return notebook


def execute(
    notebook: nbformat.NotebookNode, folder: str | os.PathLike, timeout: float | None = None
) -> nbformat.NotebookNode:
    """Runs a notebook in `folder`, in this Python's environment, and fills in its outputs.

    Args:
        notebook: What `to_notebook` returned; its cells get their outputs.
        folder: The working directory of the run.
        timeout: Seconds that a cell may take; `None`: any time.

    Returns:
        The notebook.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell raises an error.
    """
    from nbclient import NotebookClient

    resources = {"metadata": {"path": os.fspath(folder)}}
    client = NotebookClient(notebook, timeout=timeout, resources=resources, record_timing=False)
    return client.execute()


def main() -> None:
    parser = argparse.ArgumentParser(description="Turn tutobooks into Jupyter notebooks.")
    parser.add_argument("tutobooks", nargs="+", type=Path, help="Python files")
    parser.add_argument("--execute", action="store_true", help="run them, for their outputs")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the notebooks go")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for tutobook in arguments.tutobooks:
        notebook = to_notebook(tutobook)
        if arguments.execute:
            execute(notebook, arguments.folder)
        path = arguments.folder / f"{tutobook.stem}.ipynb"
        nbformat.write(notebook, path)
        print(path)


if __name__ == "__main__":
    main()
