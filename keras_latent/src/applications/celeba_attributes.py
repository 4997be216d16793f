"""Attributes of faces, changed by DualVAE or what it is compared with, and scored by CIS."""

import argparse

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications import fitting
from keras_latent.src.applications.attribute_scores import (
    Scores,
    best_of,
    draw_sweep,
    rounded,
)
from keras_latent.src.applications.judging import float32, floats
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.cli.options.celeba_attributes import SIZES
from keras_latent.src.metrics.attribute_batches import Batches
from keras_latent.src.models.cvae.networks import cvae
from keras_latent.src.models.dual_vae.networks import dual_vae
from keras_latent.src.models.dual_vae.presets import FACES, FACES_DUAL, FACES_VAE
from keras_latent.src.models.fader_network.networks import fader
from keras_latent.src.utils.files import replaced_when_complete

#: Faces and attributes in the pictures; the paper shows the sweep of these attributes.
FACES_SHOWN, SWEPT = 6, ("Blond_Hair", "Eyeglasses", "Mustache", "Bangs", "Male", "Smiling")


def prolong(arguments: argparse.Namespace, before: int) -> str:
    """What to say where a run goes on beyond the epochs it was begun for."""
    return fitting.ON_A_NEW_SCHEDULE


def build(arguments: argparse.Namespace, names: list[str]) -> keras.Model:
    """The model of these attributes."""
    width, latent_dim, _ = SIZES[arguments.preset]
    n, seed = len(names), {"seed": arguments.seed}
    common = FACES_VAE | {"attributes": names}
    if arguments.method == "dualvae":
        networks = dual_vae(FACES, latent_dim, width)
        given = {k: getattr(arguments, k) for k in ("alpha", "consistency", "input_noise")}
        given = {k: value for k, value in given.items() if value is not None}
        return models.DualVAE(**networks, **common | FACES_DUAL | given | seed)
    if arguments.method == "cvae":
        networks = cvae(FACES, n, latent_dim, width)
        return models.CVAE(**networks, **common | seed)
    networks = fader(FACES, n, latent_dim, width)
    return models.FaderNetwork(**networks, attributes=names, warm_up=2000)


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains or resumes, chooses strengths on validation faces, scores test faces, and draws.

    Returns:
        The figures of `metrics.json`.
    """
    faces = datasets.load_faces(
        arguments.dataset,
        arguments.data_dir,
        limit=arguments.limit,
        verbose=0 if arguments.verbose == 0 else "auto",
    )
    with float32():
        judge = metrics.attribute_classifier(
            faces.images["train"],
            faces.attributes["train"],
            kind=arguments.classifier,
            verbose=arguments.verbose,
            **({"epochs": arguments.classifier_epochs} if arguments.classifier_epochs else {}),
        )
    columns = list(range(arguments.domains))
    names = [faces.attribute_names[c] for c in columns]
    model = train(arguments, directory, faces, names)

    figures = score(arguments, model, judge, columns, faces, directory)
    report_of = metrics.attribute_report
    figures["classifier"] = report_of(
        judge, faces.images["test"], faces.attributes["test"], faces.attribute_names
    )
    chosen = {
        kind: {"strength": found["best_on_validation"]["strength"]}
        for kind, found in figures["transfers"].items()
    }
    draw(model, chosen, faces, columns, directory)
    return figures


def train(arguments, directory, faces, names) -> keras.Model:
    """Trains or resumes the model, and saves it."""
    labels = faces.attributes["train"][:, : len(names)]
    rng = np.random.default_rng([arguments.seed, 11])
    labels = np.where(rng.random(labels.shape) < arguments.missing, -1, labels).astype("int32")
    batches = Batches(
        faces.images["train"], labels, arguments.batch_size, flip=True, seed=arguments.seed
    )
    keras.utils.set_random_seed(arguments.seed)
    model = build(arguments, names)
    total = arguments.epochs * len(batches)

    def adam(**options):
        rate = keras.optimizers.schedules.CosineDecay(arguments.learning_rate, total, alpha=0.02)
        return keras.optimizers.Adam(rate, **options)

    groups = model.optimizer_groups()
    fader = isinstance(model, models.FaderNetwork)
    options = {"beta_1": 0.5} if fader else {}
    model.compile(adam() if groups is None else {name: adam(**options) for name in groups})
    fitting.fit(
        model,
        batches,
        directory,
        fitting.start(model, directory, batches.skip_epochs),
        epochs=arguments.epochs,
        verbose=arguments.verbose,
    )
    with replaced_when_complete(directory / "model.keras") as temporary:
        model.save(temporary)
    visualization.training_curves(directory.history("history.csv"), directory / "training.png")
    return model


def score(arguments, model, judge, columns, faces, directory) -> dict:
    """Strengths chosen on validation faces, and the scores of test faces at these."""
    scores = Scores(model, judge, columns)
    x, y = (part["validation"] for part in (faces.images, faces.attributes))
    rng = np.random.default_rng([arguments.seed, 12])
    some = rng.permutation(len(x))[: arguments.sweep_images]
    sweeps = scores.sweep(floats(x[some]), y[some][:, columns])
    draw_sweep(sweeps, directory / "sweep.png")

    test, y = floats(faces.images["test"]), faces.attributes["test"][:, columns]
    size = min(160, len(test))
    figures = {"images": {"validation": len(some), "test": len(test), "draw": size}}
    figures["reconstruction_error"] = round(reconstruction_error(model, test, y), 6)
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
            "test": rounded(metric.result()),
            "test_draws": rounded(metric.result_of_draws(size=size, draws=10, seed=0)),
            "per_attribute": rounded(metric.per_domain()),
        }
    return figures


def reconstruction_error(model, x: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error, per value of a pixel."""
    given = () if isinstance(model, models.DualVAE) else (y,)
    return float(np.mean(np.square(model.reconstruct(x, *given) - x)))


