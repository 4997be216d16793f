"""The CIS of attribute transfers: how much they change the attribute, and everything else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_latent import metrics, models
from keras_latent.src.visualization.figures import finish, new_figure

#: Lengths of a step along a dual vector, in standard deviations of the prior.
STEPS = (1.0, 2.0, 4.0, 6.0, 9.0, 13.0, 18.0, 24.0, 32.0)
#: Log-odds of the attribute after a move past its boundary.
MARGINS = (1.0, 3.0, 6.0, 9.0, 13.0, 18.0)
#: Values that an attribute is set to; 1 means present.
VALUES = (0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 13.0, 18.0)
#: While the last strength is the best, one that is larger by a factor is tried too, this often.
FARTHER, AGAIN = 1.4, 8
IMAGES_AT_ONCE = 320

Score = dict[str, Any]


class Kind(NamedTuple):
    """A kind of transfer."""

    function: Callable[..., Any]  #: tensor function of `{"x", "y", "strength"}`
    strengths: tuple[float, ...]  #: to try
    unit: str  #: of the strength


def kinds_of(model: Any) -> dict[str, Kind]:
    """The kinds of transfer that a model offers, the paper's first."""
    if not isinstance(model, models.DualVAE):
        unit = "value of the attribute, 1: present"
        # Set to "present", and set to the value with the best score.
        return {
            "set": Kind(model.transfer_function(), (1.0,), unit),
            "label": Kind(model.transfer_function(), VALUES, unit),
        }
    length = float(np.linalg.norm(model.dual_vectors(), axis=1).mean())
    strengths = tuple(round(step / length, 4) for step in STEPS)
    # As in eq. 3 of the paper, the same for all attributes.
    dual = model.transfer_function(unit="dual_vector")
    isolated = model.transfer_function(direction="isolated", unit="dual_vector")
    unit = "lambda, in lengths of the dual vector"
    return {
        "dual": Kind(dual, strengths, unit),
        "isolated": Kind(isolated, strengths, unit),
        "boundary": Kind(
            model.boundary_function(present=True, direction="isolated"),
            MARGINS,
            "log-odds of the attribute afterwards, at least",
        ),
    }


class Scores:
    """CIS of a model's transfers of all its attributes.

    Args:
        model: A model of attributes.
        classifier: Model from images to probabilities of attributes.
        columns: The classifier's column of each attribute of the model.
    """

    def __init__(self, model: Any, classifier: keras.Model, columns: list[int]):
        self.kinds = kinds_of(model)
        self.conditional = not isinstance(model, models.DualVAE)
        self.batch = max(1, IMAGES_AT_ONCE // len(columns))
        names = list(model.attribute_names)
        self.metrics = {
            kind: metrics.ConditionalInceptionScore(classifier, names, columns)
            for kind in self.kinds
        }

    def measure(
        self, kind: str, strength: float, x: np.ndarray, y: np.ndarray
    ) -> metrics.ConditionalInceptionScore:
        """The metric of images `x` with attributes `y`."""
        metric = self.metrics[kind]
        metric.reset_state()
        inputs = {"x": x, "strength": np.full(len(x), strength, "float32")}
        if self.conditional:
            inputs["y"] = y.astype("int32")
        metric.measure(self.kinds[kind].function, inputs, batch_size=self.batch)
        return metric

    def sweep(self, x: np.ndarray, y: np.ndarray) -> dict[str, list[Score]]:
        """Scores at every strength, for each kind, and at larger ones until CIS falls."""
        sweeps: dict[str, list[Score]] = {}
        for kind, found in self.kinds.items():
            rows = sweeps[kind] = []
            last = len(found.strengths) + (AGAIN if len(found.strengths) > 1 else 0)
            for number in range(last):
                if number < len(found.strengths):
                    strength = found.strengths[number]
                elif best_of(rows) is rows[-1]:
                    strength = round(FARTHER * rows[-1]["strength"], 4)
                else:
                    break
                scores = rounded(self.measure(kind, strength, x, y).result())
                rows.append({"strength": strength} | scores)
        return sweeps


def best_of(sweep: list[Score]) -> Score:
    """The strength with the largest CIS."""
    return max(sweep, key=lambda row: row["cis"])


def rounded(values: Score) -> Score:
    """Figures for `metrics.json`."""
    return {k: rounded(v) if isinstance(v, dict) else round(float(v), 5) for k, v in values.items()}


def draw_sweep(sweeps: dict[str, list[Score]], path: Path) -> None:
    """Figure 6: transfer score over reconstruction score, a curve for each kind."""
    figure = new_figure(5.5, 4.2)
    axes = figure.subplots()
    for kind, rows in sweeps.items():
        rs, ts = [[row[name] for row in rows] for name in ("rs", "ts")]
        axes.plot(rs, ts, marker="o", ms=4, label=kind)
        for row in rows:
            axes.annotate(f"{row['strength']:g}", (row["rs"], row["ts"]), fontsize=6)
    low, high = axes.get_xlim()
    for cis in np.arange(-0.4, 1.0, 0.1):  # lines of equal CIS
        axes.plot([low, high], [cis - low, cis - high], color="0.85", lw=0.7, zorder=0)
    bottom = min(row["ts"] for rows in sweeps.values() for row in rows)
    top = max(row["ts"] for rows in sweeps.values() for row in rows)
    axes.set(xlim=(low, high), ylim=(min(0.0, bottom) - 0.02, top + 0.05))
    axes.set(xlabel="reconstruction score rs", ylabel="transfer score ts")
    axes.set_title("gray: equal CIS; numbers: strength", fontsize=9)
    axes.legend()
    finish(figure, path)
