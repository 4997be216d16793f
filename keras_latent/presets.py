"""Presets on model hubs. Models themselves have `from_preset` and `save_to_preset`."""

from keras_latent.src.presets.upload import upload_preset

__all__ = ["upload_preset"]
