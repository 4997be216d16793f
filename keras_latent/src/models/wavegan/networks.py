"""The networks of the WaveGAN paper, tables 3 and 4, as plain functions that return models."""

import numbers

import keras
from keras import layers

from keras_latent.src.layers.phase_shuffle import PhaseShuffle
from keras_latent.src.layers.polyphase import PolyphaseConv1D, PolyphaseConv1DTranspose
from keras_latent.src.utils import checks

STRIDE, KERNEL, DEPTH = 4, 25, 5
WIDTHS = (16, 8, 4, 2, 1)  # features, in units of `dim`, from the coarsest time scale on
SLOPE = 0.2  # of LeakyReLU


def coarsest(samples: int) -> int:
    """Length of `samples` after five strides of 4.

    Raises:
        ValueError: If `samples` is not a positive multiple of 1,024.
    """
    step = STRIDE**DEPTH
    whole = isinstance(samples, numbers.Integral) and not isinstance(samples, bool)
    if not whole or samples < step or samples % step:
        raise ValueError(
            f"`samples` must be a positive multiple of {step}, for five strides of {STRIDE}: "
            f"crop the waveforms or pad them with zeros. Received: samples={samples!r}"
        )
    return samples // step


def wavegan_generator(
    samples: int = 16384, dim: int = 64, latent_dim: int = 100, channels: int = 1
) -> keras.Sequential:
    """The generator of table 3: latents to waveforms in [-1, 1].

    A dense layer to `samples / 1024` time steps of `16 * dim` features, then five transposed
    convolutions of kernel 25 and stride 4, each but the last with a ReLU; the last ends in
    tanh. No batch normalization.

    Args:
        samples: Length of a waveform, a multiple of 1,024: 16,384 in the paper, about a second
            at 16 kHz, or 8,192 at 8 kHz.
        dim: Features of the finest layer, `d` in the paper: 64 there.
        latent_dim: Size of a latent.
        channels: Channels of a waveform.

    Returns:
        Built model, `(batch, latent_dim)` to `(batch, samples, channels)`, float32.

    Raises:
        ValueError: If `samples` is not a positive multiple of 1,024.

    Example:

    >>> wavegan_generator(samples=2048, dim=2, latent_dim=8).output_shape
    (None, 2048, 1)
    """
    length = coarsest(samples)
    model = keras.Sequential([keras.Input((latent_dim,))], name="generator")
    model.add(layers.Dense(length * WIDTHS[0] * dim))
    model.add(layers.Reshape((length, WIDTHS[0] * dim)))
    model.add(layers.ReLU())
    for width in WIDTHS[1:]:
        model.add(PolyphaseConv1DTranspose(width * dim, KERNEL, STRIDE))
        model.add(layers.ReLU())
    model.add(PolyphaseConv1DTranspose(channels, KERNEL, STRIDE))
    # In float32: in bfloat16, a waveform would have 8 bits.
    model.add(layers.Activation("tanh", dtype="float32"))
    return model


def wavegan_critic(
    samples: int = 16384,
    dim: int = 64,
    channels: int = 1,
    phase_shuffle: int = 2,
    seed: int | None = None,
) -> keras.Sequential:
    """The critic ("discriminator") of table 4: waveforms to a score.

    Five convolutions of kernel 25 and stride 4 with LeakyReLU of slope 0.2, phase shuffle after
    each of the first four, and a dense layer. No batch normalization.

    Args:
        samples: Length of a waveform, a multiple of 1,024.
        dim: Features of the finest layer: 64 in the paper.
        channels: Channels of a waveform.
        phase_shuffle: Largest shift of `layers.PhaseShuffle`. 0: no phase shuffle.
        seed: Seed of the shifts.

    Returns:
        Built model, `(batch, samples, channels)` to `(batch, 1)`, float32.

    Raises:
        ValueError: If `samples` is not a positive multiple of 1,024, or too small for shifts by
            `phase_shuffle`.

    Example:

    >>> wavegan_critic(samples=2048, dim=2).output_shape
    (None, 1)
    """
    coarsest(samples)
    seed = checks.keras_seed("seed", seed)
    model = keras.Sequential([keras.Input((samples, channels))], name="critic")
    for i, width in enumerate(reversed(WIDTHS)):
        model.add(PolyphaseConv1D(width * dim, KERNEL, STRIDE))
        model.add(layers.LeakyReLU(SLOPE))
        if phase_shuffle and i < DEPTH - 1:
            model.add(PhaseShuffle(phase_shuffle, None if seed is None else seed + i))
    model.add(layers.Flatten())
    model.add(layers.Dense(1, dtype="float32"))
    return model


def wavegan(
    samples: int = 16384, dim: int = 64, latent_dim: int = 100, channels: int = 1
) -> dict[str, keras.Model]:
    """Both networks of the paper, as arguments of `WaveGAN`.

    Args:
        samples: Length of a waveform, a multiple of 1,024.
        dim: Features of the finest layer: 64 in the paper.
        latent_dim: Size of a latent.
        channels: Channels of a waveform.
    """
    return {
        "generator": wavegan_generator(samples, dim, latent_dim, channels),
        "critic": wavegan_critic(samples, dim, channels),
    }
