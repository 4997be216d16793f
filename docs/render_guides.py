"""Runs guides at full length and writes them, with their outputs, as pages of the site.

    python docs/render_guides.py guides/getting_started.py [...] [--backend jax]

Writes `docs/guides/NAME.md` and its pictures, `docs/guides/NAME_files/*.png`. Commit both: building
the site does not run the guides. The page contains a hash of the guide, from which `tests/docs`
sees whether the page is up to date.
"""

import argparse
import base64
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
import yaml

ROOT = Path(__file__).parents[1]
PAGES = Path(__file__).parent / "guides"
#: Maximum width of a picture in pixels.
WIDEST = 1000
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
#: Keras's progress bar, and the times beside it, which differ in every run.
BAR = re.compile(r"[━╸]+\s*")
TIME = re.compile(r"\s+\d+(\.\d+)?(s|ms|us)( \d+(\.\d+)?(s|ms|us)/(step|epoch))?(?= - |$)")
#: Messages of TensorFlow's logger, which notebooks print to the standard output.
LOG = re.compile(r"WARNING:(tensorflow|absl):")


def digest(guide: Path) -> str:
    """Return the hash of a guide that its page contains."""
    return hashlib.sha256(guide.read_bytes()).hexdigest()[:16]


def settled(text: str) -> str:
    """Return printed text as a terminal shows it at the end, without colors."""
    lines = []
    for line in ESCAPES.sub("", text).split("\n"):
        # A progress bar rewrites its line, after a carriage return or backspaces.
        parts = [part for part in re.split(r"\r|\x08+", line) if part.strip()]
        line = parts[-1] if parts else ""
        if LOG.match(line):
            continue
        if BAR.search(line):
            line = TIME.sub("", BAR.sub("", line)).rstrip(" -")
            # A bar that was still moving.
            if re.fullmatch(r"\s*\d+/(\d+|Unknown)\s*", line):
                continue
        lines.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def without_paths(text: str, folder: str) -> str:
    """Return the text without paths of this machine."""
    home = str(Path.home())
    for place, name in ((folder, "."), (sys.prefix, "~"), (str(ROOT), "."), (home, "~")):
        place = re.escape(place)
        if name == ".":
            text = re.sub(rf"(file://)?{place}/(?=\w)", "", text)
        text = re.sub(rf"(file://)?{place}(?=\W|$)", name, text)
    return text


def small_png(data: str) -> bytes:
    """Reduce a picture to a width of `WIDEST` and 256 colors, if that makes it smaller."""
    from PIL import Image

    original = base64.b64decode(data)
    image = Image.open(io.BytesIO(original)).convert("RGB")
    if image.width > WIDEST:
        height = round(image.height * WIDEST / image.width)
        image = image.resize((WIDEST, height), Image.Resampling.LANCZOS)
    found = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(found, "PNG", optimize=True)
    return min(original, found.getvalue(), key=len)


def alternative(code: str, heading: str) -> str:
    """Return a picture's alternative text: its section, file name and drawing function."""
    drawn_by = re.findall(r"\bvisualization\.(\w+)\(", code)
    files = re.findall(r"""["'](\w+)\.png["']""", code)
    words = [*files[-1:], *drawn_by[-1:]] or ["picture"]
    text = f"{heading}: {', '.join(word.replace('_', ' ') for word in dict.fromkeys(words))}"
    return re.sub(r"[\[\]`]", "", text)


class Page:
    """The Markdown and pictures of an executed notebook."""

    def __init__(self, name: str, folder: str):
        self.name, self.folder = name, folder
        self.parts: list[str] = []
        self.pictures: dict[str, bytes] = {}
        self.heading = name

    def add(self, cell) -> None:
        """Append a cell and its outputs."""
        if cell.cell_type == "markdown":
            self.parts.append(cell.source)
            headings = re.findall(r"^#+ (.*)$", cell.source, re.M)
            self.heading = headings[-1] if headings else self.heading
            return
        self.parts.append(f"```python\n{cell.source}\n```")
        printed = ""
        for output in cell.outputs:
            # The error stream has warnings, and progress bars of other libraries.
            if output.output_type == "stream" and output.name == "stdout":
                printed += output.text
            elif output.output_type in ("display_data", "execute_result"):
                png = output.data.get("image/png")
                if png is None:
                    printed += output.data.get("text/plain", "") + "\n"
                    continue
                self._print(printed)
                printed = ""
                self._draw(png, cell.source)
        self._print(printed)

    def _print(self, text: str) -> None:
        text = without_paths(settled(text), self.folder)
        if text.strip():
            fence = "```" if "```" not in text else "~~~~"
            self.parts.append(f"{fence} {{ .text .output }}\n{text}\n{fence}")

    def _draw(self, png: str, code: str) -> None:
        file = f"{len(self.pictures)}.png"
        self.pictures[file] = small_png(png)
        self.parts.append(f"![{alternative(code, self.heading)}]({self.name}_files/{file})")

    def write(self, header: dict[str, str]) -> Path:
        """Write the page and its pictures, and delete earlier pictures."""
        folder = PAGES / f"{self.name}_files"
        shutil.rmtree(folder, ignore_errors=True)
        for file, data in self.pictures.items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        path = PAGES / f"{self.name}.md"
        head = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=1000)
        path.write_text(f"---\n{head}---\n\n" + "\n\n".join(self.parts) + "\n", encoding="utf-8")
        return path


def execute(
    notebook: nbformat.NotebookNode, folder: str | Path, timeout: int | None = None
) -> None:
    """Run a notebook in `folder` and store its outputs in it."""
    from nbclient import NotebookClient

    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=timeout, resources=resources, record_timing=False).execute()


def render(guide: Path) -> Path:
    """Run a guide in a temporary folder and write its page."""
    import keras

    notebook = jupytext.read(guide)
    backend, description = keras.config.backend(), notebook.metadata.description
    heading, _, text = notebook.cells[0].source.partition("\n\n")
    notebook.cells[0].source = text
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, folder)
        page = Page(guide.stem, folder)
        page.parts = [
            heading,
            f"*{description}*",
            f"`guides/{guide.name}`, run with KERAS_BACKEND={backend} and Keras {keras.version()}.",
        ]
        for cell in notebook.cells:
            page.add(cell)
    return page.write(
        {
            "title": heading.removeprefix("# "),
            "description": description,
            "source": f"guides/{guide.name}",
            "sha256": digest(guide),
            "backend": backend,
            "keras": keras.version(),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Render guides as pages of the site.")
    parser.add_argument("guides", nargs="+", type=Path, help="files of `guides/`")
    parser.add_argument(
        "--backend",
        choices=("tensorflow", "jax", "torch"),
        help="default: Keras's own choice",
    )
    arguments = parser.parse_args()
    if arguments.backend:
        os.environ["KERAS_BACKEND"] = arguments.backend
    for guide in arguments.guides:
        print(render(guide), flush=True)


if __name__ == "__main__":
    main()
