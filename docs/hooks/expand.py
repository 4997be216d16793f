"""Directives in the pages of the site, `<!-- name: argument -->`.

- `include: README.md#Models`: a file of the repository, or a section of it.
- `table: NAME`: a table of `benchmarks/paper_tables.py`, or all rows of a result file.
- `all tables`: the page `benchmarks/TABLES.md`, rendered anew.
- `figure: NAME; key=value; ...`: one value of a result file, also inside a line.
- `command: NAME`: the command that wrote a result file.
- `picture: FILE | alternative text | caption`: a picture of `docs/images`, once it is there.
- `presets: MODEL`: the presets of a model.
- `guides`: the list of guides. `guide: NAME`: a line that points to one, once it is rendered.
- `command-line`: the options of `keras-latent`.

`<!-- api: ... -->` is that of `api_pages.py`.
"""

import re
from pathlib import Path

import command_options
import guide_pages
import measured
import preset_tables
import repository_text
from mkdocs.exceptions import PluginError

IMAGES = Path(__file__).parents[1] / "images"
DIRECTIVE = re.compile(
    r"<!-- (include|table|all tables|figure|command|picture|presets|guides|guide|command-line)"
    r"(?:: ([^\n]*?))? -->"
)


def picture(argument: str, page: str) -> str:
    """A picture with its caption, if it has been made."""
    name, alternative, caption = (part.strip() for part in argument.split("|"))
    if not (IMAGES / name).exists():
        return f"*`docs/images/{name}` has not been made yet: {caption}*"
    return f"![{alternative}]({'../' * page.count('/')}images/{name})\n\n*{caption}*"


def expand(name: str, argument: str, page: str) -> str:
    """The Markdown that stands for a directive."""
    return {
        "include": lambda: repository_text.include(argument, page),
        "table": lambda: measured.table(argument),
        "all tables": measured.all_tables,
        "figure": lambda: measured.figure(argument),
        "command": lambda: measured.command(argument),
        "picture": lambda: picture(argument, page),
        "presets": lambda: preset_tables.table(argument),
        "guides": guide_pages.listing,
        "guide": lambda: guide_pages.pointer(argument, page),
        "command-line": command_options.reference,
    }[name]()


def on_page_markdown(markdown: str, page, **kwargs) -> str:
    path = page.file.src_uri

    def replaced(found: re.Match) -> str:
        try:
            return expand(found[1], found[2] or "", path)
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise PluginError(f"{path}: {found[0]}: {error}") from error

    return DIRECTIVE.sub(replaced, markdown)
