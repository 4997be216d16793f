"""Figures 2 and 3 of the TVAE paper.

    python -m benchmarks.figures.tvae RUNS

`RUNS` is the folder of `python -m benchmarks.tvae table1`, of which seed 0 is drawn.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks import tvae
from keras_latent import datasets, models, visualization
from keras_latent.src.visualization import scatter
from keras_latent.src.visualization.figures import finish, new_figure
from keras_latent.src.visualization.latent_map import PROJECTIONS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
TITLES = {"VAE": "VAE", "paper": "TVAE", "ours": "TVAE, ours"}
EVERY = 5  # test images for t-SNE


def trained(configuration: str, runs: Path) -> models.TVAE:
    """Return the model of a finished run with seed 0."""
    model = tvae.build(configuration, seed=0)
    settings = f"{model.observation_variance:g}-{model.triplet_weight:g}"
    (run,) = runs.glob(f"table1-{configuration}-*-0-{settings}")
    model.load_weights(run / "model.weights.h5")
    return model


def draw(runs: Path, folder: Path) -> None:
    """Draw both figures with MNIST's test images."""
    x, labels = datasets.load_arrays("mnist")[1]
    x = x / np.float32(255)
    found = {title: trained(name, runs) for name, title in TITLES.items()}

    figure = new_figure(3 * len(found) + 0.8, 3.2)
    panels = figure.subplots(1, len(found))
    for axes, (title, model) in zip(panels, found.items(), strict=True):
        points, _ = PROJECTIONS["tsne"](model.encode(x[::EVERY]), 0)
        scatter.draw_points(axes, points, labels[::EVERY])
        axes.set(title=title, xticks=[], yticks=[])
    scatter.draw_legend(figure, panels[-1])
    finish(figure, folder / "tvae_figure_2.png")

    some = x[np.unique(labels, return_index=True)[1]]
    rows = [("test images", some)]
    rows += [(title, model.reconstruct(some)) for title, model in found.items()]
    visualization.translation_grid(rows, folder / "tvae_figure_3.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, help="folder of the runs")
    draw(parser.parse_args().runs, IMAGES)


if __name__ == "__main__":
    main()
