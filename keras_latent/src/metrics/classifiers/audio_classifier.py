"""The classifier that evaluates generated sounds, trained once and cached."""

from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from keras_latent.src.metrics.classifiers.augmentation import augmented_sounds
from keras_latent.src.metrics.classifiers.backbones import apply_layers, conv_block
from keras_latent.src.metrics.classifiers.cached_model import (
    cache_key,
    cached_model,
    check_training,
    labeled,
    train_in_epochs,
)
from keras_latent.src.training.inputs import check_values
from keras_latent.src.utils import checks

MEL_BANDS = 40


def build_audio_classifier(
    samples: int, sample_rate: int, classes: int, seed: int | None = None
) -> keras.Model:
    """A small convolutional network: waveforms `(batch, samples, 1)` to logits `(batch, classes)`.

    The input is converted to a log-mel spectrogram with 40 bands and windows of about 32 ms that
    overlap by half. Four 3x3 convolutions with batch normalization and a mean over time follow.
    There are about 100,000 parameters.

    Args:
        samples: Samples per waveform.
        sample_rate: Sample rate in Hz.
        classes: Number of classes.
        seed: Seed of the initial weights and of dropout.

    Raises:
        ValueError: If a number is not a positive integer, or a waveform is shorter than 4
            windows.
    """
    for name, value in (("samples", samples), ("sample_rate", sample_rate), ("classes", classes)):
        checks.integer(name, value)
    seed = checks.keras_seed("seed", seed)
    window = 2 ** max(4, round(np.log2(0.032 * sample_rate)))
    if samples < 4 * window:
        raise ValueError(
            f"`samples`: waveforms must have {4 * window} samples or more at {sample_rate} Hz. "
            f"Received: samples={samples}"
        )
    initializer = keras.initializers.HeNormal(seed=seed)
    waveform = keras.Input((samples, 1))
    # In float32, also under mixed precision. The layer's own conversion to decibels uses the
    # maximum of the batch, so rows would depend on each other.
    x = layers.MelSpectrogram(
        fft_length=window,
        sequence_stride=window // 2,
        sampling_rate=sample_rate,
        num_mel_bins=MEL_BANDS,
        power_to_db=False,
        dtype="float32",
    )(layers.Reshape((samples,), dtype="float32")(waveform))
    x = layers.Reshape((*x.shape[1:], 1))(ops.log(x + 1e-3))
    x = layers.BatchNormalization(momentum=0.9)(x)  # standardizes the logarithms
    for filters, strides in ((24, 2), (48, 1), (64, 2), (96, 2)):
        x = apply_layers(x, conv_block(filters, strides, initializer))
    # The mean is over time only: frequencies matter, onsets do not.
    x = layers.Flatten()(layers.AveragePooling2D((1, x.shape[2]))(x))
    x = layers.Dropout(0.4, seed=seed)(x)
    x = layers.Dense(classes, kernel_initializer=initializer, name="logits")(x)
    return keras.Model(waveform, x, name="reference_audio_classifier")


def reference_audio_classifier(
    waveforms: np.ndarray,
    labels: np.ndarray,
    sample_rate: int,
    *,
    epochs: int = 15,
    max_shift: float = 0.2,
    batch_size: int = 64,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    verbose: int = 0,
) -> keras.Model:
    """Train a classifier on real sounds, or load a cached one.

    In each epoch, each waveform gets a new gain (0.25 to 1), a new onset and some white noise
    (standard deviation up to 0.04), so that the classifier does not penalize generated sounds for
    their loudness, their onset or a hiss.

    The file name is derived from the data, the labels and the settings, as in
    `reference_classifier`.

    Args:
        waveforms: Training sounds, `(rows, samples, 1)`, floats in [-1, 1].
        labels: Integer labels `(rows,)`, as in `reference_classifier`.
        sample_rate: Sample rate in Hz.
        epochs: Number of epochs. The learning rate decays to 0 with a cosine schedule.
        max_shift: In each epoch, sounds are delayed by up to this many seconds or advanced by up
            to a quarter of it. The gap is filled with zeros.
        batch_size: Number of sounds per step.
        seed: Seed of the shuffling, the augmentation and the initial weights.
        cache_dir: Folder of the trained classifier; `None`: `keras_latent` in Keras's folder
            (`KERAS_HOME`, or `~/.keras`).
        verbose: 0: silent; 1 or 2: step, loss and time left.

    Returns:
        A compiled Keras model from waveforms `(batch, samples, 1)` to logits `(batch, classes)`.

    Raises:
        ValueError: If waveforms and labels do not match, a label is negative, a waveform is too
            short, not finite or not in [-1, 1], or an argument is out of range.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> time = np.arange(1024) / 8000
    >>> labels = np.arange(64) % 2
    >>> tones = np.sin(2 * np.pi * np.where(labels, 1200, 400)[:, None] * time)[..., None]
    >>> settings = {"epochs": 1, "cache_dir": tempfile.mkdtemp()}
    >>> classifier = metrics.reference_audio_classifier(tones, labels, 8000, **settings)
    >>> classifier.predict(tones, verbose=0).shape
    (64, 2)
    """
    waveforms, labels = labeled("waveforms", ("rows", "samples", "1"), waveforms, labels)
    if waveforms.shape[2] != 1:
        raise ValueError(
            "`waveforms` must have one channel, (rows, samples, 1). "
            f"Received: shape={waveforms.shape}"
        )
    check_values("waveforms", waveforms, pixels=False)
    if np.abs(waveforms).max() > 1:
        raise ValueError(
            "`waveforms` must lie in [-1, 1]: divide 16-bit samples by 32768. "
            f"Received: values from {waveforms.min():g} to {waveforms.max():g}"
        )
    check_training(
        epochs=epochs, batch_size=batch_size, seed=seed, cache_dir=cache_dir, verbose=verbose
    )
    max_shift = checks.non_negative("max_shift", max_shift)
    waveforms = waveforms.astype("float32", copy=False)
    # Built here because this checks the other arguments.
    model = build_audio_classifier(waveforms.shape[1], sample_rate, int(labels.max()) + 1, seed)

    settings = (1, sample_rate, epochs, max_shift, batch_size, seed, waveforms.shape)
    key = cache_key(repr(settings), waveforms, labels.astype("int64"))

    def train(folder: Path) -> keras.Model:
        train_in_epochs(
            model,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            waveforms,
            labels,
            lambda rows, rng: augmented_sounds(rows, round(max_shift * sample_rate), rng),
            folder,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            verbose=verbose,
        )
        return model

    name = f"audio-classifier-{key}"
    return cached_model(cache_dir, name, train, "evaluation classifier of sounds", verbose)
