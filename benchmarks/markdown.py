"""Formats numbers and tables as Markdown."""

from collections.abc import Iterable


def number(value: object) -> str:
    """Format a value for a table."""
    if isinstance(value, float):
        digits = ".4f" if abs(value) < 1 else ".4g" if abs(value) < 1e4 else ".0f"
        return format(value, digits)
    return "" if value is None else str(value)


def percent(row: dict) -> str:
    """Format a row's value in percent, with its standard deviation over seeds if known."""
    spread = f" ± {100 * row['std']:.2f}" if row.get("std") else ""
    return f"{100 * row['value']:.2f}{spread} %"


def lines(rows: Iterable[Iterable[str]]) -> str:
    """Join rows of cells to a Markdown table; the first row is the header."""
    header, *rows = map(list, rows)
    table = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in table)
