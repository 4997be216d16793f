"""Converts docstrings to Markdown for Griffe: fences examples and marks opening words in bold."""

import re

import griffe

# Words that open a paragraph in our docstrings and that Griffe does not know as sections.
OPENINGS = "Input|Example|Reference|References|Readings|Erratum"


def as_markdown(text: str) -> str:
    """Fence `>>>` examples, which Markdown would read as quotations."""
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
    """Rewrites every docstring of the package once, after loading it."""

    def on_instance(self, *, obj: griffe.Object, **kwargs) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
