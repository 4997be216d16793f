"""Generates the pages that have no text of their own: reference, results, commands, changes.

Run by mkdocs-gen-files. The pages are listed in the `nav` of mkdocs.yml.
"""

import sys
from pathlib import Path

import mkdocs_gen_files

sys.path.insert(0, str(Path(__file__).parent))

import api_pages  # noqa: E402
import command_options  # noqa: E402
import repository_text  # noqa: E402

from benchmarks import tables  # noqa: E402

COMMAND = Path(__file__).parents[1] / "api" / "command_line.md"


def write(page: str, markdown: str) -> None:
    with mkdocs_gen_files.open(page, "w", encoding="utf-8") as file:
        file.write(markdown + "\n")


api_pages.package.cache_clear()  # `mkdocs serve` builds again when the source changes
for page, markdown in api_pages.pages():
    write(page, markdown)
write("api/command_line.md", f"{COMMAND.read_text()}\n{command_options.reference()}")
write("results.md", repository_text.relinked(tables.render(), "benchmarks/TABLES.md", "results.md"))
for page, source, title in (
    ("benchmarks.md", "benchmarks/README.md", "Benchmark commands"),
    ("changelog.md", "CHANGELOG.md", "Changelog"),
):
    write(page, f"# {title}\n\n{repository_text.include(source, page)}")
