"""BridgingVAE in two dimensions: figures 2 and 7 of its paper, which explain the method."""

import argparse

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.models.bridging.networks import bridging_mlp
from keras_latent.src.visualization.figures import finish, new_figure

DOMAINS = ("source", "target")
#: The rows of figure 7, and what each of them leaves out.
VARIANTS = {
    "VAE": {"conditional": False, "beta_swd": 0.0, "beta_cls": 0.0},
    "conditional VAE": {"beta_swd": 0.0, "beta_cls": 0.0},
    "+ SWD": {"beta_cls": 0.0},
    "+ SWD + classes": {},
}
COLUMNS = ("latents", "reconstructed", "source to target", "target to source", "shared space")
CENTRES = {"source": (-1.5, 0.0), "target": (1.5, 0.0)}
RADII = {"source": (0.6, 1.0), "target": (0.6, 1.0)}
#: The axis along which a domain's two classes lie side by side.
CLASS_AXIS = {"source": 1, "target": 0}


def prolong(arguments: argparse.Namespace, before: int) -> str:
    """Refuses: the four trainings of a minute keep no state to go on from.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f"A run of bridging-synthetic keeps no state to go on from. Received: --steps "
        f"{arguments.steps}, where {before} are done. Add `--overwrite` to start afresh."
    )


def ellipses(points: int, seed: int) -> tuple[dict, dict]:
    """Two filled ellipses with crossed classes (figure 2a).

    Both stand upright. The source's classes lie one above the other, the target's side by side: to
    lay one shape on the other as it is would mix the classes, and only a turn keeps them.

    Returns:
        Dicts of domain to points `(points, 2)`, and to classes `(points,)`, 0 or 1.
    """
    rng = np.random.default_rng(seed)
    z, y = {}, {}
    for d in DOMAINS:
        radius, angle = np.sqrt(rng.uniform(size=points)), rng.uniform(0, 2 * np.pi, points)
        circle = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        z[d] = (CENTRES[d] + RADII[d] * circle).astype("float32")
        y[d] = class_of(z[d], d)
    return z, y


def class_of(z: np.ndarray, domain: str) -> np.ndarray:
    """The class of points by their side of a domain's centre."""
    axis = CLASS_AXIS[domain]
    return (z[:, axis] > CENTRES[domain][axis]).astype("int64")


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains the four variants, measures and draws; returns the figures of `metrics.json`."""
    z, y = ellipses(arguments.points, arguments.seed)
    rows, figures = {}, {"transfer_accuracy": {}}
    for name, without in VARIANTS.items():
        keras.utils.set_random_seed(arguments.seed)
        bridge = models.BridgingVAE(
            **bridging_mlp(latent_dim=2, shared_dim=2, hidden=64, depth=2),
            num_classes=2,
            **{"beta_kl": 0.02, "beta_swd": 1.0, "beta_cls": 0.2} | without,
            seed=arguments.seed,
        )
        each = arguments.points // arguments.batch_size
        epochs = -(-arguments.steps // each)
        rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * each, alpha=0.01)
        bridge.compile(keras.optimizers.Adam(rate))
        bridge.fit(z, y, batch_size=arguments.batch_size, epochs=epochs, verbose=0)
        rows[name] = panels(bridge, z)
        figures["transfer_accuracy"][name] = {
            f"{d}_to_{to}": round(
                float(np.mean(class_of(bridge.transfer(z[d], d, to), to) == y[d])), 4
            )
            for d, to in (DOMAINS, DOMAINS[::-1])
        }
        if arguments.verbose:
            print(f"{name}: {figures['transfer_accuracy'][name]}", flush=True)
    last = list(VARIANTS)[-1]
    draw({last: rows[last]}, z, y, directory / "figure_2.png")
    draw(rows, z, y, directory / "figure_7.png")
    return figures


def panels(bridge: models.BridgingVAE, z: dict) -> dict:
    """Points of the five columns, by domain, and the classifier's boundary."""
    source, target = DOMAINS
    shared = {d: bridge.encode(z[d], d) for d in DOMAINS}
    kernel, bias = bridge.classifier.get_weights()
    return {
        "columns": (
            z,
            {d: bridge.decode(shared[d], d) for d in DOMAINS},
            {source: bridge.decode(shared[source], target)},
            {target: bridge.decode(shared[target], source)},
            shared,
        ),
        # Where both classes have the same logit: w z' + b = 0.
        "boundary": (kernel[:, 1] - kernel[:, 0], bias[1] - bias[0]) if bridge.classifies else None,
    }


def draw(rows: dict, z: dict, y: dict, path) -> None:
    """A line of panels for each variant: colours say where a point was, markers its class."""
    figure = new_figure(2.7 * len(COLUMNS) + 0.6, 2.1 * len(rows) + 0.3)
    grid = figure.subplots(len(rows), len(COLUMNS), squeeze=False)
    maps = {"source": "autumn", "target": "winter"}
    for place, (name, row) in enumerate(rows.items()):
        line = grid[place]
        for i, (axes, title, points) in enumerate(zip(line, COLUMNS, row["columns"], strict=True)):
            for d, cloud in points.items():
                # The gradient runs across the classes: it shows continuity, they the turn.
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


def draw_boundary(axes, w, b) -> None:
    """The straight line on which the classifier cannot decide, inside of what is drawn."""
    limits = axes.get_xlim(), axes.get_ylim()
    foot, along = -b * w / (w @ w), np.array([-w[1], w[0]]) / np.linalg.norm(w)
    ends = foot + np.outer([-99, 99], along)
    axes.plot(*ends.T, color="tab:blue", lw=1.5)
    axes.set(xlim=limits[0], ylim=limits[1])


def report(figures: dict) -> None:
    """Prints what share of the points keeps its class."""
    for name, found in figures["transfer_accuracy"].items():
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in found.items()))
