"""A grid of spectrograms and images."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.visualization.figures import (
    check_counts,
    draw_image,
    finish,
    new_figure,
    to_array,
    to_pixels,
    to_rows,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# In seconds. Two or three periods of a low voice, enough to resolve its harmonics.
WINDOW = 0.032
# In dB. Levels this far below the maximum of a row are drawn black.
RANGE = 80.0
# In a row. Drawing this many takes some seconds.
MAX_SOUNDS = 100


def spectrogram_grid(
    rows: Mapping[str, Any] | Sequence[tuple[str, Any]],
    sample_rate: int,
    path: str | os.PathLike | None = None,
) -> Figure:
    """Draw labeled rows of sounds and images, aligned by column.

    A sound is drawn as a log-magnitude spectrogram (short-time Fourier transform with a Hann
    window of 32 ms and a hop of a quarter window). Levels are relative to the maximum of the row:
    bright is 0 dB, black is -80 dB or less.

    Args:
        rows: A dict of titles and data, or a list of `(title, data)`, in which titles may repeat.
            Data is either waveforms `(N, samples)` or `(N, samples, 1)`, floats in any unit, or
            images `(N, H, W, C)` as in `translation_grid`. All rows must have the same `N`. To
            draw an interpolation, pass its steps as the columns of a row.
        sample_rate: Sample rate of all waveforms, in Hz.
        path: If given, the figure is saved here as PNG.

    Returns:
        The `matplotlib.figure.Figure`. Frequencies in kHz are marked on the first column, and
        time in seconds on the last row of sounds.

    Raises:
        ValueError: If there are no rows, a row is neither waveforms nor images, rows differ in
            `N`, waveforms are not finite, or `sample_rate` is not a positive integer.
        ImportError: If matplotlib or SciPy is not installed.

    Example:

    >>> import numpy as np
    >>> from keras_latent import datasets, visualization
    >>> (images, labels), _ = datasets.load_arrays("digits")
    >>> time = np.arange(8192) / 8000
    >>> tones = np.sin(2 * np.pi * 300 * (1 + labels[:4, None]) * time)
    >>> rows = [("image", images[:4]), ("tone of 300 Hz x (1 + label)", tones)]
    >>> figure = visualization.spectrogram_grid(rows, sample_rate=8000)
    >>> len(figure.axes), [label.get_text() for label in figure.axes[4].get_yticklabels()]
    (8, ['0', '2', '4 kHz'])
    """
    sample_rate = checks.integer("sample_rate", sample_rate)
    drawn = to_rows(rows, _to_drawable, "images or sounds")
    columns = len(drawn[0][1])
    longest = max(len(line) for title, _ in drawn for line in str(title).split("\n"))
    figure = new_figure(1.25 * columns + 0.1 * longest + 0.6, 1.05 * len(drawn) + 0.3)
    grid = figure.subplots(len(drawn), columns, squeeze=False)
    last = max((i for i, (_, data) in enumerate(drawn) if data.ndim == 2), default=None)
    for i, (line, (title, data)) in enumerate(zip(grid, drawn, strict=True)):
        if data.ndim == 2:
            _draw_sounds(line, data, sample_rate, with_time=i == last)
        else:
            for axes, image in zip(line, data, strict=True):
                draw_image(axes, image)
        line[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=11)
    figure.align_ylabels(grid[:, 0])
    return finish(figure, path)


def spectrogram(waveforms: np.ndarray, sample_rate: int) -> tuple[np.ndarray, float, float]:
    """Levels of the short-time Fourier transform of `waveforms` `(N, samples)`.

    Returns:
        Levels `(N, frequencies, times)` in dB relative to the maximum, from -80 to 0 (-80
        everywhere for silence); the step between frequencies in Hz; and the step between times in
        seconds. Frequencies and times start at 0.
    """
    signal = import_extra("scipy.signal", "viz", "Drawing spectrograms")
    samples = waveforms.shape[1]
    length = max(1, min(round(WINDOW * sample_rate), samples))
    window = np.hanning(length + 2)[1:-1]  # without the zeros at both ends
    transform = signal.ShortTimeFFT(window, hop=max(1, length // 4), fs=sample_rate)
    slices = math.ceil(samples / transform.hop) + 1
    magnitude = np.abs(transform.stft(waveforms, p0=0, p1=slices, axis=-1))
    loudest = magnitude.max()
    relative = magnitude / loudest if loudest > 0 else magnitude
    levels = 20 * np.log10(np.maximum(relative, 10 ** (-RANGE / 20)))
    return levels, transform.delta_f, transform.delta_t


def _to_drawable(argument: str, value: Any) -> np.ndarray:
    """Waveforms `(N, samples)`, or images of `to_pixels`."""
    array = to_array(argument, value)
    if array.ndim == 4:
        return to_pixels(argument, array, rank=4)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"`{argument}` must be waveforms (N, samples) or (N, samples, 1), or images "
            f"(N, H, W, C). Received: shape {array.shape}."
        )
    if array.dtype.kind != "f":
        raise ValueError(
            f"`{argument}` must be waveforms as floats. Received: dtype={array.dtype}. Divide "
            "16-bit samples by 32768."
        )
    check_counts(argument, array.shape[:1], MAX_SOUNDS)
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(
            f"`{argument}` must be finite. Received: NaN or infinity in "
            f"{(~np.isfinite(array)).any(axis=1).sum()} of {len(array)} waveforms."
        )
    return array


def _draw_sounds(line: np.ndarray, waveforms: np.ndarray, rate: int, with_time: bool) -> None:
    levels, hertz, seconds = spectrogram(waveforms, rate)
    highest, duration = rate / 2_000, waveforms.shape[1] / rate
    kilohertz = hertz / 1_000
    extent = (
        -seconds / 2,
        (levels.shape[2] - 0.5) * seconds,
        -kilohertz / 2,
        (levels.shape[1] - 0.5) * kilohertz,
    )
    for column, (axes, image) in enumerate(zip(line, levels, strict=True)):
        axes.imshow(
            image, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-RANGE, vmax=0
        )
        axes.set_xlim(0, duration)
        axes.set_ylim(0, highest)
        axes.tick_params(labelsize=8, length=2, pad=2)
        _ticks(axes.yaxis, highest if column == 0 else None, highest, "kHz")
        # No tick near the right edge, where it would overlap the next column's 0.
        _ticks(axes.xaxis, duration if with_time else None, 0.85 * duration, "s")


def _ticks(axis: Any, end: float | None, limit: float, unit: str) -> None:
    """Set two or three round ticks from 0 to `limit`, the last one with the unit, or no ticks."""
    if end is None:
        axis.set_ticks([])
        return
    ticker = import_extra("matplotlib.ticker", "viz", "Drawing")
    places = ticker.MaxNLocator(nbins=3, steps=[1, 2, 4, 5, 10]).tick_values(0, end)
    places = [place for place in places if 0 <= place <= limit * (1 + 1e-9)]
    labels = [f"{place:g}" for place in places]
    axis.set_ticks(places, [*labels[:-1], f"{labels[-1]} {unit}"])
