"""keras_latent: latent-space domain transfer in Keras 3."""

from keras_latent.src.utils.backend_choice import choose_backend, is_command
from keras_latent.version import __version__

# The command answers `--help`, `list` and mistakes without Keras; what it runs imports its own.
if not is_command():
    choose_backend()
    from keras_latent import (
        callbacks,
        datasets,
        layers,
        losses,
        metrics,
        models,
        ops,
        presets,
        training,
        visualization,
    )
    from keras_latent.src.applications.comparing.compare import compare

__all__ = [
    "__version__",
    "callbacks",
    "compare",
    "datasets",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "presets",
    "training",
    "visualization",
]
