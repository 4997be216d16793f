"""Figures 3 to 6 of the latent domain transfer paper, between MNIST and Fashion-MNIST.

    python -m benchmarks.figures.bridging [RUNS]

`RUNS` is the folder of `python -m benchmarks.bridging run`, of which ours with seed 0 is drawn.
Without it, the trained preset `transfer_mnist_fashion` is drawn.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, models, visualization
from keras_latent.src.applications.running.evaluation import floats, labelled
from keras_latent.src.utils.domains import DOMAINS, OTHER

IMAGES = Path(__file__).parents[2] / "docs" / "images"
RUN = "mnist-fashion-ours-all-full-0"
NAMES = {"source": "MNIST", "target": "Fashion-MNIST"}
#: The three rows of figures 5 and 6.
PATHS = {"none": "", "ends": "ends transferred", "all": "all transferred"}
STEPS = 10


def draw(transfer: models.LatentDomainTransfer, folder: Path) -> None:
    """Draw all four figures with the first test images of each class."""
    pair = datasets.load_pair("mnist_fashion")
    x, rows = {}, {}
    for d in DOMAINS:
        images, labels = labelled(pair, d)
        x[d] = floats(images)
        rows[d] = np.stack([np.flatnonzero(labels == k)[:2] for k in range(10)])

    def save(lines: list[tuple[str, np.ndarray]], number: int) -> None:
        visualization.translation_grid(lines, folder / f"bridging_figure_{number}.png")

    kept, moved = [], []
    for d, to in OTHER.items():
        for some in (x[d][rows[d][:, k]] for k in range(2)):
            vae = transfer.decode(transfer.encode(some, d), d)
            kept += [(NAMES[d], some), ("base model", vae)]
            kept.append(("bridge", transfer.reconstruct(some, d)))
            moved += [(NAMES[d], some), (f"to {NAMES[to]}", transfer.transfer(some, to))]
    save(kept, 3)
    save(moved, 4)
    for number, (first, last) in ((5, ((3, 0), (3, 1))), (6, ((3, 0), (8, 0)))):
        strips = []
        for d, to in OTHER.items():
            ends = x[d][[rows[d][first]]], x[d][[rows[d][last]]]
            for kind, title in PATHS.items():
                path = transfer.interpolate(*ends, STEPS, transferred=kind, to=to)
                strips.append((NAMES[d] if kind == "none" else title, path[0]))
        save(strips, number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="?", help="folder of the runs")
    runs = parser.parse_args().runs
    if runs is None:
        transfer = models.LatentDomainTransfer.from_preset("transfer_mnist_fashion")
    else:
        transfer = keras.saving.load_model(runs / RUN / "model.keras")
    draw(transfer, IMAGES)


if __name__ == "__main__":
    main()
