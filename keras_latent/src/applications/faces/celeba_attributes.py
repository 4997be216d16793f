"""Attributes of faces, changed by DualVAE or a baseline, and scored by CIS."""

import argparse
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications.faces.attribute_scores import (
    Scores,
    best_of,
    draw_sweep,
    rounded,
)
from keras_latent.src.applications.faces.data import filled, load
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.settings import ATTRIBUTE_PRESETS
from keras_latent.src.metrics.classifiers.attribute_batches import Batches
from keras_latent.src.models.cvae.networks import cvae
from keras_latent.src.models.dual_vae.networks import dual_vae
from keras_latent.src.models.dual_vae.presets import FACES, FACES_DUAL, FACES_VAE
from keras_latent.src.models.fader_network.networks import fader

#: Faces in the pictures, and attributes that the paper shows at several strengths.
FACES_SHOWN, SWEPT = 6, ("Blond_Hair", "Eyeglasses", "Mustache", "Bangs", "Male", "Smiling")


def extend(arguments: argparse.Namespace, before: int) -> str:
    """Says how a run with more epochs compares with one from the start."""
    return training.NEW_SCHEDULE


def build(arguments: argparse.Namespace, names: list[str], steps: int) -> keras.Model:
    """The model of these attributes, for a training of so many steps."""
    size = ATTRIBUTE_PRESETS[arguments.preset]
    if arguments.method == "fader":
        networks = fader(FACES, len(names), size.latent_dim, size.width)
        return models.FaderNetwork(**networks, attributes=names, warm_up=steps // 3)
    common: dict[str, Any] = FACES_VAE | {"attributes": names, "seed": arguments.seed}
    if arguments.method == "cvae":
        return models.CVAE(**cvae(FACES, len(names), size.latent_dim, size.width), **common)
    options = {k: getattr(arguments, k) for k in ("alpha", "consistency", "input_noise")}
    options = FACES_DUAL | {k: value for k, value in options.items() if value is not None}
    options["use_bias"] = not arguments.no_bias
    return models.DualVAE(**dual_vae(FACES, size.latent_dim, size.width), **common | options)


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains or resumes, chooses strengths on validation faces, scores test faces and draws."""
    faces, classifier = load(arguments)
    columns = list(range(arguments.domains))
    model = train(arguments, directory, faces, [faces.attribute_names[c] for c in columns])
    figures = score(arguments, model, classifier, columns, faces, directory)
    figures["classifier"] = metrics.attribute_report(
        classifier, faces.images["test"], faces.attributes["test"], faces.attribute_names
    )
    strengths = {
        kind: found["best_on_validation"]["strength"]
        for kind, found in figures["transfers"].items()
    }
    draw(model, strengths, faces, columns, directory)
    return figures


def train(
    arguments: argparse.Namespace,
    directory: RunDirectory,
    faces: datasets.Faces,
    names: list[str],
) -> keras.Model:
    """Trains or resumes the model, and saves it."""
    labels = faces.attributes["train"][:, : len(names)]
    rng = np.random.default_rng([arguments.seed, 11])
    labels = np.where(rng.random(labels.shape) < arguments.missing, -1, labels).astype("int32")
    if arguments.fill_missing:
        labels = filled(faces.images["train"], labels, arguments)
    batches = Batches(
        faces.images["train"], labels, arguments.batch_size, flip=True, seed=arguments.seed
    )
    keras.utils.set_random_seed(arguments.seed)
    total = arguments.epochs * len(batches)
    model = build(arguments, names, total)
    beta_1 = 0.5 if isinstance(model, models.FaderNetwork) else 0.9

    def adam() -> keras.optimizers.Optimizer:
        rate = keras.optimizers.schedules.CosineDecay(arguments.learning_rate, total, alpha=0.02)
        return keras.optimizers.Adam(rate, beta_1=beta_1)

    groups = model.optimizer_groups()
    model.compile(adam() if groups is None else {name: adam() for name in groups})
    training.fit(
        model,
        batches,
        directory,
        training.start(model, directory, batches.skip_epochs),
        epochs=arguments.epochs,
        verbose=arguments.verbose,
    )
    directory.save(model)
    visualization.training_curves(directory.history(), directory / "training.png")
    return model


def score(
    arguments: argparse.Namespace,
    model: Any,
    classifier: keras.Model,
    columns: list[int],
    faces: datasets.Faces,
    directory: RunDirectory,
) -> dict[str, Any]:
    """Chooses strengths on validation faces, and scores test faces with them."""
    scores = Scores(model, classifier, columns)
    x, y = (part["validation"] for part in (faces.images, faces.attributes))
    rng = np.random.default_rng([arguments.seed, 12])
    some = rng.permutation(len(x))[: arguments.sweep_images]
    sweeps = scores.sweep(floats(x[some]), y[some][:, columns])
    draw_sweep(sweeps, directory / "sweep.png")

    test, y = floats(faces.images["test"]), faces.attributes["test"][:, columns]
    size = min(160, len(test))
    figures: dict[str, Any] = {
        "images": {"validation": len(some), "test": len(test), "draw": size},
    }
    figures["reconstruction_error"] = round(reconstruction_error(model, test, y), 6)
    # The error of a model that draws the mean face for each of them.
    figures["variance"] = round(float(np.mean(np.square(test - test.mean(axis=0)))), 6)
    if isinstance(model, models.DualVAE):
        right = (model.attribute_probabilities(test) > 0.5) == (y > 0)
        figures["attribute_accuracy"] = round(float(right.mean()), 5)
    figures["transfers"] = {}
    for kind, sweep in sweeps.items():
        best = best_of(sweep)
        metric = scores.measure(kind, best["strength"], test, y)
        figures["transfers"][kind] = {
            "unit": scores.kinds[kind].unit,
            "validation": sweep,
            "best_on_validation": best,
            # If so, a larger strength might do better.
            "best_is_last": len(sweep) > 1 and best == sweep[-1],
            "test": rounded(metric.result()),
            "test_draws": rounded(metric.result_of_draws(size=size, draws=10, seed=0)),
            "per_attribute": rounded(metric.per_domain()),
        }
    return figures


def reconstruction_error(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error, per pixel value."""
    given = () if isinstance(model, models.DualVAE) else (y,)
    return float(np.mean(np.square(model.reconstruct(x, *given) - x)))


def draw(
    model: Any,
    strengths: dict[str, float],
    faces: datasets.Faces,
    columns: list[int],
    directory: RunDirectory,
) -> None:
    """Figure 5: all attributes; figure 6: some of them at increasing strengths."""
    x = floats(faces.images["test"][:FACES_SHOWN])
    dual = isinstance(model, models.DualVAE)
    given: dict[str, Any] = {}
    if not dual:
        given = {"attributes": faces.attributes["test"][:FACES_SHOWN][:, columns]}
    for kind, strength in strengths.items():
        if kind == "boundary":
            made = model.to_boundary(x, None, strength, present=True, direction="isolated")
        else:
            options = {"direction": kind, "unit": "dual_vector"} if dual else given
            made = model.transfer(x, None, strength, **options)
        rows = [("face", x), ("reconstruction", model.reconstruct(x, **given))]
        rows += [(name, made[:, i]) for i, name in enumerate(model.attribute_names)]
        visualization.translation_grid(rows, directory / f"attributes_{kind}.png")
    strongest = 2 * next(iter(strengths.values()))
    path = np.linspace(-strongest, strongest, 9, dtype="float32")
    one = np.repeat(x[:1], len(path), axis=0)
    if dual:
        given = {"unit": "dual_vector"}
    else:
        given = {"attributes": np.repeat(given["attributes"][:1], len(path), axis=0)}
    swept = [name for name in SWEPT if name in model.attribute_names]
    if swept:
        strips = {name: model.transfer(one, name, path, **given) for name in swept}
        visualization.translation_grid(strips, directory / "strengths.png")


def report(figures: dict[str, Any]) -> None:
    """Prints the scores."""
    found = figures["classifier"].values()
    print(f"Classifier: mean accuracy {np.mean([f['accuracy'] for f in found]):.4f}")
    error = f"Squared error of reconstructions: {figures['reconstruction_error']:.5f}"
    if "variance" in figures:
        error += f" (of the mean face: {figures['variance']:.5f})"
    print(error)
    for kind, row in figures["transfers"].items():
        if row["best_is_last"]:
            print(f"{kind}: the best strength is the largest that was tried.")
        draws, whole = row["test_draws"], row["test"]
        print(
            f"{kind}, strength {row['best_on_validation']['strength']:g} ({row['unit']}): CIS "
            f"{draws['cis']['mean']:.4f} +- {draws['cis']['std']:.4f} on sets of "
            f"{figures['images']['draw']} test faces, {whole['cis']:.4f} on all "
            f"(ts {whole['ts']:.4f}, rs {whole['rs']:.4f})"
        )
