"""Pictures of generated faces for the documentation.

    python -m benchmarks.face_pictures attributes runs/dualvae/celeb_a_64-dualvae-40-0-0
    python -m benchmarks.face_pictures men-women runs/celeba/celeb_a_64-ours-0

Writes `docs/images/celeba_attributes.png` or `celeba_men_women.png`. The pictures contain only
outputs of models, no photographs, because CelebA must not be redistributed.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, visualization
from keras_latent.src.applications.faces.data import domain_of, sort_men_first
from keras_latent.src.applications.faces.measures import offset_between
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.utils.domains import DOMAINS, OTHER

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FACES = 8
SHOWN = ("Bangs", "Black_Hair", "Blond_Hair", "Eyeglasses", "Goatee", "Male", "Smiling", "Young")
WHO = {"source": "men", "target": "women"}


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


def men_women(run: Path, faces: datasets.Faces) -> Path:
    """Draw reconstructions of test faces of both domains, and their translations."""
    model = keras.saving.load_model(run / "model.keras")
    strengths = json.loads((run / "metrics.json").read_text())["figures"]["strength"]
    sort_men_first(faces)
    offset = offset_between(model, *(domain_of(faces, "train", d)[0] for d in DOMAINS))
    rows = []
    for domain in DOMAINS:
        x, to = floats(domain_of(faces, "test", domain)[0][:FACES]), OTHER[domain]
        rows += [
            (WHO[domain], model.reconstruct(x, domain)),
            (f"as {WHO[to]}", model.translate(x, to=to)),
        ]
        if strengths[domain]:
            moved = model.translate(x, to=to, offset=strengths[domain] * offset)
            rows.append((f"moved to {WHO[to]}", moved))
    samples = model.generate(FACES, seed=0)
    rows += [(f"{WHO[d]} from z", np.asarray(samples[d])) for d in DOMAINS]
    path = IMAGES / "celeba_men_women.png"
    visualization.translation_grid(rows, path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=("attributes", "men-women"))
    parser.add_argument("run", type=Path, help="folder of the finished run")
    parser.add_argument("--dataset", default="celeb_a_64")
    parser.add_argument("--data-dir")
    arguments = parser.parse_args()
    faces = datasets.load_faces(arguments.dataset, arguments.data_dir, verbose=0)
    make = {"attributes": attributes, "men-women": men_women}[arguments.kind]
    print(make(arguments.run, faces))


if __name__ == "__main__":
    main()
