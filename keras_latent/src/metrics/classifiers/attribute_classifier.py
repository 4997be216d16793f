"""The classifier of image attributes that evaluates transfers, trained once and cached."""

import warnings
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_latent.losses import MaskedBinaryCrossentropy
from keras_latent.src.metrics.classifiers.attribute_batches import Batches, checked_attributes
from keras_latent.src.metrics.classifiers.backbones import (
    WeightsUnavailable,
    build_attribute_logits,
)
from keras_latent.src.metrics.classifiers.cached_model import (
    cache_key,
    cached_model,
    check_training,
    fit_or_resume,
)
from keras_latent.src.utils import checks

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
    """Train a classifier of attributes on real images, or load a cached one.

    This is the evaluation classifier of `ConditionalInceptionScore`. Images stay in host memory in
    their own dtype (uint8 for large sets). Each batch is converted to floats and randomly mirrored,
    shifted and blurred, so that the classifier does not penalize generated images for their
    position or sharpness.

    The file name is derived from the data, the attributes and the settings, as in
    `reference_classifier`. The names of the model and the file also show what training started
    from: `attribute_classifier_small`, `..._inception_imagenet` or `..._inception_random`.

    Args:
        images: Training images, `(rows, height, width, channels)`; uint8, or floats in [0, 1].
        attributes: Labels `(rows, n)`: 1, 0, or -1 for missing.
        kind: `"small"`: four convolutions of stride 2, for images of about 64x64 and CPUs.
            `"inception"`: Inception-v3 as in the paper, with all layers trained. Images are
            resized to 299x299, and the last layer is replaced by n sigmoids.
        validation: Images and attributes whose loss is reported after each epoch if `verbose` is
            set. They do not influence training.
        epochs: Number of epochs. The learning rate decays to 0 with a cosine schedule.
        max_shift: Images are shifted by up to this many pixels per direction. Edge pixels are
            repeated.
        flip: Whether to mirror images left to right with probability 1/2.
        softness: Each image is mixed with a blurred copy (5x5 binomial kernel), with a random
            weight from 0 to this value, which is at most 1.
        batch_size: Number of images per step.
        learning_rate: Initial learning rate of Adam. Default: 2e-3, or 2e-4 for Inception with
            ImageNet weights.
        weights: Initial weights of Inception: `"imagenet"`, which Keras downloads, or `None`. If
            the download fails, training starts from random weights, with a warning.
        seed: Seed of the shuffling, the augmentation and the initial weights.
        cache_dir: Folder of the trained classifier; `None`: `keras_latent` in Keras's folder
            (`KERAS_HOME`, or `~/.keras`).
        verbose: 0: silent; 1 or 2: step, loss and time left.

    Returns:
        A Keras model from float images in [0, 1] to probabilities `(batch, n)`, compiled for
        `evaluate`.

    Raises:
        ValueError: If images and attributes do not match, attributes are not -1, 0 or 1, an
            attribute has no known label, or an argument is out of range.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), "uint8")
    >>> bright = images.mean(axis=(1, 2)) > 128  # per color channel
    >>> classifier = metrics.attribute_classifier(
    ...     images, bright.astype(int), epochs=1, cache_dir=tempfile.mkdtemp()
    ... )
    >>> classifier.predict(images / np.float32(255), verbose=0).shape
    (64, 3)
    >>> report = metrics.attribute_report(classifier, images, bright, ["red", "green", "blue"])
    >>> sorted(report["red"])
    ['accuracy', 'auc', 'share']

    Reference: Okamoto et al., "Dual Space Learning with Variational Autoencoders" (2019),
    section 4; Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2016).
    """
    images, attributes = checked_attributes("images", images, "attributes", attributes)
    unlabelled = np.flatnonzero((attributes < 0).all(axis=0))
    if len(unlabelled):
        raise ValueError(
            "`attributes` must contain a known label, 0 or 1, for each attribute. "
            f"Received: none in columns {unlabelled.tolist()}"
        )
    if validation is not None:
        validation = checks.items("validation", validation)
        if len(validation) != 2:
            raise ValueError(
                "`validation` must be a pair, images and attributes. "
                f"Received: {len(validation)} items"
            )
        validation = checked_attributes(
            "validation[0]", validation[0], "validation[1]", validation[1]
        )
        pairs = zip(validation, (images, attributes), strict=True)
        if any(a.shape[1:] != b.shape[1:] for a, b in pairs):
            raise ValueError(
                "`validation` must have the shapes of the training images and attributes. "
                f"Received: {[a.shape[1:] for a in validation]} and training "
                f"{[images.shape[1:], attributes.shape[1:]]}"
            )
    checks.choice("kind", kind, KINDS)
    checks.choice("weights", weights, ("imagenet", None))
    if kind == "inception" and images.shape[-1] not in (1, 3):
        raise ValueError(
            f"`images` must have 1 or 3 channels for Inception. Received: shape={images.shape}"
        )
    check_training(
        epochs=epochs, batch_size=batch_size, seed=seed, cache_dir=cache_dir, verbose=verbose
    )
    checks.integer("max_shift", max_shift, at_least=0, at_most=max(images.shape[1:3]))
    checks.between("softness", softness, 0, 1)
    if learning_rate is not None:
        learning_rate = checks.positive("learning_rate", learning_rate)

    settings = (1, epochs, max_shift, bool(flip), softness, batch_size, learning_rate, seed)
    key = cache_key(repr((settings, images.shape, images.dtype.name)), images, attributes)

    def classifier_from(start: str) -> keras.Model:
        def train(folder: Path) -> keras.Model:
            rate = learning_rate or (2e-4 if start == "inception_imagenet" else 2e-3)
            network = build_attribute_logits(images.shape[1:], attributes.shape[1], start, seed)
            batches = Batches(images, attributes, batch_size, max_shift, flip, softness, seed)
            return _trained(network, batches, validation, folder, epochs, rate, verbose)

        name = f"attribute_classifier_{start}-{key}"
        return cached_model(cache_dir, name, train, "evaluation classifier of attributes", verbose)

    if kind == "small":
        return classifier_from("small")
    if weights is None:
        return classifier_from("inception_random")
    try:
        return classifier_from("inception_imagenet")
    except WeightsUnavailable as error:
        warnings.warn(
            f"The ImageNet weights of Inception-v3 could not be downloaded ({error}). Training "
            "starts from random weights. This takes far more images and epochs, and the result "
            "is not the evaluation classifier of the paper.",
            stacklevel=2,
        )
    return classifier_from("inception_random")


def _trained(network, batches, validation, folder, epochs, learning_rate, verbose):
    """Train a network that returns logits, and return it with probabilities as output."""
    decay = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * len(batches))
    network.compile(keras.optimizers.Adam(decay), MaskedBinaryCrossentropy(from_logits=True))
    held_out = None if validation is None else Batches(*validation, batches.batch_size)
    fit_or_resume(
        network,
        batches,
        folder,
        epochs=epochs,
        verbose=verbose,
        skip_epochs=batches.skip_epochs,
        validation_data=held_out,
    )
    probabilities = layers.Activation("sigmoid", dtype="float32")(network.output)
    model = keras.Model(network.input, probabilities, name=network.name)
    # For `evaluate`. Adam's moments would triple the size of the file.
    model.compile("sgd", MaskedBinaryCrossentropy())
    model.optimizer.build(model.trainable_variables)
    return model
