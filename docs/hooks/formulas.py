"""Converts TeX formulas to MathML, which browsers display without scripts.

`pymdownx.arithmatex` marks the formulas in the Markdown; this hook converts them.
"""

import html
import re

from latex2mathml import converter

MARKED = re.compile(
    r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>',
    re.S,
)


def mathml(tex: str, block: bool) -> str:
    """Return a formula as a MathML element."""
    return converter.convert(tex, display="block" if block else "inline")


def on_page_content(content: str, **kwargs) -> str:
    return MARKED.sub(
        lambda found: mathml(html.unescape(found[3]).strip(), found[2] == "["), content
    )
