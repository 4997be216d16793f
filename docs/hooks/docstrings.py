"""Docstrings as Markdown: examples become code, and the words that open a paragraph stand out."""

import re

import griffe

# Each of these opens a paragraph of text in this library; for Griffe it is no section.
OPENINGS = "Input|Example|Reference|References|Readings|Erratum"


def as_markdown(text: str) -> str:
    """The text with its `>>>` examples fenced, which Markdown would take for quotations."""
    lines, fenced = [], False
    for line in text.split("\n"):
        if line.startswith(">>> ") and not fenced:
            lines.append("```pycon")
            fenced = True
        elif fenced and not line.strip():
            lines.append("```")
            fenced = False
        lines.append(line)
    if fenced:
        lines.append("```")
    return re.sub(rf"^({OPENINGS}):", r"**\1:**", "\n".join(lines), flags=re.M)


class Docstrings(griffe.Extension):
    """Rewrites every docstring of the package once, after it is loaded."""

    def on_instance(self, *, obj: griffe.Object, **kwargs) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
