"""The classifier that scores generated sounds, trained once and kept."""

import hashlib
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from keras_latent.src.metrics.kept_model import check_labelled, kept_model, train_in_epochs
from keras_latent.src.models.base import validation

BANDS = 40
QUIETEST_GAIN = 0.25
LOUDEST_NOISE = 0.04


def build_audio_classifier(
    samples: int, sample_rate: int, classes: int, seed: int | None = None
) -> keras.Model:
    """A small convolutional network: waveforms `(batch, samples, 1)` to logits `(batch, classes)`.

    Its front end is the logarithm of a mel spectrogram: 40 bands, windows of about 32 ms, half
    overlapping. Four 3x3 convolutions with batch normalisation follow, and the mean over time;
    about 100,000 parameters.

    Raises:
        ValueError: If a number is not a positive integer, or a waveform is shorter than 4
            windows.
    """
    for name, value in (("samples", samples), ("sample_rate", sample_rate), ("classes", classes)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    window = 2 ** max(4, round(np.log2(0.032 * sample_rate)))
    if samples < 4 * window:
        raise ValueError(
            f"Waveforms must have {4 * window} samples or more at {sample_rate} Hz. "
            f"Received: samples={samples}"
        )
    initializer = keras.initializers.HeNormal(seed=seed)
    waveform = keras.Input((samples, 1))
    # In float32 also under mixed precision; the layer's own decibels depend on the other rows
    # of the batch, of which they take the maximum.
    x = layers.MelSpectrogram(
        fft_length=window,
        sequence_stride=window // 2,
        sampling_rate=sample_rate,
        num_mel_bins=BANDS,
        power_to_db=False,
        dtype="float32",
    )(layers.Reshape((samples,), dtype="float32")(waveform))
    x = layers.Reshape((*x.shape[1:], 1))(ops.log(x + 1e-3))
    x = layers.BatchNormalization(momentum=0.9)(x)  # logarithms to mean 0 and variance 1
    for filters, strides in ((24, 2), (48, 1), (64, 2), (96, 2)):
        x = layers.Conv2D(
            filters,
            3,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer=initializer,
        )(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    # Frequencies stay apart; when a sound comes does not matter.
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
    """Trains a classifier on real sounds, or loads the one trained before.

    Every epoch, each waveform gets a new gain (0.25 to 1), a new onset and a little white noise
    (standard deviation up to 0.04), so that what models generate is not judged by its
    loudness, its onset or a hiss.

    The file's name is made of the data, the labels and the settings, as with
    `reference_classifier`.

    Args:
        waveforms: Training sounds, `(rows, samples, 1)`, floats in [-1, 1].
        labels: Integer labels `(rows,)`, 0 to the number of classes - 1.
        sample_rate: Samples a second.
        epochs: Passes over the sounds; the learning rate decays to 0 by a cosine.
        max_shift: Sounds start up to so many seconds later, and up to a quarter of it earlier,
            anew every epoch; what comes in at an end is 0.
        batch_size: Sounds a step.
        seed: Seed of the shuffling, of the augmentation and of the initial weights.
        cache_dir: Folder for the trained classifier; `None`: `keras_latent` in Keras's
            own folder (`~/.keras`, or `KERAS_HOME`).
        verbose: As in `keras.Model.fit`; 2: a short line an epoch.

    Returns:
        A compiled Keras model, waveforms `(batch, samples, 1)` to logits `(batch, classes)`.

    Raises:
        ValueError: If waveforms and labels do not fit together, a label is negative, a
            waveform is too short, not finite or not in [-1, 1], or an argument is out of range.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_latent import metrics
    >>> time = np.arange(1024) / 8000
    >>> labels = np.arange(64) % 2
    >>> tones = np.sin(2 * np.pi * np.where(labels, 1200, 400)[:, None] * time)[..., None]
    >>> settings = {"epochs": 1, "cache_dir": tempfile.mkdtemp()}
    >>> judge = metrics.reference_audio_classifier(tones, labels, 8000, **settings)
    >>> judge.predict(tones, verbose=0).shape
    (64, 2)
    """
    waveforms, labels = np.asarray(waveforms), np.asarray(labels)
    check_labelled("waveforms", ("rows", "samples", "1"), waveforms, labels)
    if waveforms.shape[2] != 1:
        raise ValueError(
            "`waveforms` must have one channel, (rows, samples, 1). "
            f"Received: shape={waveforms.shape}"
        )
    validation.check_values("waveforms", waveforms, unit_interval=False, image=False)
    if np.abs(waveforms).max() > 1:
        raise ValueError(
            "`waveforms` must lie in [-1, 1]: divide 16-bit samples by 32768. "
            f"Received: values from {waveforms.min():g} to {waveforms.max():g}"
        )
    max_shift = validation.require_positive("max_shift", max_shift, zero_allowed=True)
    waveforms = waveforms.astype("float32", copy=False)
    # Built here, since it checks the other arguments.
    model = build_audio_classifier(waveforms.shape[1], sample_rate, int(labels.max()) + 1, seed)

    settings = (1, sample_rate, epochs, max_shift, batch_size, seed, waveforms.shape)
    key = hashlib.sha256(repr(settings).encode())
    key.update(waveforms.tobytes())
    key.update(labels.astype("int64").tobytes())

    def train(folder):
        train_in_epochs(
            model,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            waveforms,
            labels,
            lambda rows, rng: augmented(rows, round(max_shift * sample_rate), rng),
            folder,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            verbose=verbose,
        )
        return model

    name = f"audio-classifier-{key.hexdigest()[:16]}"
    return kept_model(cache_dir, name, train, "evaluation classifier of sounds", verbose)


def augmented(waveforms: np.ndarray, max_shift: int, rng: np.random.Generator) -> np.ndarray:
    """Waveforms `(rows, samples, 1)` with other onsets, gains and noise; `max_shift` samples."""
    rows, samples, _ = waveforms.shape
    max_shift = min(max_shift, samples - 1)
    shifts = rng.integers(-(max_shift // 4), max_shift + 1, rows)
    noise = rng.uniform(0, LOUDEST_NOISE, (rows, 1, 1)).astype("float32")
    result = noise * rng.standard_normal(waveforms.shape, "float32")
    gains = QUIETEST_GAIN ** rng.uniform(0, 1, rows).astype("float32")
    for row, waveform, shift, gain in zip(result, waveforms, shifts, gains, strict=True):
        row[max(0, shift) : samples + min(0, shift)] += (
            gain * waveform[max(0, -shift) : samples - max(0, shift)]
        )
    return result
