"""VBTA between faces of men and of women: section 6.2 of its paper."""

import argparse
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications.faces.data import (
    MALE,
    domain_of,
    load,
    pair_of,
    sort_men_first,
)
from keras_latent.src.applications.faces.measures import (
    best_strength,
    figures_of,
    look,
    offset_between,
)
from keras_latent.src.applications.faces.single_domain_vae import adam, train_counterpart
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.settings import FACE_DATASETS, MEN_WOMEN_PRESETS, training_of
from keras_latent.src.utils.domains import DOMAINS, OTHER

#: Splits that are evaluated. Neither of them is trained on.
MEASURED = ("validation", "test")
#: Figures that change when the latents of translations are moved.
OF_TRANSLATIONS = ("target_gender_accuracy", "attribute_agreement", "spread")
#: The domains in pictures and messages.
WHO = {"source": "men", "target": "women"}
COLUMNS = 10


def extend(arguments: argparse.Namespace, before: int) -> str:
    """Says how a run with more epochs compares with one from the start."""
    decays = training_of(arguments.preset, MEN_WOMEN_PRESETS).decay
    return training.NEW_SCHEDULE if decays else training.SAME_AS_LONGER_RUN


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains or resumes, saves the model, evaluates it and draws."""
    faces, classifier = load(arguments)
    flip = None if arguments.no_flip else datasets.RandomFlip()
    sort_men_first(faces)  # after the classifier, whose cache depends on the order of its faces
    pair = pair_of(
        faces,
        batch_size=arguments.batch_size,
        paired_per_batch=arguments.paired_per_batch,
        seed=arguments.seed,
        name=FACE_DATASETS[arguments.dataset],
        augment=flip,
    )
    if arguments.verbose:
        print(pair)

    keras.utils.set_random_seed(arguments.seed)
    preset = training_of(arguments.preset, MEN_WOMEN_PRESETS)
    model = models.VBTA.from_preset(preset.model, load_weights=False, seed=arguments.seed)
    model.compile(adam(arguments, preset.decay, pair.steps_per_epoch))
    training.fit(
        model,
        pair.train,
        directory,
        training.start(model, directory, pair.skip_epochs),
        validation_data=pair.test,
        epochs=arguments.epochs,
        verbose=arguments.verbose,
    )
    directory.save(model)
    visualization.training_curves(directory.history(), directory / "training.png")

    vae = None
    if not arguments.no_vae:
        if arguments.verbose:
            print("Plain VAE of both domains:", flush=True)
        images, decay = faces.images["train"], preset.decay
        vae = train_counterpart(model, images, arguments, directory, decay=decay, augment=flip)
    return measure(model, vae, classifier, faces, directory) | {"known_pairs": pair.num_paired}


def measure(
    model: models.VBTA,
    vae: models.VAE | None,
    classifier: keras.Model,
    faces: datasets.Faces,
    directory: RunDirectory,
) -> dict[str, Any]:
    """Translates the faces of both splits in both directions, scores and draws them."""
    male = faces.attribute_names.index(MALE)
    offset = offset_between(model, *(domain_of(faces, "train", d)[0] for d in DOMAINS))
    strengths, offsets = {}, {}
    for d in DOMAINS:
        images, _ = domain_of(faces, "validation", d)
        strengths[d] = best_strength(model, classifier, images, d, offset, male)
        offsets[d] = strengths[d] * offset
    figures: dict[str, Any] = {"strength": strengths}
    for split in MEASURED:
        split_images = {d: domain_of(faces, split, d)[0] for d in DOMAINS}
        seen = {d: look(model, vae, classifier, x, d) for d, x in split_images.items()}
        figures[split] = figures_of(seen, male)
        seen = {d: look(model, None, classifier, x, d, offsets[d]) for d, x in split_images.items()}
        moved = figures_of(seen, male)
        figures[split]["moved"] = {name: moved[name] for name in OF_TRANSLATIONS}
        figures[split]["classifier"] = metrics.attribute_report(
            classifier, faces.images[split], faces.attributes[split], faces.attribute_names
        )
    draw(model, faces, directory, offsets)
    return figures


def draw(
    model: models.VBTA,
    faces: datasets.Faces,
    directory: RunDirectory,
    offsets: dict[str, np.ndarray],
) -> None:
    """Figures 4 and 5: test faces with the same attributes, and samples from the prior."""
    (men, his), (women, hers) = (domain_of(faces, "test", d) for d in DOMAINS)
    matched = datasets.match_by_attributes(
        his[:COLUMNS], hers, names=faces.attribute_names, exclude=(MALE,)
    )
    shown = {"source": floats(men[:COLUMNS]), "target": floats(women[matched])}
    rows = []
    for d, images in shown.items():
        to = OTHER[d]
        rows += [
            (WHO[d], images),
            ("reconstruction", model.reconstruct(images, d)),
            (f"as {WHO[to]}", model.translate(images, to=to)),
        ]
        if offsets[d].any():
            moved = model.translate(images, to=to, offset=offsets[d])
            rows.append((f"moved to {WHO[to]}", moved))
    visualization.translation_grid(rows, directory / "translations.png")
    samples = model.generate(COLUMNS, seed=0)
    visualization.translation_grid(
        {f"{WHO[d]} from z": samples[d] for d in DOMAINS}, directory / "samples.png"
    )


def report(figures: dict[str, Any]) -> None:
    """Prints the figures."""
    for split in MEASURED:
        found, moved = figures[split], figures[split]["moved"]
        for d, to in OTHER.items():
            direction = f"{d}_to_{to}"
            agreement = found["attribute_agreement"][direction]
            errors = ", ".join(
                f"{name.upper()} {value:.5f}"
                for name, value in found["reconstruction_error"][d].items()
            )
            print(
                f"{split}, {found['rows'][d]} {WHO[d]}: "
                f"{found['target_gender_accuracy'][direction]:.4f} of translations classified as "
                f"{WHO[to]} (as {WHO[d]}: {found['gender_accuracy'][d]['reconstruction']:.4f} of "
                f"reconstructions, {found['gender_accuracy'][d]['real']:.4f} of real faces); other "
                f"attributes the same as in the reconstruction {agreement['reconstruction']:.4f} "
                f"(by chance: {agreement['chance']:.4f}), in the real face "
                f"{agreement['real']:.4f}; squared error {errors}; spread "
                f"{found['spread'][d]['translation']:.3f} (real faces "
                f"{found['spread'][d]['real']:.3f})"
            )
            agreement = moved["attribute_agreement"][direction]
            print(
                f"  moved by {figures['strength'][d]:g} times the offset between the domains' mean "
                f"latents: {moved['target_gender_accuracy'][direction]:.4f}; other attributes the "
                f"same as in the reconstruction {agreement['reconstruction']:.4f}, in the real "
                f"face {agreement['real']:.4f}; spread {moved['spread'][d]['translation']:.3f}"
            )
