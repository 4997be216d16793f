"""Generative models as arguments: models of this library, or plain Keras models of latents."""

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from keras_latent.src.models.base.networks import built, event_shape_of


def sizes_of(name: str, model: Any) -> tuple[int, tuple[int, ...]]:
    """Size of a generative model's latents, and the shape of one row of its data.

    Raises:
        ValueError: If it is not a generative model.
    """
    unconditional = not getattr(model, "decodes_attributes", False)
    if unconditional and hasattr(model, "latent_dim") and hasattr(model, "to_data"):
        return model.latent_dim, tuple(model.event_shape)
    built(name, model)
    shape: Any = getattr(model, "input_shape", ())
    output = getattr(model, "output_shape", None)
    if len(shape) != 2 or not isinstance(shape[1], int) or output is None:
        raise ValueError(
            f"`{name}` must be a model with `latent_dim`, `event_shape` and `to_data`, as `VAE` "
            "and `WaveGAN` are, or a Keras model of latents (batch, dim). Received: input shape "
            f"{shape}, output shape {output}"
        )
    return shape[1], tuple(output[1:])


def decoder_of(generator: Any) -> tuple[int, Callable]:
    """Size of the latents, and the function from a batch of them to data."""
    if hasattr(generator, "decode") and hasattr(generator, "latent_dim"):
        with contextlib.suppress(TypeError):  # that of a `BridgingVAE` needs a domain
            inspect.signature(generator.decode).bind("latents")
            return generator.latent_dim, generator.decode
    built("generator", generator)
    shape = event_shape_of("generator", generator)
    if len(shape) != 1 or shape[0] is None:
        raise ValueError(
            "`generator` must take latents (batch, latent_dim), or have `latent_dim` and "
            f"`decode`. Received: a model of rows of shape {shape}"
        )
    return shape[0], generator.predict_on_batch
