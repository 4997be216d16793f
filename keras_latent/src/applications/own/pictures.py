"""Pictures of `keras-latent train`: validation images and what the model makes of them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import callbacks, models, visualization
from keras_latent.src import backend
from keras_latent.src.applications.own.own_data import OwnData
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.models.base.two_domain import TwoDomain
from keras_latent.src.utils.domains import DOMAINS


def pictures(
    model: Any, data: OwnData, directory: RunDirectory | Path, every: int
) -> keras.callbacks.Callback:
    """Draws validation images and what the model makes of them, in `grids`."""
    if isinstance(model, TwoDomain):
        count = min(8, *(len(images) for images in data.validation.values()))
        x, y = (data.shown(domain, count) for domain in DOMAINS)
        return callbacks.TranslationGrid(x, y, directory / "grids", every)

    def draw(epoch: int, logs: Any) -> None:
        if (epoch + 1) % every == 0:
            with backend.preserved_random_stream():
                grid(model, data, directory / f"grids/epoch_{epoch + 1:04d}.png")

    return keras.callbacks.LambdaCallback(on_epoch_end=draw)


def grid(model: Any, data: OwnData, path: Path) -> Any:
    """Validation images and their reconstructions, or what a bridge makes of them."""
    x = data.shown("source")
    if isinstance(model, models.LatentDomainTransfer):
        y = data.shown("target")
        as_target, as_source = model.transfer(x, "target"), model.transfer(y, "source")
        rows = {"source": x, "as target": as_target, "target": y, "as source": as_source}
        return visualization.translation_grid(rows, path)
    rows = {"image": x, "reconstruction": model.reconstruct(x, *given(model, data, len(x)))}
    return visualization.translation_grid(rows, path)


def given(model: Any, data: OwnData, rows: int) -> tuple[np.ndarray, ...]:
    """The attributes that a model needs to reconstruct the first validation images."""
    takes = getattr(model, "decodes_attributes", False)
    # A missing attribute counts as absent.
    return (np.maximum(data.labels[:rows], 0),) if takes and data.labels is not None else ()
