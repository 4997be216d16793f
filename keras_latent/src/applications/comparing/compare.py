"""Several methods on the same two domains: trained alike, and measured alike."""

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, visualization
from keras_latent.src import backend
from keras_latent.src.applications.comparing import tables
from keras_latent.src.applications.comparing.scores import Scores
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.epochs_of_steps import EpochsOfSteps
from keras_latent.src.applications.running.run_directory import METRICS, RunDirectory
from keras_latent.src.applications.running.time_limit import TimeLimit
from keras_latent.src.training.inputs import Ignored
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.files import replaced_when_complete

#: Steps between two saved states.
EPOCH_STEPS = 100
#: More epochs than any training has: the time ends it.
ENDLESS = 1_000_000
#: Test images in the picture.
SHOWN = 10
FILES = ("comparison.json", "comparison.md", "comparison.png")


def compare(
    pair: datasets.DomainPair,
    models: Mapping[str, keras.Model | Callable[[], keras.Model]],
    out: str | os.PathLike,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    classifiers: Mapping[str, keras.Model] | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    verbose: int = 1,
) -> list[dict[str, Any]]:
    """Trains several models on one pair of domains, and measures them on its test images.

    All models get the same batches in the same order, and the same number of steps or minutes. They
    are trained one after the other. If this is interrupted, the same call resumes it; finished
    models are not trained again. Moving averages of weights count, where a model has them.

    Measured are, in both directions: the accuracy of translated test images, by a classifier that
    was trained on real images and labels of the domain translated into; the Fréchet and the kernel
    distance between its features of translated and of real test images; the spread; and the squared
    error after a translation there and back. Without labels, a classifier of the two domains takes
    their place, if images have one shape, and the accuracy is the share of translations that it
    takes for the other domain. Rows named "source only" (no translation: images are resized) and
    "oracle" (real images of the domain translated into) frame the others.

    Args:
        pair: The domains, with test images and `format="numpy"`.
        models: Models of two domains by name, or functions that return them, which are called when
            it is their turn. A model that is not compiled gets its default optimizers. Names become
            folders.
        out: Folder of the results.
        steps: Training steps of each model, rounded up to 100 if there are more.
        minutes: Training time of each model, after its first step. Give this or `steps`.
        classifiers: Classifiers by domain, images in [0, 1] to logits. Default: trained on the
            training images and cached.
        seed: Seed of the global random numbers; models have their own.
        settings: What else the results depend on, such as widths, as JSON-like values. A folder
            with results of other settings is refused.
        overwrite: Whether to delete the results in the folder, and start again.
        verbose: 0: silent; 1: progress.

    Returns:
        A dict per row: `"method"`, `"supervision"` (what a model was trained with besides the
        images), `"accuracy"`, `"frechet"`, `"kernel"`, `"spread"` and `"cycle_error"` (dicts by
        direction, such as `"source_to_target"`), `"parameters"`, `"steps"`, `"seconds_per_step"`
        and `"minutes"`. Values that do not exist are left out. `comparison.json` in `out` has the
        same rows, `comparison.md` a table, and `comparison.png` shows the same test images for
        every model.

    Raises:
        ValueError: If an argument is invalid, a model does not translate between two domains of
            these shapes, or the folder holds another comparison.
        RuntimeError: If a loss became NaN or infinite, or another process uses the folder.

    Example:

    >>> import keras_latent
    >>> from keras_latent import datasets, models
    >>> pair = datasets.load_pair("digits_transpose", paired=500, format="numpy")
    >>> candidates = {
    ...     name: lambda preset=preset: models.VBTA.from_preset(preset, load_weights=False)
    ...     for name, preset in {
    ...         "paper": "vbta_digits_transpose", "ours": "vbta_digits_transpose_sharp"
    ...     }.items()
    ... }
    >>> rows = keras_latent.compare(pair, candidates, "runs/vbta", steps=500)  # doctest: +SKIP
    """
    _check(pair, models, steps, minutes)
    out = Path(out)
    scores = Scores(pair, classifiers, verbose)
    shown = {d: scores.images[d][_shown_rows(scores, d)] for d in DOMAINS}
    rows: list[dict[str, Any]] = []
    pictures: dict[str, dict[str, np.ndarray]] = {}
    for name, model in models.items():
        configuration = {
            "comparison": repr(pair),
            "method": name,
            "seed": seed,
            "backend": backend.NAME,
            **(settings or {}),
        } | ({"steps": steps} if steps is not None else {"minutes": minutes})
        with RunDirectory(
            out / name, configuration, overwrite, extend=lambda *_: training.SAME_AS_LONGER_RUN
        ) as directory:
            found = directory.metrics()
            if found is None:
                if verbose:
                    print(f"{name}:", flush=True)
                found = _train_and_measure(
                    model, pair, scores, shown, directory, steps, minutes, seed, verbose
                )
                directory.write_json(METRICS, found)
            rows.append({"method": name, **found})
            with np.load(directory / "shown.npz") as archive:
                pictures[name] = dict(archive)
    framing = scores.framing() if scores.classifiers else {}
    rows = [
        {"method": name, **framing[name]} for name in framing if framing[name]["accuracy"]
    ] + rows
    _write(out, pair, rows, shown, pictures, scores.of_classes)
    return rows


