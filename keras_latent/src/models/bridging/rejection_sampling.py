"""Latents that a classifier is sure of, equally many per class."""

import dataclasses
import warnings
from typing import Any

import keras
import numpy as np

from keras_latent.src.models.base.networks import built, outputs_of
from keras_latent.src.models.bridging.generators import decoder_of
from keras_latent.src.utils import checks


@dataclasses.dataclass(frozen=True)
class RejectionSamples:
    """Latents of each class, sorted by class, and by falling confidence within a class.

    Attributes:
        latents: `(rows, latent_dim)`, float32.
        labels: Class that the classifier predicts, `(rows,)`, int64.
        confidence: Its predicted probability, `(rows,)`, float32.
        draws: Number of latents that were drawn.
    """

    latents: np.ndarray
    labels: np.ndarray
    confidence: np.ndarray
    draws: int


def rejection_sample(
    generator: Any,
    classifier: keras.Model,
    per_class: int,
    *,
    threshold: float = 0.0,
    max_draws: int | None = None,
    batch_size: int = 256,
    seed: int | None = None,
    from_logits: bool = True,
    allow_fewer: bool = False,
    verbose: int = 0,
) -> RejectionSamples:
    """Draws latents from N(0, I) and keeps those whose data a classifier is surest of.

    This gets data of known classes from an unconditional generative model. Latents are decoded and
    classified, and per class the `per_class` latents of highest confidence (the largest softmax
    probability) are kept. Decoded data is discarded, so memory does not grow with the draws.

    - `threshold=0`: the best of exactly `max_draws` draws.
    - `threshold > 0`: latents below it are rejected. Drawing ends when each class has `per_class`
      latents, or after `max_draws`.

    Args:
        generator: A model with `latent_dim` and `decode(z)` (`models.VAE`), or a built Keras
            model, latents `(batch, latent_dim)` to data `(batch, ...)`.
        classifier: Built Keras model, data to one score per class, `(batch, classes)`.
        per_class: Latents to keep of each class.
        threshold: Least confidence, from 0 to 1.
        max_draws: Draws at most; `None`: `10 * per_class * classes`, of which a tenth is kept.
        batch_size: Rows decoded at a time. It changes nothing else.
        seed: Seed of the latents: the same ones on every backend.
        from_logits: Whether the classifier's scores are logits; otherwise probabilities.
        allow_fewer: Warn, and return what there is, where a class got fewer than `per_class`.
        verbose: 1 shows a progress bar.

    Returns:
        A `RejectionSamples`.

    Raises:
        ValueError: If an argument is out of range, generator and classifier do not fit
            together, a score is not finite, or a class got fewer latents than `per_class`.

    Example:

    >>> import keras
    >>> from keras_latent import models
    >>> generator = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(3.0)])
    >>> classifier = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(1.0)])
    >>> samples = models.rejection_sample(generator, classifier, 5, threshold=0.9, seed=0)
    >>> samples.labels.tolist()
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    >>> bool((samples.latents[:5, 0] > samples.latents[:5, 1]).all())
    True

    Source: Tian and Engel, "Latent Translation: Crossing Modalities by Bridging Generative
    Models" (2018), section 2, where the number of draws is not given.
    """
    latent_dim, decode = decoder_of(generator)
    built("classifier", classifier)
    for name, value in (("per_class", per_class), ("batch_size", batch_size)):
        checks.integer(name, value)
    if max_draws is not None:
        checks.integer("max_draws", max_draws)
    threshold = checks.non_negative("threshold", threshold)
    if threshold > 1:
        raise ValueError(f"`threshold` must be from 0 to 1. Received: threshold={threshold}")

    rng = np.random.default_rng(checks.seed("seed", seed))
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    found: Any = None
    progress: Any = None
    draws, limit = 0, max_draws or 0
    while found is None or draws < limit:
        z = rng.standard_normal((batch_size, latent_dim), "float32")
        data = decode(z)
        if found is None:
            outputs_of(keras.Input(data.shape[1:]), {"classifier": classifier}, "generator")
        scores = _scores(classifier, data, batch_size, from_logits)
        if found is None:
            classes = scores.shape[1]
            found = np.zeros(classes, "int64")
            kept = [(np.empty((0, latent_dim), "float32"), np.empty(0))] * classes
            limit = limit or 10 * per_class * classes
            progress = keras.utils.Progbar(limit, verbose=verbose)
        # Whole batches keep one shape for the compiler; rows above the limit do not count.
        z, scores = z[: limit - draws], scores[: limit - draws]
        label, confidence = scores.argmax(axis=1), scores.max(axis=1)
        accepted = confidence >= threshold
        if threshold > 0:
            hits = np.eye(classes, dtype="int64")[label] * accepted[:, None]
            enough = (found + np.cumsum(hits, axis=0) >= per_class).all(axis=1)
            if enough.any():  # drawing ends there, in the middle of the batch
                z, accepted = z[: enough.argmax() + 1], accepted[: enough.argmax() + 1]
        rows = len(z)
        label, confidence = label[:rows], confidence[:rows]
        draws += rows
        for c in range(classes):
            of_class = accepted & (label == c)
            found[c] += of_class.sum()
            kept[c] = _best(kept[c], (z[of_class], confidence[of_class]), per_class)
        progress.update(draws)
        if threshold > 0 and (found >= per_class).all():
            break

    if (found < per_class).any():
        least = f" of confidence {threshold:g} or more" if threshold else ""
        few = ", ".join(f"class {c}: {found[c]}" for c in np.flatnonzero(found < per_class))
        message = (
            f"Fewer than `per_class={per_class}` latents{least} in {draws} draws ({few}). Raise "
            "`max_draws`, or lower `threshold` or `per_class`"
        )
        if not allow_fewer:
            raise ValueError(f"{message}, or pass `allow_fewer=True`.")
        warnings.warn(f"{message}.", stacklevel=2)
    return RejectionSamples(
        latents=np.concatenate([latents for latents, _ in kept]),
        labels=np.repeat(np.arange(classes), [len(latents) for latents, _ in kept]),
        confidence=np.concatenate([sure for _, sure in kept]).astype("float32"),
        draws=draws,
    )


def _scores(classifier: Any, data: Any, rows: int, from_logits: bool) -> np.ndarray:
    """Probabilities `(rows, classes)`, float64, of data."""
    scores = classifier.predict_on_batch(data)
    if not isinstance(scores, np.ndarray) or scores.ndim != 2 or len(scores) != rows:
        shapes = keras.tree.map_structure(lambda s: tuple(s.shape), scores)
        raise ValueError(
            "`classifier` must return one score per class, (batch, classes). "
            f"Received: {shapes}, for {rows} rows"
        )
    scores = scores.astype("float64")
    if not np.isfinite(scores).all():
        raise ValueError("`classifier` returned NaN or infinity for decoded latents.")
    if from_logits:
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)
    if scores.min() < 0 or scores.max() > 1 + 1e-3:
        raise ValueError(
            "`classifier` must return probabilities with `from_logits=False`. "
            f"Received: scores from {scores.min():g} to {scores.max():g}"
        )
    return scores


def _best(kept, new, count):
    """Latents and confidences of the `count` surest; among equals, those drawn first."""
    latents, confidence = (np.concatenate(pair) for pair in zip(kept, new, strict=True))
    order = np.argsort(-confidence, kind="stable")[:count]
    return latents[order], confidence[order]
