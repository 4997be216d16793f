"""The classifier that scores translations, trained once and kept."""

import hashlib
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras_latent.src.metrics.kept_model import check_labelled, kept_model, train_in_epochs
from keras_latent.src.models.base import validation


def build_classifier(
    image_shape: tuple[int, int, int], classes: int, seed: int | None = None
) -> keras.Model:
    """A small convolutional network: images to logits `(batch, classes)`.

    Four 3x3 convolutions with batch normalisation, every other one of stride 2; about 120,000
    parameters at 28x28.
    """
    initializer = keras.initializers.HeNormal(seed=seed)

    def convolution(filters, strides):
        return [
            layers.Conv2D(
                filters,
                3,
                strides=strides,
                padding="same",
                use_bias=False,
                kernel_initializer=initializer,
            ),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
        ]

    return keras.Sequential(
        [
            keras.Input(image_shape),
            *convolution(32, 2),
            *convolution(64, 1),
            *convolution(64, 2),
            *convolution(64, 1),
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
    """Trains a classifier on real images, or loads the one trained before.

    The file's name is made of the data, the labels and the settings, so that another
    split or another seed never gets this one's classifier. A training that was killed goes on
    after its last epoch.

    Args:
        images: Training images, `(rows, height, width, channels)`; float32 in [0, 1], or
            uint8.
        labels: Integer labels `(rows,)`, 0 to the number of classes - 1.
        epochs: Passes over the images; the learning rate decays to 0 by a cosine.
        max_shift: Each image is moved by up to so many pixels each way, anew every epoch;
            what comes in at the edge is 0. About 2 for handwriting at 28x28.
        softness: Each image is mixed with a blurred copy of itself (5x5 binomial) by a weight
            from 0 to this, anew every epoch. What models generate is softer than what they
            were trained on; a judge that only knows sharp images takes that for another
            class. From 0 to 1.
        label_smoothing: Of the cross-entropy: what the right class has less than 1. On few images
            it makes a better judge.
        batch_size: Images a step.
        seed: Seed of the shuffling and of the initial weights.
        cache_dir: Folder for the trained classifier; `None`: `keras_latent` in Keras's
            own folder (`~/.keras`, or `KERAS_HOME`).
        verbose: As in `keras.Model.fit`; 2: a short line an epoch.

    Returns:
        A compiled Keras model, images in [0, 1] to logits `(batch, classes)`.

    Raises:
        ValueError: If images and labels do not fit together, or a label is negative.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    check_labelled("images", ("rows", "height", "width", "channels"), images, labels)
    if not 0 <= softness <= 1:
        raise ValueError(f"`softness` must be from 0 to 1. Received: softness={softness}")
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            "`label_smoothing` must be 0 or more and less than 1. "
            f"Received: label_smoothing={label_smoothing}"
        )
    if images.dtype == np.uint8:
        images = images.astype("float32") / 255.0
    validation.check_values("images", images, unit_interval=False)

    key = hashlib.sha256(
        repr((4, epochs, max_shift, softness, batch_size, seed, images.shape)).encode()
    )
    if label_smoothing:  # without it, the files of earlier versions stay good
        key.update(repr(label_smoothing).encode())
    key.update(images.tobytes())
    key.update(labels.astype("int64").tobytes())

    def train(folder):
        classes = int(labels.max()) + 1
        model = build_classifier(images.shape[1:], classes, seed)
        on_labels = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        loss, targets = on_labels, labels
        if label_smoothing:  # which Keras has for one-hot rows only
            loss = keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=label_smoothing
            )
            targets = np.eye(classes, dtype="float32")[labels]
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
        model.compile(model.optimizer, on_labels, metrics=["accuracy"])  # `evaluate` takes labels
        return model

    name = f"classifier-{key.hexdigest()[:16]}"
    return kept_model(cache_dir, name, train, "evaluation classifier", verbose)


def shifted(images: np.ndarray, max_shift: int, rng: np.random.Generator) -> np.ndarray:
    """Images `(rows, height, width, channels)`, each moved by up to `max_shift` pixels."""
    if not max_shift:
        return images
    margin = (max_shift, max_shift)
    padded = np.pad(images, ((0, 0), margin, margin, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], axis=(1, 2))
    top, left = rng.integers(0, 2 * max_shift + 1, (2, len(images)))
    return np.moveaxis(windows[np.arange(len(images)), top, left], 1, -1)


def softened(images: np.ndarray, softness: float, rng: np.random.Generator) -> np.ndarray:
    """Images `(rows, height, width, channels)`, each mixed with its blurred copy."""
    if not softness:
        return images
    blurred = images
    for axis in (1, 2):
        for _ in range(2):
            margin = [(1, 1) if a == axis else (0, 0) for a in range(4)]
            padded = np.moveaxis(np.pad(blurred, margin), axis, 0)
            blurred = np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, axis)
    weight = rng.uniform(0, softness, (len(images), 1, 1, 1)).astype(images.dtype)
    return images + weight * (blurred - images)