def _check(pair, models, steps, minutes):
    if not isinstance(pair, datasets.DomainPair) or pair.format != "numpy":
        raise ValueError(
            '`pair` must be a pair of domains with `format="numpy"`, as `datasets.load_pair` and '
            f"`datasets.pair_from_arrays` make. Received: {pair!r}"
        )
    if min(pair.test_sizes) < 2:
        raise ValueError(f"`pair` must have 2 test images or more per domain. Received: {pair!r}")
    if not isinstance(models, Mapping) or not models:
        raise ValueError(
            f"`models` must be a dict of names and models. Received: {type(models).__name__}"
        )
    for name in models:
        if not isinstance(name, str) or name != Path(name).name or name in FILES:
            raise ValueError(f"`models` must have names that can be folders. Received: {name!r}")
    if (steps is None) == (minutes is None):
        raise ValueError(
            f"Give `steps` or `minutes`. Received: steps={steps!r}, minutes={minutes!r}"
        )
    if steps is not None:
        checks.integer("steps", steps)
    else:
        checks.positive("minutes", minutes)


def _shown_rows(scores: Scores, domain: str) -> np.ndarray:
    """Test images for the picture: one of each class, or the first."""
    if scores.of_classes:
        return np.unique(scores.labels[domain], return_index=True)[1][:SHOWN]
    return np.arange(min(SHOWN, *(len(scores.images[d]) for d in DOMAINS)))


def _train_and_measure(
    model: Any,
    pair: datasets.DomainPair,
    scores: Scores,
    shown: dict[str, np.ndarray],
    directory: RunDirectory,
    steps: int | None,
    minutes: float | None,
    seed: int,
    verbose: int,
) -> dict[str, Any]:
    """Trains or resumes a model, and returns its row."""
    keras.utils.set_random_seed(seed)
    if not isinstance(model, keras.Model):
        model = model()
    _check_model(model, pair)
    if not model.compiled:
        model.compile()
    each = min(EPOCH_STEPS, steps or EPOCH_STEPS)
    batches = EpochsOfSteps(pair.train, pair.skip_epochs, each)
    started = training.start(model, directory, batches.skip_epochs)
    history = directory.history() if started[1] else {}
    limit = TimeLimit(None if minutes is None else 60 * minutes, sum(history.get("seconds", ())))
    epochs = ENDLESS if steps is None else math.ceil(steps / each)
    training.fit(
        model,
        batches,
        directory,
        started,
        epochs=epochs if limit.left() else started[1],
        verbose=verbose,
        left=limit.left if steps is None else None,
        first=[limit],
    )
    directory.save(model)
    seconds = directory.history()["seconds"]
    done = len(seconds) * each
    made = {to: model.translate(shown[OTHER[to]], to=to) for to in DOMAINS}
    with replaced_when_complete(directory / "shown.npz") as temporary:
        np.savez_compressed(temporary, **made)
    cycles = {
        f"{d}_to_{OTHER[d]}": round(
            float(np.mean(np.square(model.cycle(scores.images[d], d) - scores.images[d]))), 5
        )
        for d in DOMAINS
    }
    return {
        "class": type(model).__name__,
        "supervision": supervision(model, pair),
        **scores.measure(lambda x, to: model.translate(x, to=to)),
        "cycle_error": cycles,
        "parameters": sum(math.prod(v.shape) for v in model.trainable_variables),
        "steps": done,
        "seconds_per_step": round(float(np.median(seconds)) / each, 4),
        "minutes": round(sum(seconds) / 60, 2),
    }


def _check_model(model, pair):
    shapes = {d: getattr(pair, f"{d}_shape") for d in DOMAINS}
    if not hasattr(model, "translate") or model.event_shapes != shapes:
        raise ValueError(
            "`models` must translate between two domains of the shapes of `pair`, "
            f"{shapes}. Received: a `{type(model).__name__}` of "
            f"{getattr(model, 'event_shapes', getattr(model, 'event_shape', None))}"
        )


def supervision(model: Any, pair: datasets.DomainPair) -> str:
    """What a model is trained with besides the images of both domains."""
    paired = model.batch_spec.inputs.get("paired")
    if paired is None or isinstance(paired, Ignored):
        return "none"
    return f"{pair.num_paired:,} pairs" if pair.num_paired else "no pairs"


def _write(out, pair, rows, shown, pictures, of_classes):
    """The three files."""
    with replaced_when_complete(out / "comparison.json") as temporary:
        temporary.write_text(json.dumps({"pair": repr(pair), "rows": rows}, indent=1) + "\n")
    with replaced_when_complete(out / "comparison.md") as temporary:
        temporary.write_text(tables.comparison(rows, pair, of_classes))
    drawn = []
    for to in ("target", "source"):
        drawn.append((f"{OTHER[to]}: test images", shown[OTHER[to]]))
        drawn += [(f"{name}, to {to}", made[to]) for name, made in pictures.items()]
    visualization.translation_grid(drawn, out / "comparison.png")
