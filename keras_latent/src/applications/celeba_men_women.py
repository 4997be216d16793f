"""VBTA between faces of men and of women: the experiment of section 6.2 of its paper."""

import argparse

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications import fitting
from keras_latent.src.applications.face_domains import MALE, domain_of, pair_of, sort_men_first
from keras_latent.src.applications.face_measures import figures_of, look
from keras_latent.src.applications.face_offsets import best_strength, offset_between
from keras_latent.src.applications.judging import float32, floats
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.applications.single_domain_vae import train_counterpart
from keras_latent.src.cli.options.celeba_men_women import DATASETS, PRESETS
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS
from keras_latent.src.utils.files import replaced_when_complete

#: Splits that are measured. None of them steers the training.
MEASURED = ("validation", "test")
#: Figures that differ where the latents of translations are moved.
OF_TRANSLATIONS = ("target_gender_accuracy", "attribute_agreement", "spread")
#: What the pictures call the domains.
WHO = {"source": "men", "target": "women"}
COLUMNS = 10


def prolong(arguments: argparse.Namespace, before: int) -> str:
    """What to say where a run goes on beyond the epochs it was begun for."""
    return fitting.AS_A_LONGER_RUN  # as does the VAE beside it


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains or resumes, saves the model, measures and draws.

    Returns:
        The figures of `metrics.json`.
    """
    faces = datasets.load_faces(
        arguments.dataset,
        arguments.data_dir,
        limit=arguments.limit,
        verbose=0 if arguments.verbose == 0 else "auto",
    )
    flip = None if arguments.no_flip else datasets.RandomFlip()
    with float32():
        judge = metrics.attribute_classifier(
            faces.images["train"],
            faces.attributes["train"],
            kind=arguments.classifier,
            verbose=arguments.verbose,
            **({"epochs": arguments.classifier_epochs} if arguments.classifier_epochs else {}),
        )
    sort_men_first(faces)  # after the classifier, which is kept by the order of its faces
    pair = pair_of(
        faces,
        batch_size=arguments.batch_size,
        paired_per_batch=arguments.paired_per_batch,
        seed=arguments.seed,
        name=DATASETS[arguments.dataset],
        augment=flip,
    )
    if arguments.verbose:
        print(pair)

    keras.utils.set_random_seed(arguments.seed)
    preset = PRESETS.get(arguments.preset, (arguments.preset,))[0]
    model = models.VBTA.from_preset(preset, load_weights=False, seed=arguments.seed)
    model.compile(keras.optimizers.Adam(arguments.learning_rate))
    fitting.fit(
        model,
        pair.train,
        directory,
        fitting.start(model, directory, pair.skip_epochs),
        validation_data=pair.test,
        epochs=arguments.epochs,
        verbose=arguments.verbose,
    )
    with replaced_when_complete(directory / "model.keras") as temporary:
        model.save(temporary)
    visualization.training_curves(directory.history("history.csv"), directory / "training.png")

    vae = None
    if not arguments.no_vae:
        if arguments.verbose:
            print("VAE of both domains (kept in the run's folder):", flush=True)
        vae = train_counterpart(
            model,
            faces.images["train"],
            directory,
            epochs=arguments.epochs,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
            seed=arguments.seed,
            augment=flip,
            verbose=arguments.verbose,
        )
    return measure(model, vae, judge, faces, directory) | {"known_pairs": pair.num_paired}


def measure(
    model: models.VBTA,
    vae: models.VAE | None,
    judge: keras.Model,
    faces: datasets.Faces,
    directory: RunDirectory,
) -> dict:
    """Translates the faces of both splits both ways, scores and draws them."""
    male = faces.attribute_names.index(MALE)
    between = offset_between(model, *(domain_of(faces, "train", d)[0] for d in DOMAINS))
    strengths = {
        d: best_strength(model, judge, domain_of(faces, "validation", d)[0], d, between, male)
        for d in DOMAINS
    }
    figures = {"strength": strengths}
    for split in MEASURED:
        images = {d: domain_of(faces, split, d)[0] for d in DOMAINS}
        figures[split] = figures_of(
            {d: look(model, vae, judge, images[d], d) for d in DOMAINS}, male
        )
        moved = figures_of(
            {d: look(model, None, judge, images[d], d, strengths[d] * between) for d in DOMAINS},
            male,
        )
        figures[split]["moved"] = {name: moved[name] for name in OF_TRANSLATIONS}
        figures[split]["classifier"] = metrics.attribute_report(
            judge, faces.images[split], faces.attributes[split], faces.attribute_names
        )
    draw(model, faces, directory, {d: strengths[d] * between for d in DOMAINS})
    return figures


def draw(
    model: models.VBTA,
    faces: datasets.Faces,
    directory: RunDirectory,
    offsets: dict[str, np.ndarray],
) -> None:
    """Figures 4 and 5: test faces that match in their attributes, and draws of the prior."""
    (men, his), (women, hers) = (domain_of(faces, "test", d) for d in DOMAINS)
    matched = datasets.match_by_attributes(
        his[:COLUMNS], hers, names=faces.attribute_names, exclude=(MALE,)
    )
    shown = {"source": floats(men[:COLUMNS]), "target": floats(women[matched])}
    lines = []
    for d, images in shown.items():
        lines += [
            (WHO[d], images),
            ("reconstruction", model.reconstruct(images, d)),
            (f"as {WHO[OTHER[d]]}", model.translate(images, to=OTHER[d])),
        ]
        if offsets[d].any():
            translated = model.translate(images, to=OTHER[d], offset=offsets[d])
            lines.append((f"moved to {WHO[OTHER[d]]}", translated))
    visualization.translation_grid(lines, directory / "translations.png")
    samples = model.generate(COLUMNS, seed=0)
    visualization.translation_grid(
        {f"{WHO[d]} from z": samples[d] for d in DOMAINS}, directory / "samples.png"
    )


def report(figures: dict) -> None:
    """Prints the figures."""
    for split in MEASURED:
        found = figures[split]
        for d in DOMAINS:
            direction = f"{d}_to_{OTHER[d]}"
            agreement = found["attribute_agreement"][direction]
            errors = ", ".join(
                f"{name.upper()} {value:.5f}"
                for name, value in found["reconstruction_error"][d].items()
            )
            print(
                f"{split}, {found['rows'][d]} {WHO[d]}: "
                f"{found['target_gender_accuracy'][direction]:.4f} translated are seen as "
                f"{WHO[OTHER[d]]} (of reconstructions, "
                f"{found['gender_accuracy'][d]['reconstruction']:.4f} as {WHO[d]}; of real faces, "
                f"{found['gender_accuracy'][d]['real']:.4f}); other attributes as in the "
                f"reconstruction {agreement['reconstruction']:.4f} (of another face: "
                f"{agreement['chance']:.4f}), as in the real face {agreement['real']:.4f}; "
                f"squared error {errors}; spread {found['spread'][d]['translation']:.3f} of "
                f"{found['spread'][d]['real']:.3f}"
            )
            moved = found["moved"]
            agreement = moved["attribute_agreement"][direction]
            print(
                f"  moved by {figures['strength'][d]:g} times the offset between the domains' mean "
                f"latents: {moved['target_gender_accuracy'][direction]:.4f}; other attributes as "
                f"in the reconstruction {agreement['reconstruction']:.4f}, as in the real face "
                f"{agreement['real']:.4f}; spread {moved['spread'][d]['translation']:.3f}"
            )
