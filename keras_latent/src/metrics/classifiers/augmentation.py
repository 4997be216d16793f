"""Random changes of images and sounds, on which evaluation classifiers are trained."""

import numpy as np

QUIETEST_GAIN = 0.25
LOUDEST_NOISE = 0.04


def as_float(images: np.ndarray) -> np.ndarray:
    """uint8 or float images as float32 in [0, 1]."""
    if images.dtype == np.uint8:
        return images.astype("float32") / np.float32(255)
    return images.astype("float32", copy=False)


def shifted(images: np.ndarray, max_shift: int, rng: np.random.Generator) -> np.ndarray:
    """Shift each image `(rows, height, width, channels)` by up to `max_shift` pixels."""
    if not max_shift:
        return images
    margin = (max_shift, max_shift)
    padded = np.pad(images, ((0, 0), margin, margin, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], axis=(1, 2))
    top, left = rng.integers(0, 2 * max_shift + 1, (2, len(images)))
    return np.moveaxis(windows[np.arange(len(images)), top, left], 1, -1)


def softened(images: np.ndarray, softness: float, rng: np.random.Generator) -> np.ndarray:
    """Mix each image `(rows, height, width, channels)` with its blurred copy."""
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


def augmented_images(
    images: np.ndarray, max_shift: int, flip: bool, softness: float, rng: np.random.Generator
) -> np.ndarray:
    """Flip, shift and soften images `(rows, height, width, channels)`. Returns float32."""
    if flip:
        images = images.copy()
        mirrored = rng.random(len(images)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
    # Edges are repeated as far as the shift and the blur reach, so that no black moves in.
    margin = max_shift + (2 if softness else 0)
    edge = (margin, margin)
    images = shifted(np.pad(images, ((0, 0), edge, edge, (0, 0)), mode="edge"), max_shift, rng)
    images = softened(as_float(images), softness, rng)
    height, width = images.shape[1:3]
    return images[:, margin : height - margin, margin : width - margin]


def augmented_sounds(waveforms: np.ndarray, max_shift: int, rng: np.random.Generator) -> np.ndarray:
    """Change onset, gain and noise of waveforms `(rows, samples, 1)`; `max_shift` in samples."""
    rows, samples, _ = waveforms.shape
    max_shift = min(max_shift, samples - 1)
    shifts = rng.integers(-(max_shift // 4), max_shift + 1, (rows,))
    noise = rng.uniform(0, LOUDEST_NOISE, (rows, 1, 1)).astype("float32")
    result = noise * rng.standard_normal(waveforms.shape, "float32")
    gains = QUIETEST_GAIN ** rng.uniform(0, 1, (rows,)).astype("float32")
    for row, waveform, shift, gain in zip(result, waveforms, shifts, gains, strict=True):
        row[max(0, shift) : samples + min(0, shift)] += (
            gain * waveform[max(0, -shift) : samples - max(0, shift)]
        )
    return result
