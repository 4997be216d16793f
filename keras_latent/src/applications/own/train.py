"""`keras-latent train`: a method on your own images."""

import argparse
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import callbacks, models, visualization
from keras_latent.src.applications.own import bridge, own_data
from keras_latent.src.applications.own.likeness import likeness
from keras_latent.src.applications.own.methods import compile, two_domain_settings
from keras_latent.src.applications.own.own_data import OwnData
from keras_latent.src.applications.own.pictures import given, grid, pictures
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.running.run_directory import LOG, RunDirectory, read_history
from keras_latent.src.applications.running.spread import shown, spread, warn_of_collapse
from keras_latent.src.applications.running.time_limit import TimeLimit
from keras_latent.src.applications.settings import OWN_METHODS, SEEDLESS
from keras_latent.src.models.base.blocks import halvings
from keras_latent.src.models.lstnet.networks import HALVED_BELOW
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.weight_files import load_weights

#: Images per domain by which epochs are compared, and the finished model is measured.
CHOICE_ROWS, MEASURED_ROWS = 256, 2000
#: Values of these images, at most: 100 MB as floats.
MEASURED_VALUES = 25_000_000
#: Steps of an epoch if the length was not given in epochs. Each is saved.
EPOCH_STEPS = 100
#: More epochs than any training has: `--minutes` ends it.
ENDLESS = 1_000_000
#: Parts into which StarGAN cuts a batch, at most; they must be equal.
CRITIC_STEPS = 5
#: Pictures of a training, at most, if its number of epochs is known.
PICTURES = 50


