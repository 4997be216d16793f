"""BridgingVAE in two dimensions: figures 2 and 7 of its paper, which explain the method."""

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.running.spread import shown, spread, warn_of_collapse
from keras_latent.src.models.bridging.networks import bridging_mlp
from keras_latent.src.utils.domains import OTHER
from keras_latent.src.visualization.figures import finish, new_figure

Points = dict[str, np.ndarray]

#: The rows of figure 7, and what each of them leaves out.
VARIANTS: dict[str, dict[str, Any]] = {
    "VAE": {"conditional": False, "beta_swd": 0.0, "beta_cls": 0.0},
    "conditional VAE": {"beta_swd": 0.0, "beta_cls": 0.0},
    "+ SWD": {"beta_cls": 0.0},
    "+ SWD + classes": {},
}
COLUMNS = ("latents", "reconstructed", "source to target", "target to source", "shared space")
CENTERS = {"source": (-1.5, 0.0), "target": (1.5, 0.0)}
RADII = (0.6, 1.0)
#: The axis along which the two classes of a domain are next to each other.
CLASS_AXIS = {"source": 1, "target": 0}


def extend(arguments: argparse.Namespace, before: int) -> str:
    """Refuses to extend a run, because these short trainings save no state.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f"A run of bridging-synthetic saves no state, so one of {before} steps cannot be extended. "
        f"Received: --steps={arguments.steps}. Add `--overwrite` to start again."
    )


def ellipses(points: int, seed: int) -> tuple[Points, Points]:
    """Two filled ellipses with crossed classes (figure 2a).

    Both are upright. The classes of the source are one above the other, those of the target side
    by side. So a shift would mix the classes, and only a rotation keeps them apart.

    Returns:
        Points `(points, 2)` and classes `(points,)`, 0 or 1, by domain.
    """
    rng = np.random.default_rng(seed)
    z, y = {}, {}
    for d, center in CENTERS.items():
        radius, angle = np.sqrt(rng.uniform(size=points)), rng.uniform(0, 2 * np.pi, points)
        circle = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        z[d] = (center + np.array(RADII) * circle).astype("float32")
        y[d] = class_of(z[d], d)
    return z, y


def class_of(z: np.ndarray, domain: str) -> np.ndarray:
    """The class of points by their side of a domain's center."""
    axis = CLASS_AXIS[domain]
    return (z[:, axis] > CENTERS[domain][axis]).astype("int64")


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains the four variants, evaluates and draws them."""
    z, y = ellipses(arguments.points, arguments.seed)
    rows: dict[str, dict[str, Any]] = {}
    figures: dict[str, dict[str, Any]] = {"class_kept": {}, "spread": {}}
    for name, without in VARIANTS.items():
        keras.utils.set_random_seed(arguments.seed)
        bridge = models.BridgingVAE(
            **bridging_mlp(latent_dim=2, shared_dim=2, hidden=64, depth=2),
            num_classes=2,
            **{"beta_kl": 0.02, "beta_swd": 1.0, "beta_cls": 0.2, "seed": arguments.seed} | without,
        )
        each = arguments.points // arguments.batch_size
        epochs = -(-arguments.steps // each)
        rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * each, alpha=0.01)
        bridge.compile(keras.optimizers.Adam(rate))
        bridge.fit(z, y, batch_size=arguments.batch_size, epochs=epochs, verbose=0)
        rows[name] = panels(bridge, z)
        figures["class_kept"][name] = {
            f"{d}_to_{to}": round(
                float(np.mean(class_of(bridge.transfer(z[d], d, to), to) == y[d])), 4
            )
            for d, to in OTHER.items()
        }
        figures["spread"][name] = spreads(bridge, z, y)
        if arguments.verbose:
            print(line(name, figures), flush=True)
    last = list(VARIANTS)[-1]
    draw({last: rows[last]}, z, y, directory / "figure_2.png")
    draw(rows, z, y, directory / "figure_7.png")
    return figures


def spreads(bridge: models.BridgingVAE, z: Points, y: Points) -> dict[str, float | None]:
    """The spread of reconstructions, by domain, and of transfers, by direction.

    The class of a point is that of its place, so that it is not mistaken for collapse if the
    classes change places.
    """
    found = {}
    for d in OTHER:
        for to in OTHER:
            points = bridge.transfer(z[d], d, to)
            found[d if to == d else f"{d}_to_{to}"] = spread(
                points, z[to], class_of(points, to), y[to], narrowest=True
            )
    return found


def panels(bridge: Any, z: Points) -> dict[str, Any]:
    """Points of the five columns, by domain, and the boundary of the classifier."""
    shared = {d: bridge.encode(z[d], d) for d in OTHER}
    kernel, bias = bridge.classifier.get_weights()
    return {
        "columns": (
            z,
            {d: bridge.decode(shared[d], d) for d in OTHER},
            {"source": bridge.decode(shared["source"], "target")},
            {"target": bridge.decode(shared["target"], "source")},
            shared,
        ),
        # Where both classes have the same logit: w z' + b = 0.
        "boundary": (kernel[:, 1] - kernel[:, 0], bias[1] - bias[0]) if bridge.classifies else None,
    }


def draw(rows: dict[str, dict[str, Any]], z: Points, y: Points, path: Path) -> None:
    """A row of panels per variant. Colors show the original position, markers the class."""
    figure = new_figure(2.7 * len(COLUMNS) + 0.6, 2.1 * len(rows) + 0.3)
    grid = figure.subplots(len(rows), len(COLUMNS), squeeze=False)
    maps = {"source": "autumn", "target": "winter"}
    for place, (name, row) in enumerate(rows.items()):
        line = grid[place]
        for i, (axes, title, points) in enumerate(zip(line, COLUMNS, row["columns"], strict=True)):
            for d, cloud in points.items():
                # The gradient is the same in both classes: it shows continuity, they the rotation.
                shade = z[d][:, 1 - CLASS_AXIS[d]]
                for k, marker in enumerate("ox"):
                    some = np.flatnonzero(y[d] == k)[:250]
                    axes.scatter(
                        *cloud[some].T, c=shade[some], cmap=maps[d], marker=marker, s=12, lw=0.8
                    )
            if i < 4:
                axes.set(xlim=(-2.7, 2.7), ylim=(-1.8, 1.8), aspect="equal")
            elif row["boundary"] is not None:
                draw_boundary(axes, *row["boundary"])
            axes.set_title("" if place else title, fontsize=10)
            axes.tick_params(labelsize=7)
        line[0].set_ylabel(name)
    finish(figure, path)


def draw_boundary(axes: Any, w: np.ndarray, b: float) -> None:
    """Draws the decision boundary of the classifier without changing the limits."""
    limits = axes.get_xlim(), axes.get_ylim()
    foot, along = -b * w / (w @ w), np.array([-w[1], w[0]]) / np.linalg.norm(w)
    ends = foot + np.outer([-99, 99], along)
    axes.plot(*ends.T, color="tab:blue", lw=1.5)
    axes.set(xlim=limits[0], ylim=limits[1])


def report(figures: dict[str, Any]) -> None:
    """Prints the share of points that keep their class, and the spread."""
    if "spread" not in figures:  # of an earlier version
        figures = {"class_kept": figures["transfer_accuracy"], "spread": {}}
    print("Share of points that keep their class (spread: 1 fills the ellipse, 0 is a line):")
    for name in figures["class_kept"]:
        print(line(name, figures))
    warn_of_collapse(
        {
            f"{name}, {key.replace('_', ' ')}": value
            for name, found in figures["spread"].items()
            for key, value in found.items()
        },
        "Look at figure_7.png, and try another `--seed` or more `--steps`.",
    )


def line(name: str, figures: dict[str, Any]) -> str:
    """The figures of a variant."""
    spread_of = figures["spread"].get(name, {})
    kept = figures["class_kept"][name].items()
    parts = [f"{k.replace('_', ' ')} {v:.3f} ({shown(spread_of.get(k))})" for k, v in kept]
    parts += [f"{d} reconstructed ({shown(spread_of.get(d))})" for d in OTHER]
    return f"{name}: " + ", ".join(parts)
