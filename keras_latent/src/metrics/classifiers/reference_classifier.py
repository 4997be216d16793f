"""The classifier that evaluates translations, trained once and cached."""

from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_latent.src.metrics.classifiers.augmentation import shifted, softened
from keras_latent.src.metrics.classifiers.backbones import conv_block
from keras_latent.src.metrics.classifiers.cached_model import (
    cache_key,
    cached_model,
    check_training,
    labeled,
    train_in_epochs,
)
from keras_latent.src.training.inputs import check_values
from keras_latent.src.utils import checks


def build_classifier(
    image_shape: tuple[int, int, int], classes: int, seed: int | None = None
) -> keras.Model:
    """A small convolutional network: images to logits `(batch, classes)`.

    Four 3x3 convolutions with batch normalization, with strides 2, 1, 2 and 1; about 120,000
    parameters for 28x28 images.

    Args:
        image_shape: Height, width and channels.
        classes: Number of classes.
        seed: Seed of the initial weights and of dropout.

    Raises:
        ValueError: If an argument is not positive integers.
    """
    image_shape = checks.items("image_shape", image_shape)
    if len(image_shape) != 3:
        raise ValueError(
            "`image_shape` must be height, width and channels. "
            f"Received: image_shape={image_shape!r}"
        )
    for size in image_shape:
        checks.integer("image_shape", size)
    checks.integer("classes", classes)
    seed = checks.keras_seed("seed", seed)
    initializer = keras.initializers.HeNormal(seed=seed)
    return keras.Sequential(
        [
            keras.Input(image_shape),
            *conv_block(32, 2, initializer),
            *conv_block(64, 1, initializer),
            *conv_block(64, 2, initializer),
            *conv_block(64, 1, initializer),
            layers.Flatten(),
            layers.Dropout(0.4, seed=seed),
            layers.Dense(classes, kernel_initializer=initializer, name="logits"),
        ],
        name="reference_classifier",
    )


def reference_classifier(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int = 5,
    max_shift: int = 0,
    softness: float = 0.0,
    label_smoothing: float = 0.0,
    batch_size: int = 128,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    verbose: int = 0,
) -> keras.Model:
    """Train a classifier on real images, or load a cached one.

    The file name is derived from the data, the labels and the settings, so different splits or
    seeds never share a classifier. An interrupted training resumes after its last epoch.

    Args:
        images: Training images, `(rows, height, width, channels)`; float32 in [0, 1], or
            uint8.
        labels: Integer labels `(rows,)`, 0 to the number of classes - 1. The largest label
            determines this number; a class without rows is never predicted.
        epochs: Number of epochs. The learning rate decays to 0 with a cosine schedule.
        max_shift: In each epoch, each image is shifted by up to this many pixels per direction
            and padded with zeros. About 2 for handwriting at 28x28.
        softness: In each epoch, each image is mixed with a blurred copy (5x5 binomial kernel),
            with a random weight from 0 to this value, which is at most 1. Generated images are
            softer than real ones, and a classifier that has only seen sharp images may
            misclassify them.
        label_smoothing: Label smoothing of the cross-entropy, from 0 to less than 1. With few
            images it improves the classifier.
        batch_size: Number of images per step.
        seed: Seed of the shuffling and of the initial weights.
        cache_dir: Folder of the trained classifier; `None`: `keras_latent` in Keras's folder
            (`KERAS_HOME`, or `~/.keras`).
        verbose: 0: silent; 1 or 2: step, loss and time left.

    Returns:
        A compiled Keras model from images in [0, 1] to logits `(batch, classes)`.

    Raises:
        ValueError: If images and labels do not match, images are not finite, a label is not from 0
            to 65,535, or an argument is out of range.
    """
    images, labels = labeled("images", ("rows", "height", "width", "channels"), images, labels)
    check_training(
        epochs=epochs, batch_size=batch_size, seed=seed, cache_dir=cache_dir, verbose=verbose
    )
    checks.integer("max_shift", max_shift, at_least=0, at_most=max(images.shape[1:3]))
    checks.between("softness", softness, 0, 1)
    checks.fraction("label_smoothing", label_smoothing)
    if images.dtype == np.uint8:
        images = images.astype("float32") / 255.0
    check_values("images", images)

    settings = repr((4, epochs, max_shift, softness, batch_size, seed, images.shape))
    if label_smoothing:  # otherwise, files of earlier versions remain valid
        settings += repr(label_smoothing)
    key = cache_key(settings, images, labels.astype("int64"))

    def train(folder: Path) -> keras.Model:
        classes = int(labels.max()) + 1
        model = build_classifier(images.shape[1:], classes, seed)
        on_labels = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        loss, targets = on_labels, labels
        if label_smoothing:  # Keras supports it for one-hot rows only
            loss = keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=label_smoothing
            )
            targets = (labels[:, None] == np.arange(classes)).astype("float32")
        train_in_epochs(
            model,
            loss,
            images,
            targets,
            lambda rows, rng: softened(shifted(rows, max_shift, rng), softness, rng),
            folder,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            verbose=verbose,
        )
        model.compile(
            model.optimizer, on_labels, metrics=["accuracy"]
        )  # `evaluate` takes integer labels
        return model

    return cached_model(cache_dir, f"classifier-{key}", train, "evaluation classifier", verbose)
