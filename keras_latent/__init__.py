"""keras_latent: latent-space domain transfer in Keras 3."""

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as error:
    if error.name not in ("tensorflow", "jax", "torch"):
        raise
    raise ImportError(
        f"Keras is set to its {error.name!r} backend, which is not installed. Install it "
        f"(`pip install keras-latent[{error.name}]`), or choose another with the environment "
        "variable KERAS_BACKEND=tensorflow, jax or torch."
    ) from error

from keras_latent import (
    callbacks,
    datasets,
    layers,
    losses,
    metrics,
    models,
    ops,
    training,
    visualization,
)
from keras_latent.version import __version__

__all__ = [
    "__version__",
    "callbacks",
    "datasets",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "training",
    "visualization",
]
