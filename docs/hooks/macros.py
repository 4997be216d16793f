"""Macros of the site's pages, such as `{{ figure("vbta_table2", domain="source") }}`."""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
sys.path[:0] = [path for path in (str(ROOT), str(Path(__file__).parent)) if path not in sys.path]

import repository_text  # noqa: E402

from benchmarks import markdown, paper_tables, results  # noqa: E402

GUIDES = ROOT / "docs" / "guides"
NOT_YET = "*not run yet*"
# Metrics that are shares of rows, shown in percent.
SHARES = (
    "accuracy",
    "nearest_neighbor_accuracy",
    "recognised",
    "target_gender_accuracy",
    "triplet_accuracy",
)


def figure(name: str, best: bool = False, **wanted: object) -> str:
    """Return the value of the row of a result file that has the values `wanted`.

    If several rows match, the longest training counts; with `best`, the largest value of these.
    """
    if results.read(name) is None:
        return NOT_YET
    rows = results.longest(name, **wanted)
    if best:
        rows = sorted(rows, key=lambda row: row["value"])[-1:]
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} rows of {name}.json have {wanted}. Expected one.")
    (row,) = rows
    if row["metric"] in SHARES:
        return f"{100 * row['value']:.2f}\u00a0%"
    return markdown.number(row["value"])


def command(name: str) -> str:
    """Return the command, date and hardware of a result file."""
    result = results.read(name)
    if result is None:
        return ""
    backends = {row.get("setting", {}).get("backend") for row in result["rows"]} - {None}
    made = [f"`{result['command']}`", result["date"], result["environment"]["hardware"]]
    return f"`benchmarks/results/{name}.json`: {', '.join([*made, *sorted(backends)])}."


def table(name: str) -> str:
    """Render a table of `benchmarks/paper_tables.py`."""
    files, rendered = paper_tables.PAPER_TABLES[name]
    missing = [file for file in files if results.read(file) is None]
    if missing:
        return "\n\n".join(f"`benchmarks/results/{file}.json`: {NOT_YET}." for file in missing)
    return rendered()


def reliability(*parts: str) -> str:
    """Render the rows of parts of `python -m benchmarks.reliability`."""
    rows = [row for part in parts for row in results.rows("reliability", part=part)]
    if not rows:
        return f"`benchmarks/results/reliability.json`: {NOT_YET}."
    marks = {True: "as wanted", False: "**not as wanted**", None: ""}
    cells = [["case", "measured", "wanted", ""]]
    for row in rows:
        texts = (row["case"], markdown.number(row["measured"]), row["wanted"])
        cells.append([*(str(text).replace("|", "\\|") for text in texts), marks[row["passed"]]])
    return markdown.lines(cells)


def presets(model: str) -> str:
    """Render the presets of a model, with the results of their trained weights."""
    from keras_latent import models
    from keras_latent.src.cli.all_presets import trained_presets

    cls, trained = getattr(models, model), trained_presets()
    rows = [
        [f"`{name}`", description, card_in_short(cls.preset_card(name)) if name in trained else ""]
        for name, description in getattr(cls, "presets", {}).items()  # a function has none
    ]
    columns = 3 if any(weights for *_, weights in rows) else 2
    rows = [["preset", "description", "trained weights"], *rows]
    return markdown.lines(row[:columns] for row in rows) if rows[1:] else ""


def card_in_short(card: dict) -> str:
    """Return the task and the figures of trained weights on one line."""

    def flat(figures: dict, of: str = ""):
        for key, value in figures.items():
            name = f"{of} {key.replace('_', ' ')}".strip()
            if isinstance(value, dict):
                yield from flat(value, name)
            elif isinstance(value, (int, float)):
                yield f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value:.4g}"

    return f"{card['task']}; {'; '.join(flat(card['figures']))}"


def header_of(path: Path) -> dict[str, str]:
    """Return the front matter of a rendered guide."""
    return yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])


def guides(names: list[str]) -> str:
    """Render a list of guides with their titles and descriptions."""
    headers = {name: header_of(GUIDES / name) for name in names}
    return "\n".join(f"- [{h['title']}]({name}): {h['description']}" for name, h in headers.items())


def define_env(env) -> None:
    """Register the macros with mkdocs-macros."""
    for macro in (figure, command, table, presets, reliability):
        env.macro(macro)

    @env.macro
    def include(source: str) -> str:
        return repository_text.include(source, env.page.file.src_uri)

    @env.macro
    def all_guides() -> str:
        (section,) = (item["Guides"] for item in env.conf["nav"] if "Guides" in item)
        return guides([Path(page).name for page in section[1:]])
