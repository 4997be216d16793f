"""Figures 4 to 6 of the DualVAE paper, from finished runs of `benchmarks.dualvae`.

    python -m benchmarks.figures.dual_vae runs/dualvae

Figure 4: ts over rs of all methods on test faces. Figure 5: test faces with one attribute changed
by each method. Figure 6: ts over rs at increasing strengths, with missing labels, on validation
faces. Faces are outputs of models: CelebA must not be redistributed.
"""

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks import dualvae
from keras_latent import datasets, models, visualization
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.visualization.figures import finish, new_figure

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TITLES = {
    "cvae": "CVAE",
    "fader": "Fader Network",
    "paper": "DualVAE, paper",
    "ours": "DualVAE, ours",
}
#: The kind of transfer of each method that is shown.
KINDS = {"cvae": "label", "fader": "label", "paper": "dual", "ours": "dual"}
FACES = (0, 1)
SHOWN = ("Bangs", "Black_Hair", "Blond_Hair", "Eyeglasses", "Goatee", "Male", "Smiling", "Young")


def runs_of(folder: Path, domains: int, seed: int = 0) -> dict[tuple[str, float], tuple]:
    """Return path and metrics of the runs with the best learning rates.

    Their keys are the method, with `-filled` if labels were predicted, and the share that is
    missing.
    """
    paths = {path: dualvae.finished_in(folder, path.name) for path in sorted(folder.iterdir())}
    finished = {path: found[0] for path, found in paths.items() if found}
    rates = dualvae.best_rates(list(finished.values()))
    runs = {}
    for path, metrics in finished.items():
        configuration = metrics["configuration"]
        method, rate = dualvae.method_of(configuration), configuration["learning_rate"]
        wanted = configuration["domains"] == domains and configuration["seed"] == seed
        if wanted and rates.get(method) == rate:
            name = method + "-filled" * configuration["fill_missing"]
            runs[name, configuration["missing"]] = path, metrics["figures"]
    return runs


def equal_cis(axes: Any) -> None:
    """Draw lines of equal CIS behind the points, and name the axes."""
    x, y = axes.get_xlim(), axes.get_ylim()
    for cis in np.arange(-0.5, 1.0, 0.1):
        axes.plot(x, [cis - x[0], cis - x[1]], color="0.88", lw=0.7, zorder=0)
    axes.set(xlim=x, ylim=y, xlabel="reconstruction score rs", ylabel="transfer score ts")


def scatter(folder: Path) -> None:
    """Figure 4."""
    found = {domains: runs for domains in (20, 40) if (runs := runs_of(folder, domains))}
    figure = new_figure(1 + 3.5 * len(found), 3.8)
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axes, (domains, runs) in zip(panels, found.items(), strict=True):
        for method, title in TITLES.items():
            if (method, 0.0) not in runs:
                continue
            for kind, found in runs[method, 0.0][1]["transfers"].items():
                if kind in (KINDS[method], "set"):
                    label = f"{title}, set to 1" if kind == "set" else title
                    axes.scatter(found["test"]["rs"], found["test"]["ts"], label=label)
        equal_cis(axes)
        axes.set_title(f"{domains} attributes")
        axes.legend(fontsize=7)
    finish(figure, IMAGES / "dual_vae_scores.png")


def faces(folder: Path) -> None:
    """Figure 5."""
    runs = runs_of(folder, 40)
    data = datasets.load_faces("celeb_a_64", verbose=0)
    rows = []
    for face in FACES:
        x = floats(data.images["test"][face : face + 1])
        for method, title in TITLES.items():
            path, figures = runs[method, 0.0]
            model = keras.saving.load_model(path / "model.keras")
            kind = figures["transfers"][KINDS[method]]
            given: dict[str, Any] = {"attributes": data.attributes["test"][face : face + 1]}
            options = given
            if isinstance(model, models.DualVAE):
                given, options = {}, {"direction": KINDS[method], "unit": "dual_vector"}
            strength = kind["best_on_validation"]["strength"]
            made = model.transfer(x, list(SHOWN), strength, **options)[0]
            rows.append((title, np.concatenate([model.reconstruct(x, **given), made])))
    figure = visualization.translation_grid(rows)
    figure.savefig(IMAGES / "dual_vae_faces.png", dpi=46, bbox_inches="tight")


def missing(folder: Path) -> None:
    """Figure 6."""
    runs = runs_of(folder, 40)
    titles = {"paper": "paper", "ours": "ours", "ours-filled": "ours, missing labels predicted"}
    figure = new_figure(11, 3.8)
    for axes, (method, title) in zip(
        figure.subplots(1, 3, sharex=True, sharey=True), titles.items(), strict=True
    ):
        for share in (0.0, *sorted(dualvae.MISSING)):
            if found := runs.get((method, share)):
                rows = found[1]["transfers"]["dual"]["validation"]
                rs, ts = ([row[name] for row in rows] for name in ("rs", "ts"))
                axes.plot(rs, ts, marker="o", ms=3, label=f"{100 * share:g} % missing")
        equal_cis(axes)
        axes.set_title(title)
        axes.legend(fontsize=7)
    finish(figure, IMAGES / "dual_vae_missing.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="folder that contains the runs")
    arguments = parser.parse_args()
    for draw in (scatter, faces, missing):
        draw(arguments.runs)


if __name__ == "__main__":
    main()
