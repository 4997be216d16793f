"""Figures 2 to 5 of the VBTA paper.

    python -m benchmarks.figures.vbta digits runs/vbta/table1-mnist-paper-100-0
    python -m benchmarks.figures.vbta epochs
    python -m benchmarks.figures.vbta faces runs/celeba/celeb_a_64-ours-0

`digits` draws figure 3 from a finished run, `epochs` trains ten epochs for figure 2, and `faces`
draws figures 4 and 5. Faces are outputs of models: CelebA must not be redistributed.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, models, visualization
from keras_latent.src.applications.faces.data import domain_of, sort_men_first
from keras_latent.src.applications.running.evaluation import floats, labelled
from keras_latent.src.utils.domains import DOMAINS, OTHER

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FACES = 6
WHO = {"source": "men", "target": "women"}


def digits(run: Path) -> None:
    """Figure 3: test images, and transposed ones after translation, in one plane."""
    model = keras.saving.load_model(run / "model.keras")
    pair = datasets.load_pair("mnist_transpose", split="paper", format="numpy")
    x, labels = labelled(pair, "source")
    y = labelled(pair, "target")[0]
    titles = ("source x", "g(y), translated to the source")
    shown = slice(600)  # enough points to see the classes
    translated = model.translate(floats(y[shown]), to="source")
    path = IMAGES / "vbta_pca.png"
    visualization.pca_comparison(floats(x[shown]), translated, labels[shown], path, titles=titles)


def epochs(dataset: str = "mnist", number: int = 10) -> None:
    """Figure 2: translations of test images to the source after each epoch, with 100 pairs."""
    split = {"split": "paper"} if dataset == "mnist" else {}
    pair = datasets.load_pair(
        f"{dataset}_transpose", paired=100, paired_per_batch=10, format="numpy", **split
    )
    keras.utils.set_random_seed(0)
    model = models.VBTA.from_preset(f"vbta_{dataset}_transpose", load_weights=False, seed=0)
    model.compile(keras.optimizers.Adam(1e-3))
    y, labels = labelled(pair, "target")
    y = floats(y[np.unique(labels, return_index=True)[1]])
    rows = {"target y": y}

    def translate(epoch, logs=None):
        rows[f"epoch {epoch + 1}"] = model.translate(y, to="source")

    drawn = keras.callbacks.LambdaCallback(on_epoch_end=translate)
    model.fit(pair.train, epochs=number, callbacks=[drawn], verbose=0)
    visualization.translation_grid(rows, IMAGES / "vbta_epochs.png")


def faces(run: Path) -> None:
    """Figures 4 and 5: reconstructions and translations, and faces made from the same latents."""
    model = keras.saving.load_model(run / "model.keras")
    data = datasets.load_faces("celeb_a_64", verbose=0)
    sort_men_first(data)
    rows = []
    for domain in DOMAINS:
        x = floats(domain_of(data, "test", domain)[0][:FACES])
        rows.append((WHO[domain], model.reconstruct(x, domain)))
        rows.append((f"as {WHO[OTHER[domain]]}", model.translate(x, to=OTHER[domain])))
    visualization.translation_grid(rows, IMAGES / "vbta_faces.png")
    samples = model.generate(FACES, seed=0)
    drawn = [(f"{WHO[d]} from z", samples[d]) for d in DOMAINS]
    visualization.translation_grid(drawn, IMAGES / "vbta_face_samples.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=("digits", "epochs", "faces"))
    parser.add_argument("run", nargs="?", type=Path, help="folder of the finished run")
    arguments = parser.parse_args()
    if arguments.kind != "epochs" and arguments.run is None:
        parser.error("name the folder of the finished run")
    if arguments.kind == "epochs":
        epochs()
    else:
        {"digits": digits, "faces": faces}[arguments.kind](arguments.run)


if __name__ == "__main__":
    main()
