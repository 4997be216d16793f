"""Parses built HTML pages: links, anchors, pictures, tables and formulas."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Elements that load a file when a page is opened, and its attribute.
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Page(HTMLParser):
    """An HTML page.

    Attributes:
        ids: All anchors.
        links: Targets of `<a>`.
        loaded: Files that scripts, styles and pictures load.
        pictures: `(src, alt)` of each picture.
        rows: Text of the cells in each row of all tables.
        formulas: Text of each MathML element.
        text: All text outside of scripts and styles.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.pictures: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.formulas: list[str] = []
        self.parts: list[str] = []
        self._inside: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = "".join(self.parts)

    def handle_starttag(self, tag, attrs):
        found = {key: value or "" for key, value in attrs}
        self.ids |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADING and found.get(LOADING[tag]):
            self.loaded.append(found[LOADING[tag]])
        if tag == "link" and found.get("rel") not in ("canonical", "prev", "next", "edit"):
            self.loaded.append(found["href"])
        if tag == "img":
            self.pictures.append((found.get("src", ""), found.get("alt", "")))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag == "math":
            self.formulas.append("")
        if tag in ("script", "style", "td", "th", "math"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if any(tag in self._inside for tag in ("script", "style")):
            return
        self.parts.append(data)
        if "math" in self._inside:
            self.formulas[-1] += data
        if ("td" in self._inside or "th" in self._inside) and self.rows:
            self.rows[-1][-1] += data


def read_site(folder: Path) -> dict[Path, Page]:
    """Read all pages of a built site, except `404.html`, whose links start at the server root."""
    return {path: Page(path) for path in sorted(folder.rglob("*.html")) if path.name != "404.html"}


def is_external(target: str) -> bool:
    return bool(urlsplit(target).netloc) or urlsplit(target).scheme in ("http", "https", "mailto")


def broken(pages: dict[Path, Page]) -> list[str]:
    """Return internal links, anchors and loaded files that do not exist."""
    problems = []
    for page in pages.values():
        for target in [*page.links, *page.loaded]:
            if is_external(target) or target.startswith("data:"):
                continue
            parts = urlsplit(target)
            path = page.path
            if parts.path:
                path = (page.path.parent / unquote(parts.path)).resolve()
            path = path / "index.html" if path.is_dir() else path
            if not path.exists():
                problems.append(f"{page.path.name}: {target}")
            elif path in pages and parts.fragment:
                if unquote(parts.fragment) in pages[path].ids:
                    continue
                problems.append(f"{page.path.name}: {target} has no such anchor")
    return problems