def draw(model, chosen: dict, faces, columns, directory: RunDirectory) -> None:
    """Figure 5: all attributes; figure 6: some of them at growing strengths."""
    x = floats(faces.images["test"][:FACES_SHOWN])
    dual = isinstance(model, models.DualVAE)
    given = {} if dual else {"attributes": faces.attributes["test"][:FACES_SHOWN][:, columns]}
    names = model.attribute_names
    for kind, best in chosen.items():
        if kind == "boundary":
            made = model.to_boundary(x, None, best["strength"], present=True, direction="isolated")
        else:
            options = {"direction": kind} if dual else {}
            made = model.transfer(x, None, best["strength"], **options, **given)
        lines = [("face", x), ("reconstruction", model.reconstruct(x, **given))]
        lines += [(name, made[:, i]) for i, name in enumerate(names)]
        visualization.translation_grid(lines, directory / f"attributes_{kind}.png")
    kind = next(iter(chosen))
    strongest = 2 * chosen[kind]["strength"]
    path = np.linspace(-strongest, strongest, 9, dtype="float32")
    one = np.repeat(x[:1], len(path), axis=0)
    if not dual:
        given = {"attributes": np.repeat(given["attributes"][:1], len(path), axis=0)}
    swept = [name for name in SWEPT if name in names]
    if swept:
        strips = {name: model.transfer(one, name, path, **given) for name in swept}
        visualization.translation_grid(strips, directory / "strengths.png")


def report(figures: dict) -> None:
    """Prints the scores."""
    found = figures["classifier"].values()
    print(f"Classifier: mean accuracy {np.mean([f['accuracy'] for f in found]):.4f}")
    print(f"Squared error of reconstructions: {figures['reconstruction_error']:.5f}")
    for kind, row in figures["transfers"].items():
        draws, whole = row["test_draws"], row["test"]
        print(
            f"{kind}, strength {row['best_on_validation']['strength']:g}: CIS "
            f"{draws['cis']['mean']:.4f} +- {draws['cis']['std']:.4f} on sets of "
            f"{figures['images']['draw']} test faces, {whole['cis']:.4f} on all "
            f"(ts {whole['ts']:.4f}, rs {whole['rs']:.4f})"
        )
