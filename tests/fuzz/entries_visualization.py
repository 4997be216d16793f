"""Figures, WAV files, and how callbacks are made."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from arguments import (
    Argument,
    between,
    choice,
    floats,
    labels,
    non_negative,
    paths,
    pictures,
    seed,
    size,
    text,
)
from cases import entry

from keras_latent import callbacks, visualization

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))
PATH = paths(lambda: FOLDER / "figure.png").but("none")
TITLE = text("title").but("none")
POINTS = floats(5, 4, finite=True, last=False).but("integers", "bools", "one axis more")
WAVES = floats(2, 800, finite=True, last=False).but("one axis more")
IMAGES = np.full((2, 4, 4, 1), 0.5, "float32")


def _grid(valid: np.ndarray, row: Argument) -> Argument:
    """Titled rows, of which one is wrong in each of the ways of `row`."""
    wrong: dict[str, Callable[[], Any]] = {
        f"a row of {label}": lambda make=make: {"a": valid, "b": make()}
        for label, make in row.wrong.items()
    }
    for label, value in {
        "none": None,
        "number": 3,
        "text": "rows",
        "array": valid,
        "one row": valid[0],
        "no rows": {},
        "no titles": [valid, valid],
        "three parts": [("a", valid, valid)],
        "titles of arrays": [(valid, valid)],
        "other length": {"a": valid, "b": valid[:1]},
        "far too many": {"a": np.repeat(valid, 5000, axis=0)},
        "one column per sample": {"a": np.zeros((80_000, 1), "float32")},
    }.items():
        wrong[label] = lambda value=value: value
    return Argument(lambda: {"a": valid, "b": valid}, wrong)


HISTORY = Argument(
    lambda: {"loss": [2.0, 1.0], "val_loss": [2.0, float("nan")]},
    {
        label: lambda value=value: value
        for label, value in {
            "none": None,
            "empty": {},
            "number": 3,
            "list": [1.0],
            "texts": {"loss": ["a"]},
            "empty list": {"loss": []},
            "number for a list": {"loss": 3.0},
            "none in it": {"loss": None},
            "ragged": {"loss": [[1.0], [1.0, 2.0]]},
            "complex": {"loss": [1j]},
            "names of numbers": {1: [1.0]},
        }.items()
    },
)
NAMES = Argument(
    lambda: ["a", "b"],
    {
        label: lambda value=value: value
        for label, value in {
            "number": 3,
            "text": "ab",
            "one": ["a"],
            "equal": ["a", "a"],
            "numbers": [1, 2],
            "none in it": ["a", None],
            "folders": ["a", "../b"],
            "empty": ["a", ""],
            "zero byte": ["a", "b\0"],
        }.items()
    },
)
TITLES = Argument(
    lambda: ("a", "b"),
    {
        label: lambda value=value: value
        for label, value in {"none": None, "one": ("a",), "text": "ab", "numbers": (1, 2)}.items()
    },
)

ENTRIES = [
    entry(
        "visualization.interpolation_strip",
        visualization.interpolation_strip,
        images=pictures(2, 3, 4, 4, 1).but("one axis fewer"),  # the channels are optional
        path=PATH,
    ),
    entry(
        "visualization.latent_map",
        visualization.latent_map,
        embeddings=POINTS,
        labels=labels(5),
        method=choice("pca"),
        seed=seed(1).also(none=None),
        title=TITLE,
        path=PATH,
    ),
    entry(
        "visualization.pca_comparison",
        visualization.pca_comparison,
        reference=POINTS,
        translated=POINTS,
        labels=labels(5),
        path=PATH,
        titles=TITLES,
    ),
    entry(
        "visualization.spectrogram_grid",
        visualization.spectrogram_grid,
        rows=_grid(np.zeros((2, 800), "float32"), WAVES),
        sample_rate=size(8000),
        path=PATH,
    ),
    entry(
        "visualization.training_curves", visualization.training_curves, history=HISTORY, path=PATH
    ),
    entry(
        "visualization.translation_grid",
        visualization.translation_grid,
        rows=_grid(IMAGES, pictures(2, 4, 4, 1)),
        path=PATH,
    ),
    entry(
        "visualization.write_wavs",
        visualization.write_wavs,
        path=paths(lambda: FOLDER / "sounds"),
        waveforms=floats(2, 800, finite=True, last=False).but("one axis more"),
        sample_rate=size(8000),
        names=NAMES,
    ),
    entry(
        "callbacks.CollapseMonitor",
        callbacks.CollapseMonitor,
        min_spread=non_negative(0.1),
        max_discriminator_accuracy=between(0.9, 0.5, 1.0),
        patience=size(2),
    ),
    entry(
        "callbacks.Resume",
        callbacks.Resume,
        directory=paths(lambda: FOLDER / "states"),
        log=paths(lambda: FOLDER / "log.csv").but("none"),
    ),
    entry(
        "callbacks.TranslationGrid",
        callbacks.TranslationGrid,
        source=pictures(2, 4, 4, 1).also(too_many=np.zeros((3, 4, 4, 1), "float32")),
        target=pictures(2, 4, 4, 1),
        directory=paths(lambda: FOLDER / "pictures"),
        every=size(1),
    ),
]
