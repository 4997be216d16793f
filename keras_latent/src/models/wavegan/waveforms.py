"""What waveforms in a batch must be."""

import numpy as np

from keras_latent.src.training.inputs import Input


class Waveforms(Input):
    """Waveforms `(samples, channels)`, as floats in [-1, 1] around 0."""

    kind = "waveforms"

    def check_values(self, name: str, x: np.ndarray) -> None:
        if np.issubdtype(x.dtype, np.integer):
            raise ValueError(
                f"`{name}` must hold floats in [-1, 1]. Divide 16-bit audio by 32768. "
                f"Received: dtype={x.dtype}"
            )
        super().check_values(name, x)
        low, high = float(x.min()), float(x.max())
        if low < -1.0 or high > 1.0:
            raise ValueError(
                f"`{name}` must lie in [-1, 1]. Divide 16-bit audio by 32768, and a recording by "
                f"its own peak. Received: values from {low:g} to {high:g}"
            )
        if low >= 0.0 and high > 0.0:
            raise ValueError(
                f"`{name}` must lie in [-1, 1] around 0, as waveforms do. Map values in [0, 1] by "
                f"`2 * x - 1`. Received: values from {low:g} to {high:g}"
            )
