"""A picture of generated faces for the documentation.

    python -m benchmarks.face_pictures runs/dualvae/celeb_a_64-dualvae-40-0-0

Writes `docs/images/celeba_attributes.png`. It contains only outputs of a model, no photographs,
because CelebA must not be redistributed.
"""

import argparse
import json
from pathlib import Path

import keras

from keras_latent import datasets, visualization
from keras_latent.src.applications.running.evaluation import floats

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FACES = 8
SHOWN = ("Bangs", "Black_Hair", "Blond_Hair", "Eyeglasses", "Goatee", "Male", "Smiling", "Young")


def attributes(run: Path, faces: datasets.Faces) -> Path:
    """Draw reconstructions of test faces, and the same faces past the boundary of attributes."""
    model = keras.saving.load_model(run / "model.keras")
    found = json.loads((run / "metrics.json").read_text())["figures"]["transfers"]["boundary"]
    margin = found["best_on_validation"]["strength"]
    x = floats(faces.images["test"][:FACES])
    rows = {"reconstruction": model.reconstruct(x)}
    for name in SHOWN:
        options = {"present": True, "direction": "isolated"}
        rows[name.replace("_", " ")] = model.to_boundary(x, name, margin, **options)
    path = IMAGES / "celeba_attributes.png"
    visualization.translation_grid(rows, path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of the finished run")
    parser.add_argument("--dataset", default="celeb_a_64")
    parser.add_argument("--data-dir")
    arguments = parser.parse_args()
    faces = datasets.load_faces(arguments.dataset, arguments.data_dir, verbose=0)
    print(attributes(arguments.run, faces))


if __name__ == "__main__":
    main()
