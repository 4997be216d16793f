"""A plain VAE to compare with a model of two domains: the same networks, all images together."""

import argparse
from typing import Any

import keras
import numpy as np

from keras_latent import models
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.running.run_directory import RunDirectory

FILE = "vae.keras"


class ImageBatches(keras.utils.PyDataset):
    """Batches of float images, in an order that depends only on the seed and the epoch.

    uint8 images stay uint8 in memory: as floats, the full CelebA would take 8 GB.

    Args:
        images: Array `(rows, height, width, channels)`, uint8, or floats in [0, 1].
        batch_size: Images per batch. An incomplete last batch is dropped.
        seed: Seed of the order.
        augment: As in `pair_from_arrays`: `None`, or an object with the methods of `RandomFlip`.
    """

    def __init__(self, images: np.ndarray, batch_size: int, seed: int, augment: Any = None):
        super().__init__()
        self.images, self.seed, self.augment = images, seed, augment
        self.batch_size = min(batch_size, len(images))
        self.skip_epochs(0)

    def skip_epochs(self, epochs: int) -> None:
        """Continues as if this many epochs had been delivered."""
        self.epoch = epochs
        rng = np.random.default_rng([self.seed, self.epoch])
        self.order = rng.permutation(len(self.images))
        if self.augment is not None:
            self.factors = self.augment.factors(rng, len(self.images))

    def on_epoch_end(self) -> None:
        self.skip_epochs(self.epoch + 1)

    def __len__(self) -> int:
        return len(self.images) // self.batch_size

    def __getitem__(self, step: int) -> np.ndarray:
        rows = self.order[step * self.batch_size :][: self.batch_size]
        images = floats(self.images[rows])
        return (
            images if self.augment is None else self.augment.transform(images, self.factors[rows])
        )


def counterpart(vbta: models.VBTA, seed: int | None = None) -> models.VAE:
    """A `VAE` with the networks of the source domain of a `VBTA`, and new weights.

    Args:
        vbta: The model of two domains.
        seed: Seed of the noise in training.

    Returns:
        The model, not compiled, with the same likelihood and weights of the terms.
    """
    x, z = keras.Input(vbta.event_shapes["source"]), keras.Input((vbta.latent_dim,))
    q, image = x, z
    for network in filter(None, (vbta.source_encoder, vbta.shared_encoder)):
        q = keras.models.clone_model(network)(q)
    for network in filter(None, (vbta.shared_decoder, vbta.source_decoder)):
        image = keras.models.clone_model(network)(image)
    return models.VAE(
        keras.Model(x, q, name="encoder"),
        keras.Model(z, image, name="decoder"),
        beta=vbta.alpha / vbta.beta if vbta.beta else 1.0,
        likelihood=vbta.likelihood,
        observation_variance=vbta.observation_variance,
        seed=seed,
    )


def adam(arguments: argparse.Namespace, decay: bool, steps: int) -> keras.optimizers.Adam:
    """The optimizer of a run with this number of steps per epoch.

    With `decay`, the learning rate falls along a cosine to a twentieth.
    """
    rate: Any = arguments.learning_rate
    if decay:
        rate = keras.optimizers.schedules.CosineDecay(rate, arguments.epochs * steps, alpha=0.05)
    return keras.optimizers.Adam(rate)


def train_counterpart(
    vbta: models.VBTA,
    images: np.ndarray,
    arguments: argparse.Namespace,
    directory: RunDirectory,
    *,
    decay: bool = False,
    augment: Any = None,
) -> models.VAE:
    """Trains the counterpart on all images, or loads it from the run's folder.

    It is trained like the model of two domains: see the options of the run, `Training` for
    `decay`, and `ImageBatches` for `augment`. The training's state is in the folder `vae` of the
    run.

    Raises:
        RuntimeError: If the loss became NaN.
    """
    if (directory / FILE).exists():
        return keras.saving.load_model(directory / FILE)
    keras.utils.set_random_seed(arguments.seed)
    vae = counterpart(vbta, arguments.seed)
    batches = ImageBatches(images, arguments.batch_size, arguments.seed, augment)
    vae.compile(adam(arguments, decay, len(batches)))
    folder = directory / "vae"
    folder.mkdir(exist_ok=True)
    started = training.start(vae, folder, batches.skip_epochs)
    training.fit(vae, batches, folder, started, epochs=arguments.epochs, verbose=arguments.verbose)
    directory.save(vae, FILE)
    return vae
