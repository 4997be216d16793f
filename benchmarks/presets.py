"""Trains the pretrained weights of the package and writes their cards.

    KERAS_BACKEND=jax python -m benchmarks.presets vbta_digits_transpose_sharp

Trains each named preset, or all, and writes its weights as float16 to
`keras_latent/src/presets/trained/NAME/`, with a `card.json` that describes their training. The card
also has results on test data, measured both with the shipped file and with the original weights.
Finished runs of the two applications in `--runs` are reused. Presets for faces are excluded,
because CelebA's license covers research only.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np

from benchmarks.presets_training import (
    DIGIT_NAMES,
    as_floats,
    domain_classifiers,
    from_application,
    train_dual_vae,
    train_transfer,
    train_tvae,
)
from keras_latent import datasets, metrics, models
from keras_latent.src.applications.running.environment import describe_environment
from keras_latent.src.applications.running.evaluation import accuracy
from keras_latent.src.presets.cards import write_card
from keras_latent.src.presets.checksums import checksums
from keras_latent.src.presets.registry import TRAINED, WEIGHTS
from keras_latent.src.utils.domains import OTHER
from keras_latent.src.utils.half_precision import halve

DIGITS = {
    "name": "scikit-learn's digits (Optical Recognition of Handwritten Digits, UCI)",
    "licence": "CC BY 4.0",
}
MNIST = {"name": "MNIST", "licence": "CC BY-SA 3.0"}
FASHION = {"name": "MNIST and Fashion-MNIST", "licence": "CC BY-SA 3.0 and MIT"}
LSTNET = "mnist-usps --epochs 3 --mixed-precision mixed_bfloat16"
USPS = {"name": "MNIST and USPS", "licence": "CC BY-SA 3.0; USPS states none"}


@dataclass(frozen=True)
class Recipe:
    """How to train and measure a preset.

    Attributes:
        task: What the model does, in one line.
        data: Name and license of the training data.
        train: Function of the arguments that returns the trained model.
        measure: Function of a model that returns its results on test data.
        configuration: Hyperparameters of the training, including the seed.
    """

    task: str
    data: dict
    train: Callable
    measure: Callable
    configuration: dict


def measure_pair(pair_name: str) -> Callable[[keras.Model], dict]:
    """Measure transfer accuracy in both directions on test images."""

    def measure(model):
        pair = datasets.load_pair(pair_name)
        classifiers = domain_classifiers(pair)
        figures = {"transfer_accuracy": {}, "classifier_accuracy": {}, "test_rows": {}}
        for to, classifier in classifiers.items():
            domain = OTHER[to]
            images, labels = as_floats(pair, domain, "test")
            move = model.transfer if hasattr(model, "transfer") else model.translate
            moved = move(images, to=to)
            figures["transfer_accuracy"][f"{domain}_to_{to}"] = accuracy(classifier, labels, moved)
            real, real_labels = as_floats(pair, to, "test")
            figures["classifier_accuracy"][to] = accuracy(classifier, real_labels, real)
            figures["test_rows"][domain] = len(images)
        return figures

    return measure


def measure_tvae(dataset: str) -> Callable[[models.TVAE], dict]:
    """Measure triplet and nearest-neighbor accuracy of mean latents."""

    def measure(model):
        (x, labels), (x_test, test_labels) = datasets.load_arrays(dataset)
        z, z_test = (model.encode(part / np.float32(255)) for part in (x, x_test))
        nearest = metrics.NearestNeighborAccuracy()
        nearest.adapt(labels, z)
        return {
            "triplet_accuracy": {
                f"margin {m:g}": round(metrics.TripletAccuracy(m, seed=0)(test_labels, z_test), 5)
                for m in (0.0, 1.0)
            },
            "nearest_neighbor_accuracy": round(nearest(test_labels, z_test), 5),
            "test_rows": len(z_test),
        }

    return measure


def measure_dual_vae(model: models.DualVAE) -> dict:
    """Measure attribute accuracy, and the share of transfers that a classifier confirms."""
    pair = datasets.load_pair("digits_transpose")
    classifier = domain_classifiers(pair)["source"]
    x, labels = as_floats(pair, "source", "test")
    found = model.attribute_probabilities(x).argmax(axis=1)
    moved = model.to_boundary(x, None, 4.0, present=True)
    wanted = np.tile(np.arange(10), len(x))
    return {
        "attribute_accuracy": round(float(np.mean(found == labels)), 5),
        "moved_to_another_digit": accuracy(classifier, wanted, moved.reshape(-1, *x.shape[1:])),
        "classifier_accuracy": accuracy(classifier, labels, x),
        "test_rows": len(x),
    }


RECIPES = {
    "vbta_digits_transpose_sharp": Recipe(
        "digits translated into transposed digits and back",
        DIGITS,
        from_application("mnist-transpose", "--dataset", "digits"),
        measure_pair("digits_transpose"),
        {"application": "mnist-transpose --dataset digits", "seed": 0},
    ),
    "vbta_mnist_transpose_sharp": Recipe(
        "digits translated into transposed digits and back",
        MNIST,
        from_application("mnist-transpose", "--dataset", "mnist", "--epochs", "10"),
        measure_pair("mnist_transpose"),
        {"application": "mnist-transpose --dataset mnist --epochs 10", "seed": 0},
    ),
    "lstnet_mnist_usps_small": Recipe(
        "digits of MNIST translated into those of USPS and back, without labels or pairs",
        USPS,
        from_application("mnist-usps", *LSTNET.split()[1:], model="model_to_source.keras"),
        measure_pair("mnist_usps"),
        {"application": LSTNET, "seed": 0},
    ),
    "transfer_digits_transpose": Recipe(
        "digits turned into transposed digits of the same class, by a bridge between two VAEs",
        DIGITS,
        lambda arguments: train_transfer("digits_transpose", epochs=100, steps=4000),
        measure_pair("digits_transpose"),
        {"vae_epochs": 100, "bridge_steps": 4000, "batch_size": 128, "seed": 0},
    ),
    "transfer_mnist_fashion": Recipe(
        "digits turned into clothes of Fashion-MNIST and back, by a bridge between two VAEs",
        FASHION,
        lambda arguments: train_transfer("mnist_fashion", epochs=10, steps=4000),
        measure_pair("mnist_fashion"),
        {"vae_epochs": 10, "bridge_steps": 4000, "batch_size": 128, "seed": 0},
    ),
    "tvae_digits": Recipe(
        "latents of digits whose distances follow the classes",
        DIGITS,
        lambda arguments: train_tvae("tvae_digits", "digits", epochs=60),
        measure_tvae("digits"),
        {"epochs": 60, "batch_size": 100, "learning_rate": 1e-3, "seed": 0},
    ),
    "tvae_mnist": Recipe(
        "latents of digits whose distances follow the classes",
        MNIST,
        lambda arguments: train_tvae("tvae_mnist", "mnist", epochs=10),
        measure_tvae("mnist"),
        {"epochs": 10, "batch_size": 100, "learning_rate": 1e-3, "seed": 0},
    ),
    "dual_vae_digits": Recipe(
        "ten attributes, which digit it is, as linear boundaries in latent space",
        DIGITS,
        lambda arguments: train_dual_vae(epochs=100),
        measure_dual_vae,
        {"attributes": list(DIGIT_NAMES), "epochs": 100, "batch_size": 50, "seed": 0},
    ),
}


def make(name: str, recipe: Recipe, arguments: argparse.Namespace) -> Path:
    """Train a preset, write weights and card atomically, and return its results."""
    keras.utils.set_random_seed(0)
    trained = recipe.train(arguments)
    partial = arguments.presets / f".{name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    cls = type(trained)
    # The model is not compiled, so the file contains no optimizer state.
    shipped = cls.from_preset(name, load_weights=False)
    shipped.set_weights(trained.get_weights())
    shipped.save_weights(partial / WEIGHTS)
    halve(partial / WEIGHTS)
    shipped.load_weights(partial / WEIGHTS)
    card = {
        "preset": name,
        "model": cls.__name__,
        "task": recipe.task,
        "data": recipe.data,
        "configuration": recipe.configuration,
        "figures": recipe.measure(shipped),
        "figures_float32": recipe.measure(trained),
        "parameters": trained.count_params(),
        "sha256": checksums(partial, WEIGHTS),
        "command": f"python -m benchmarks.presets {name}",
        "date": datetime.now(UTC).date().isoformat(),
        "environment": describe_environment(),
    }
    write_card(partial, card)
    final = arguments.presets / name
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    print(name, json.dumps(card["figures"]), json.dumps(card["figures_float32"]), flush=True)
    return final


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {list(RECIPES)}")
    parser.add_argument("--runs", type=Path, default=Path("runs/presets"))
    parser.add_argument("--presets", type=Path, default=TRAINED, help="output folder")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(RECIPES)
    if unknown:
        parser.error(f"no recipe for {sorted(unknown)}; there are {list(RECIPES)}")
    for name in arguments.names or RECIPES:
        print(make(name, RECIPES[name], arguments))


if __name__ == "__main__":
    main()
