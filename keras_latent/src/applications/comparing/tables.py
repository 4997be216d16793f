"""The table of a comparison, as Markdown."""

from collections.abc import Callable, Iterable
from typing import Any

from keras_latent import datasets

DIRECTIONS = ("source_to_target", "target_to_source")
#: Measures of both directions, their names and how their numbers are written.
MEASURES: dict[str, tuple[str, Callable[[float], str]]] = {
    "accuracy": ("accuracy, %", lambda v: f"{100 * v:.2f}"),
    "frechet": ("Fréchet distance", lambda v: f"{v:.3g}"),
    "kernel": ("kernel distance", lambda v: f"{v:.3g}"),
    "spread": ("spread", lambda v: f"{v:.2f}"),
    "cycle_error": ("cycle error", lambda v: f"{v:.4f}"),
}
COSTS: dict[str, tuple[str, Callable[[float], str]]] = {
    "parameters": ("parameters", lambda v: f"{v:,}"),
    "steps": ("steps", lambda v: f"{v:,}"),
    "seconds_per_step": ("seconds per step", lambda v: f"{v:.3g}"),
    "minutes": ("minutes", lambda v: f"{v:.1f}"),
}


def comparison(rows: list[dict[str, Any]], pair: datasets.DomainPair, of_classes: bool) -> str:
    """A table with a line per method, and what its columns are."""
    measures = [name for name in MEASURES if any(name in row for row in rows)]
    header = ["method", "supervision", *(MEASURES[name][0] for name in measures)]
    header += [title for title, _ in COSTS.values()]
    lines = [header, ["---"] * len(header)]
    for row in rows:
        cells = [row["method"], row.get("supervision", "")]
        for measure in measures:
            values, write = row.get(measure, {}), MEASURES[measure][1]
            both = (_cell(values.get(direction), write) for direction in DIRECTIONS)
            cells.append(" / ".join(both) if values else "")
        cells += [_cell(row.get(name), write) for name, (_, write) in COSTS.items()]
        lines.append(cells)
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"# Comparison\n\n{_explained(pair, of_classes, measures)}\n\n{table}\n"


def _cell(value: float | None, write: Callable[[float], str]) -> str:
    return "" if value is None else write(value)


def _explained(pair: datasets.DomainPair, of_classes: bool, measures: Iterable[str]) -> str:
    source, target = pair.test_sizes
    text = (
        f"Pair `{pair.name}`. First figure: the source's {source:,} test images, translated into "
        f"the target. Second figure: the target's {target:,}, translated into the source. "
    )
    if "accuracy" not in measures:
        return text + "Without labels and with images of two shapes, there is no classifier."
    if of_classes:
        text += (
            "Accuracy: the share that a classifier assigns to the label of the test image; it was "
            "trained on real images and labels of the domain translated into. "
        )
    else:
        text += (
            "Accuracy: the share that a classifier of the two domains takes for the domain "
            "translated into. "
        )
    return text + (
        "Distances compare the features of its last layer with those of real test images. Cycle "
        "error: the mean squared error of a test image after both translations. Source only: no "
        "translation. Oracle: real test images of the domain translated into."
    )
