"""Runs guides at full length and writes them as pages of the site, with what they print and draw.

    python docs/render_guides.py guides/getting_started.py [...] [--backend jax]

Writes `docs/guides/NAME.md` and its pictures, `docs/guides/NAME_files/*.png`, which are committed:
the site is built from them, without running anything. The page keeps a hash of the guide, by which
`tests/docs` tells whether it is the present one's.
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

import yaml

ROOT = Path(__file__).parents[1]
PAGES = Path(__file__).parent / "guides"
#: Pixels; pictures of notebooks may be finer than a page shows.
WIDEST = 1000
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
#: Keras's progress bar and the time that goes with it, which differ in every run.
BAR = re.compile(r"[━╸]+\s*")
#: What TensorFlow's logger says, in notebooks on the standard output.
LOG = re.compile(r"WARNING:(tensorflow|absl):")
TIME = re.compile(r"\s+\d+(\.\d+)?(s|ms|us)( \d+(\.\d+)?(s|ms|us)/(step|epoch))?(?= - |$)")


def digest(guide: Path) -> str:
    """The hash by which a page knows its guide."""
    return hashlib.sha256(guide.read_bytes()).hexdigest()[:16]


def settled(text: str) -> str:
    """Printed text as a terminal leaves it: what was written over is gone, and colours are."""
    lines = []
    for line in ESCAPES.sub("", text).split("\n"):
        # A progress bar goes back to the start of its line, or as many characters as it wrote.
        parts = [part for part in re.split(r"\r|\x08+", line) if part.strip()]
        line = parts[-1] if parts else ""
        if LOG.match(line):
            continue
        if BAR.search(line):
            line = TIME.sub("", BAR.sub("", line)).rstrip(" -")
            # Of a bar that was still moving, only the count is left.
            if re.fullmatch(r"\s*\d+/(\d+|Unknown)\s*", line):
                continue
        lines.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def without_paths(text: str, folder: str) -> str:
    """The text without the places of this machine."""
    home = str(Path.home())
    for place, name in ((folder, "."), (sys.prefix, "~"), (str(ROOT), "."), (home, "~")):
        place = re.escape(place)
        if name == ".":
            text = re.sub(rf"(file://)?{place}/(?=\w)", "", text)
        text = re.sub(rf"(file://)?{place}(?=\W|$)", name, text)
    return text


def small_png(data: str) -> bytes:
    """A picture of at most `WIDEST` pixels and 256 colours, if that is smaller."""
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
    """What a picture is, for those who do not see it: section, file's name, what drew it."""
    drawn_by = re.findall(r"\bvisualization\.(\w+)\(", code)
    files = re.findall(r"""["'](\w+)\.png["']""", code)
    words = [*files[-1:], *drawn_by[-1:]] or ["picture"]
    text = f"{heading}: {', '.join(word.replace('_', ' ') for word in dict.fromkeys(words))}"
    return re.sub(r"[\[\]`]", "", text)


class Page:
    """Collects the Markdown and pictures of one executed notebook."""

    def __init__(self, name: str, folder: str):
        self.name, self.folder = name, folder
        self.parts: list[str] = []
        self.pictures: dict[str, bytes] = {}
        self.heading = name

    def add(self, cell) -> None:
        """A cell, and its outputs if it is code."""
        if cell.cell_type == "markdown":
            self.parts.append(cell.source)
            headings = re.findall(r"^#+ (.*)$", cell.source, re.M)
            self.heading = headings[-1] if headings else self.heading
            return
        self.parts.append(f"```python\n{cell.source}\n```")
        printed = ""
        for output in cell.outputs:
            # Warnings and the bars of other libraries go to the error stream.
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
        """The page, and its pictures in the place of earlier ones."""
        folder = PAGES / f"{self.name}_files"
        shutil.rmtree(folder, ignore_errors=True)
        for file, data in self.pictures.items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        path = PAGES / f"{self.name}.md"
        head = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=1000)
        path.write_text(f"---\n{head}---\n\n" + "\n\n".join(self.parts) + "\n", encoding="utf-8")
        return path


def render(guide: Path) -> Path:
    """Runs a guide in a folder of its own and writes its page."""
    import keras
    import tutobook

    notebook = tutobook.to_notebook(guide)
    header, _ = tutobook.cells_of(guide.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        tutobook.execute(notebook, folder)
        page = Page(guide.stem, folder)
        for cell in notebook.cells[1:]:  # the first one is the header
            page.add(cell)
    backend = keras.config.backend()
    first = (
        f"# {header['Title']}\n\n*{header['Description']}*\n\n"
        f"`guides/{guide.name}`, run with KERAS_BACKEND={backend} and Keras {keras.version()}."
    )
    page.parts.insert(0, first)
    return page.write(
        {
            "title": header["Title"],
            "description": header["Description"],
            "source": f"guides/{guide.name}",
            "sha256": digest(guide),
            "backend": backend,
            "keras": keras.version(),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Render guides as pages of the site.")
    parser.add_argument("guides", nargs="+", type=Path, help="tutobooks")
    parser.add_argument(
        "--backend",
        choices=("tensorflow", "jax", "torch"),
        help="default: Keras's, by KERAS_BACKEND or its configuration file",
    )
    arguments = parser.parse_args()
    if arguments.backend:
        os.environ["KERAS_BACKEND"] = arguments.backend
    for guide in arguments.guides:
        print(render(guide), flush=True)


if __name__ == "__main__":
    main()
