"""Includes files of the repository in pages of the site."""

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Pages of the site that show files of the repository. Other files are named, not linked.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/TABLES.md": "results.md",
    "guides/README.md": "guides/index.md",
}
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def section(text: str, heading: str) -> str:
    """Return the section under a heading; for the title, the text before the first section."""
    # In a code block, `#` starts a comment.
    plain = FENCE.sub(lambda found: re.sub("^#", " ", found[0], flags=re.M), text)
    head = re.search(rf"^(#+) {re.escape(heading)}$", plain, re.M)
    if head is None:
        raise ValueError(f"There is no heading {heading!r}.")
    deepest = max(2, len(head[1]))
    end = re.search(rf"^#{{1,{deepest}}} ", plain[head.end() :], re.M)
    return text[head.end() : head.end() + end.start() if end else len(text)].strip()


def relinked(text: str, source: str, page: str) -> str:
    """Rewrite the links of the file `source` for the page `page`."""

    def link(found: re.Match) -> str:
        mark, label, target = found.groups()
        path, _, anchor = target.partition("#")
        if "://" in target or not path:
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if path.startswith("docs/"):
            there = path.removeprefix("docs/")
        elif path in PAGES:
            there = PAGES[path]
        elif (ROOT / path).exists():
            return label if label.startswith("`") else f"{label} (`{path}`)"
        else:
            raise ValueError(f"{source} links to {target}, which does not exist.")
        here = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"{mark}[{label}]({here}{'#' + anchor if anchor else ''})"

    pieces, done = [], 0
    for fence in FENCE.finditer(text):
        pieces += [LINK.sub(link, text[done : fence.start()]), fence[0]]
        done = fence.end()
    return "".join([*pieces, LINK.sub(link, text[done:])])


def include(argument: str, page: str) -> str:
    """Return a file of the repository, or a section of it, e.g. `README.md#Models`."""
    source, _, heading = argument.partition("#")
    text = (ROOT / source).read_text(encoding="utf-8")
    # The page has its own title.
    text = section(text, heading) if heading else re.sub(r"\A# .*\n", "", text).strip()
    return relinked(text, source, page)
