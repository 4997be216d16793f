"""The classifier of an image's attributes that scores transfers, trained once and kept."""

import hashlib
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_latent.losses import MaskedBinaryCrossentropy
from keras_latent.src.metrics.attribute_batches import Batches, checked_attributes
from keras_latent.src.metrics.attribute_networks import WeightsUnavailable, build_attribute_logits
from keras_latent.src.metrics.kept_model import fit_or_resume, kept_model
from keras_latent.src.models.base.validation import require_choice, require_positive

KINDS = ("small", "inception")


def attribute_classifier(
    images: np.ndarray,
    attributes: np.ndarray,
    *,
    kind: str = "small",
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    epochs: int = 6,
    max_shift: int = 4,
    flip: bool = True,
    softness: float = 1.0,
    batch_size: int = 64,
    learning_rate: float | None = None,
    weights: str | None = "imagenet",
    seed: int = 0,
    cache_dir: str | Path | None = None,
    verbose: int = 0,
) -> keras.Model:
    """Trains a classifier of attributes on real images, or loads the one trained before.

    The judge of `ConditionalInceptionScore`. Images stay in host memory as they are given, uint8
    for a large set; a batch at a time is made float and changed anew every epoch: mirrored,
    moved and softened, so that what models generate is not judged by where it is or how sharp.

    The file's name is made of the data, the attributes and the settings, as with
    `reference_classifier`. The model's name, and the file's, tell what it was made from:
    `attribute_classifier_small`, `..._inception_imagenet` or `..._inception_random`.

    Args:
        images: Training images, `(rows, height, width, channels)`; uint8, or floats in [0, 1].
        attributes: Labels `(rows, n)`: 1, 0, or -1 for missing.
        kind: `"small"`: four convolutions of stride 2, for images of about 64x64 and a
            CPU. `"inception"`: Inception-v3 as in the paper, all of it trained, with n
            sigmoids in place of its last layer and a resampling to 299x299 before its first.
        validation: Images and attributes whose loss is shown after every epoch, with
            `verbose`. They steer nothing.
        epochs: Passes over the images; the learning rate decays to 0 by a cosine.
        max_shift: Images are moved by up to so many pixels each way; the edge's pixels are
            repeated.
        flip: Whether every other image is mirrored left to right, on average.
        softness: Each image is mixed with a blurred copy of itself (5x5 binomial) by a weight
            from 0 to this. From 0 to 1.
        batch_size: Images a step.
        learning_rate: Of Adam, at the start. Default: 2e-3; for Inception with ImageNet's
            weights 2e-4.
        weights: What Inception starts from: `"imagenet"`, which Keras downloads, or `None`.
            Where the download fails, a warning says so, and it starts from random weights.
        seed: Seed of the shuffling, of the augmentation and of the initial weights.
        cache_dir: Folder for the trained classifier; `None`: `keras_latent` in Keras's
            own folder (`~/.keras`, or `KERAS_HOME`).
        verbose: As in `keras.Model.fit`; 2: a short line an epoch.

    Returns:
        A Keras model, float images in [0, 1] to probabilities `(batch, n)`, compiled for
        `evaluate`.

    Raises:
        ValueError: If images and attributes do not fit together, attributes are not -1, 0 or
            1, one has no known label, or an argument is out of range.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), "uint8")
    >>> bright = images.mean(axis=(1, 2)) > 128  # of each colour
    >>> judge = metrics.attribute_classifier(
    ...     images, bright.astype(int), epochs=1, cache_dir=tempfile.mkdtemp()
    ... )
    >>> judge.predict(images / np.float32(255), verbose=0).shape
    (64, 3)
    >>> report = metrics.attribute_report(judge, images, bright, ["red", "green", "blue"])
    >>> sorted(report["red"])
    ['accuracy', 'auc', 'share']

    Reference: Okamoto et al., "Dual Space Learning with Variational Autoencoders" (2019),
    section 4; Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2016).
    """
    images, attributes = checked_attributes("images", images, "attributes", attributes)
    unlabelled = np.flatnonzero((attributes < 0).all(axis=0))
    if len(unlabelled):
        raise ValueError(
            "`attributes` must hold a known label of each attribute, 0 or 1. "
            f"Received: none in columns {unlabelled.tolist()}"
        )
    if validation is not None:
        if len(validation) != 2:
            raise ValueError("`validation` must be a pair, images and attributes.")
        validation = checked_attributes(
            "validation[0]", validation[0], "validation[1]", validation[1]
        )
        pairs = zip(validation, (images, attributes), strict=True)
        if any(a.shape[1:] != b.shape[1:] for a, b in pairs):
            raise ValueError(
                "`validation` must have images and attributes of the training's shapes. "
                f"Received: {[a.shape[1:] for a in validation]} and training "
                f"{[images.shape[1:], attributes.shape[1:]]}"
            )
    require_choice("kind", kind, KINDS)
    require_choice("weights", weights, ("imagenet", None))
    if kind == "inception" and images.shape[-1] not in (1, 3):
        raise ValueError(
            f"`images` must have 1 or 3 channels for Inception. Received: shape={images.shape}"
        )
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        _require_integer(name, value, 1)
    _require_integer("max_shift", max_shift, 0)
    if not 0 <= softness <= 1:
        raise ValueError(f"`softness` must be from 0 to 1. Received: softness={softness}")
    if learning_rate is not None:
        learning_rate = require_positive("learning_rate", learning_rate)

    settings = (1, epochs, max_shift, bool(flip), softness, batch_size, learning_rate, seed)
    key = hashlib.sha256(repr((settings, images.shape, images.dtype.name)).encode())
    key.update(np.ascontiguousarray(images))
    key.update(np.ascontiguousarray(attributes))

    def kept(start):
        def train(folder):
            rate = learning_rate or (2e-4 if start == "inception_imagenet" else 2e-3)
            network = build_attribute_logits(images.shape[1:], attributes.shape[1], start, seed)
            batches = Batches(images, attributes, batch_size, max_shift, flip, softness, seed)
            return _trained(network, batches, validation, folder, epochs, rate, verbose)

        name = f"attribute_classifier_{start}-{key.hexdigest()[:16]}"
        return kept_model(cache_dir, name, train, "evaluation classifier of attributes", verbose)

    if kind == "small":
        return kept("small")
    if weights is None:
        return kept("inception_random")
    try:
        return kept("inception_imagenet")
    except WeightsUnavailable as error:
        warnings.warn(
            f"ImageNet's weights of Inception-v3 are not to be had ({error}). It starts from "
            "random weights: that takes far more images and epochs, and is not the paper's judge.",
            stacklevel=2,
        )
    return kept("inception_random")


def _trained(network, batches, validation, folder, epochs, learning_rate, verbose):
    """Trains a network on its logits and returns it with probabilities."""
    decay = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(batches))
    network.compile(keras.optimizers.Adam(decay), MaskedBinaryCrossentropy(from_logits=True))
    unseen = None if validation is None else Batches(*validation, batches.batch_size)
    fit_or_resume(
        network,
        batches,
        folder,
        epochs=epochs,
        verbose=verbose,
        skip_epochs=batches.skip_epochs,
        validation_data=unseen,
    )
    probabilities = layers.Activation("sigmoid", dtype="float32")(network.output)
    model = keras.Model(network.input, probabilities, name=network.name)
    # For `evaluate`; Adam's moments would make the file three times as large.
    model.compile("sgd", MaskedBinaryCrossentropy())
    model.optimizer.build(model.trainable_variables)
    return model


def _require_integer(name, value, low):
    integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not integer or value < low:
        raise ValueError(f"`{name}` must be an integer of {low} or more. Received: {value!r}")