def extend(arguments: argparse.Namespace, before: int) -> str:
    """Says how a longer run compares with one from the start.

    Raises:
        ValueError: If its epochs are too short to go on with, its images changed, or it is a
            bridge: longer trained VAEs have other latents.
    """
    if arguments.model == "bridging":
        raise ValueError(
            "A run of `--model bridging` cannot be extended, because the bridge depends on the "
            "trained VAEs. Add `--overwrite` to start again."
        )
    own_data.require_same_images(arguments, Path(arguments.out))
    if hasattr(arguments, "steps") and before < EPOCH_STEPS:
        raise ValueError(
            f"A run of fewer than {EPOCH_STEPS} steps cannot be extended. Received: {before} steps "
            "there. Add `--overwrite` to start again."
        )
    return "" if hasattr(arguments, "minutes") else training.NEW_SCHEDULE


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains or resumes, saves the model, measures it on validation images, and draws."""
    check_size(arguments)
    data = own_data.load(arguments)
    own_data.require_same_images(arguments, directory)
    if arguments.verbose:
        own_data.describe(data)
    make = bridged if arguments.model == "bridging" else trained
    model = make(arguments, data, directory)
    visualization.training_curves(directory.history(), directory / "training.png")
    if arguments.target is None:
        return measure_one(model, data, directory)
    return measure_two(model, data, directory, OWN_METHODS[arguments.model].adversarial)


def trained(
    arguments: argparse.Namespace,
    data: OwnData,
    folder: RunDirectory | Path,
    transfer: models.LatentDomainTransfer | None = None,
) -> Any:
    """Builds and trains a model, or the bridge of `transfer`, or resumes the training."""
    if not hasattr(arguments, "epochs"):
        data = data.in_epochs_of(min(EPOCH_STEPS, getattr(arguments, "steps", EPOCH_STEPS)))
    epochs = epochs_of(arguments, data.steps)
    if transfer is None:
        keras.utils.set_random_seed(arguments.seed)
        model = build(arguments, data, epochs)
    else:
        model = transfer.bridge
    total = None if epochs is None else epochs * data.steps
    compile(model, arguments.learning_rate, total)
    if arguments.verbose:
        print(
            f"{type(model).__name__}: {model.count_params():,} parameters. The first step "
            "compiles, which may take a minute or two.",
            flush=True,
        )
    train(arguments, model, data, folder, epochs, transfer or model)
    return model


def bridged(
    arguments: argparse.Namespace, data: OwnData, directory: RunDirectory
) -> models.LatentDomainTransfer:
    """A VAE of each domain, trained alone, and the bridge between them; trained or resumed."""
    if hasattr(arguments, "minutes"):
        thirds = {"minutes": arguments.minutes / 3}
        arguments = argparse.Namespace(**vars(arguments) | thirds)
    labels, classes = bridge.shared_classes(data) or (None, None)
    if arguments.verbose:
        bridge.describe(classes)
    vaes = []
    for domain in DOMAINS:
        if arguments.verbose:
            print(f"{domain}:", end=" ")
        folder = directory / f"vae_{domain}"
        folder.mkdir(exist_ok=True)
        vaes.append(bridge.frozen(trained(*bridge.of_one(arguments, data, domain), folder)))
    keras.utils.set_random_seed(arguments.seed)
    between = bridge.build(arguments, classes)
    transfer = models.LatentDomainTransfer(vaes[0], between, vaes[1])
    data = bridge.of_latents(arguments, data, transfer, labels)
    trained(arguments, data, directory, transfer)
    return transfer


def check_size(arguments: argparse.Namespace) -> None:
    """Checks the size of the images before these are read."""
    try:
        below = min(HALVED_BELOW, arguments.size)
        limit = {"down_to": below} if OWN_METHODS[arguments.model].adversarial else {}
        halvings((arguments.size, arguments.size, 3), **limit)
    except ValueError as error:
        raise ValueError(f"`--size`: {error}") from None


def epochs_of(arguments: argparse.Namespace, steps: int) -> int | None:
    """The epochs of the training, or `None` if only its time is limited."""
    if hasattr(arguments, "minutes"):
        return None
    if hasattr(arguments, "epochs"):
        return arguments.epochs
    return math.ceil(arguments.steps / steps)


def build(arguments: argparse.Namespace, data: OwnData, epochs: int | None) -> Any:
    """The model, not compiled."""
    method = OWN_METHODS[arguments.model]
    shapes = [images.shape[1:] for images in data.train.values()]
    settings: dict[str, Any] = dict(method.settings)
    networks = {"width": arguments.width, "latent_dim": arguments.latent_dim}
    total = None if epochs is None else epochs * data.steps
    settings |= two_domain_settings(method, shapes, data.paired, total)
    if method.model in ("DualVAE", "CVAE", "FaderNetwork", "StarGAN"):
        assert data.labels is not None
        count = data.labels.shape[1]
        settings["attributes"] = data.folders["source"].label_names or count
        networks |= {} if method.model == "DualVAE" else {"attributes": count}
    if method.model == "StarGAN":
        rows = min(arguments.batch_size, len(data.train["source"]))
        settings["critic_steps"] = max(n for n in range(1, CRITIC_STEPS + 1) if rows % n == 0)
    if method.model == "FaderNetwork":
        settings["warm_up"] = 2000 if total is None else max(1, total // 3)
    if method.model not in SEEDLESS:
        settings["seed"] = arguments.seed
    made = models.networks_for(method.model, *shapes, **networks)
    return getattr(models, method.model)(**made, **settings)


def train(
    arguments: argparse.Namespace,
    model: Any,
    data: OwnData,
    directory: RunDirectory | Path,
    epochs: int | None,
    drawn: Any,
) -> None:
    """Trains for the rest of the epochs or minutes, and draws what the model `drawn` makes."""
    started = training.start(model, directory, data.skip_epochs)
    done = started[1]
    log = directory / LOG
    spent = sum(read_history(log).get("seconds", ())) if log.exists() else 0.0
    limit = TimeLimit(60 * arguments.minutes if epochs is None else None, spent)
    every = 1 if epochs is None else math.ceil(epochs / PICTURES)
    before: list[keras.callbacks.Callback] = [pictures(drawn, data, directory, every)]
    after: list[keras.callbacks.Callback] = []
    if OWN_METHODS[arguments.model].adversarial:
        before.insert(0, callbacks.CollapseMonitor())
        after = [epoch_choice(model, data, directory, done)]
    training.fit(
        model,
        data.batches,
        directory,
        started,
        # If no time is left, the last epoch may not have been measured.
        epochs=epochs or (ENDLESS if limit.left() else done),
        verbose=arguments.verbose,
        left=limit.left if epochs is None else None,
        first=[limit],
        before=before,
        after=after,
    )


def epoch_choice(
    model: Any, data: OwnData, directory: RunDirectory | Path, done: int
) -> callbacks.EpochChoice:
    """Keeps the epoch whose translations of training images look most like the other domain."""
    some = {d: floats(images[:CHOICE_ROWS]) for d, images in data.train.items()}

    def likenesses() -> dict[str, float]:
        return {
            f"{to}_likeness": likeness(model.translate(some[OTHER[to]], to=to), some[to])
            for to in DOMAINS
        }

    criteria = tuple(f"{to}_likeness" for to in DOMAINS)
    return callbacks.EpochChoice(directory / "epochs", likenesses, criteria, done)


def measured(images: np.ndarray) -> np.ndarray:
    """The first images, as floats."""
    return floats(images[: min(MEASURED_ROWS, MEASURED_VALUES // math.prod(images.shape[1:]) + 1)])


def measure_one(model: Any, data: OwnData, directory: RunDirectory) -> dict[str, Any]:
    """Saves the model, and measures the reconstructions of validation images."""
    directory.save(model)
    x = measured(data.validation["source"])
    made = model.reconstruct(x, *given(model, data, len(x)))
    grid(model, data, directory / "reconstructions.png")
    return {
        "validation_rows": {"source": len(x)},
        "reconstruction_error": {"source": error(made, x)},
        "error_of_the_mean_image": {
            "source": error(measured(data.train["source"]).mean(axis=0), x)
        },
    }


def measure_two(
    model: Any, data: OwnData, directory: RunDirectory, chooses: bool
) -> dict[str, Any]:
    """Saves the model, or that of each direction's chosen epoch, and measures translations."""
    chosen = {}
    names = ("reconstruction_error", "cycle_error", "likeness", "spread", "validation_rows")
    figures: dict[str, Any] = {name: {} for name in names}
    images = {d: measured(data.validation[d]) for d in DOMAINS}
    choice = epoch_choice(model, data, directory, 0) if chooses else None
    if choice is None:
        directory.save(model)
    for to in ("source", "target"):
        domain, name = OTHER[to], f"{OTHER[to]}_to_{to}"
        x, real = images[domain], images[to]
        if choice is not None:
            load_weights(model, choice.weights(f"{to}_likeness"))
            chosen[name] = choice.chosen(f"{to}_likeness")
            directory.save(model, f"model_to_{to}.keras")
        if isinstance(model, models.LatentDomainTransfer):
            translated = model.transfer(x, to)
            back = model.transfer(translated, domain)
        else:
            translated, back = model.translate(x, to=to), model.cycle(x, domain)
        if hasattr(model, "reconstruct"):
            figures["reconstruction_error"][domain] = error(model.reconstruct(x, domain), x)
        figures["cycle_error"][domain] = error(back, x)
        figures["likeness"][name] = round(likeness(translated, real), 5)
        one_class = np.zeros(len(x)), np.zeros(len(real))
        figures["spread"][name] = spread(translated, real, *one_class)
        figures["validation_rows"][domain] = len(x)
        rows = {domain: x[:8], f"as {to}": translated[:8], "and back": back[:8]}
        visualization.translation_grid(rows, directory / f"{name}.png")
    return figures | ({"chosen_epoch": chosen} if chosen else {})


def error(made: np.ndarray, x: np.ndarray) -> float:
    """The mean squared error, per pixel value in [0, 1]."""
    return round(float(np.mean(np.square(made - x))), 6)


def report(figures: dict[str, Any]) -> None:
    """Prints the figures."""
    named = {
        "of reconstructions": "reconstruction_error",
        "of cycles": "cycle_error",
        "of the mean image": "error_of_the_mean_image",
    }
    for domain in figures["validation_rows"]:
        errors = (
            f"{what} {figures[name][domain]:.4f}"
            for what, name in named.items()
            if domain in figures.get(name, ())
        )
        print(f"{domain}: squared error {', '.join(errors)}")
    for name, value in figures.get("spread", {}).items():
        epoch = figures.get("chosen_epoch", {}).get(name)
        which = "" if epoch is None else f", epoch {epoch}"
        print(f"{name}: {shown(value)}, likeness {figures['likeness'][name]:.4f}{which}")
    warn_of_collapse(
        {name.replace("_", " "): value for name, value in figures.get("spread", {}).items()},
        "After a short training, train longer. Else look at grids/, and try a smaller "
        "`--learning-rate`.",
    )
