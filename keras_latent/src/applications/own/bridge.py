"""`keras-latent train --model bridging`: a VAE per domain, and a bridge between their latents."""

import argparse
from typing import Any

import numpy as np

from keras_latent import datasets, models
from keras_latent.src.applications.faces.single_domain_vae import ImageBatches
from keras_latent.src.applications.own.own_data import OwnData
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.settings import OWN_METHODS
from keras_latent.src.models.bridging.networks import bridging_mlp
from keras_latent.src.utils.domains import DOMAINS

#: Rows of a batch of latents, at least: the sliced Wasserstein distance compares them.
ROWS = 128
#: Shared dimensions, as in the preset `bridging_mnist_sharp`, and units of a layer per `--width`.
SHARED_DIM, UNITS = 16, 32
#: Images that are encoded at a time.
ENCODED = 2048


def of_one(
    arguments: argparse.Namespace, data: OwnData, domain: str
) -> tuple[argparse.Namespace, OwnData]:
    """Options and data of the VAE of one domain, as if it were trained alone."""
    alone = argparse.Namespace(**vars(arguments) | {"model": "vae", "target": None})
    batches = ImageBatches(data.train[domain], arguments.batch_size, arguments.seed)
    one = OwnData(
        batches,
        len(batches),
        batches.skip_epochs,
        {"source": data.folders[domain]},
        {"source": data.train[domain]},
        {"source": data.validation[domain]},
    )
    return alone, one


def frozen(vae: models.VAE) -> models.VAE:
    """The trained VAE without its optimizer, which would be saved too."""
    settings: dict[str, Any] = OWN_METHODS["vae"].settings
    return models.VAE(vae.encoder, vae.decoder, **settings)


def shared_classes(data: OwnData) -> tuple[dict[str, np.ndarray], int] | None:
    """Labels of the training images, and their number of classes; `None` without labels.

    The classes are those of both domains. Other images have the label -1.

    Raises:
        ValueError: If there are attributes instead of labels, or no class is in both domains.
    """
    labels = {}
    for domain, folder in data.folders.items():
        if folder.labels is None:
            return None
        if folder.labels.ndim > 1:
            raise ValueError(
                "`--model bridging` needs one label per image, or none. Received: "
                f"{folder.labels.shape[1]} columns of labels in the {domain}"
            )
        labels[domain] = folder.labels[len(data.validation[domain]) :]
    classes = np.intersect1d(labels["source"], labels["target"])
    classes = classes[classes >= 0]
    if not len(classes):
        names = {domain: list(folder.label_names) for domain, folder in data.folders.items()}
        raise ValueError(
            "`--labels` needs classes that both domains have: sub-folders of the same names. "
            f"Received: {names}. Without labels, leave out `--labels`."
        )
    number = {
        d: np.where(np.isin(y, classes), np.searchsorted(classes, y), -1) for d, y in labels.items()
    }
    return number, len(classes)


def of_latents(
    arguments: argparse.Namespace,
    data: OwnData,
    transfer: models.LatentDomainTransfer,
    labels: dict[str, np.ndarray] | None,
) -> OwnData:
    """The data with batches of latents: as many as the larger domain has of images."""
    latents = {}
    for domain, images in data.train.items():
        parts = (images[first : first + ENCODED] for first in range(0, len(images), ENCODED))
        latents[domain] = np.concatenate([transfer.posterior(floats(x), domain) for x in parts])
    rows = max(map(len, latents.values()))
    batches = datasets.LatentBatches(
        latents,
        labels,
        batch_size=max(ROWS, arguments.batch_size),
        steps=max(1, rows // arguments.batch_size),
        seed=arguments.seed,
    )
    return data.with_batches(batches, batches.steps)


def build(arguments: argparse.Namespace, classes: int | None) -> models.BridgingVAE:
    """The bridge, untrained."""
    settings: dict[str, Any] = OWN_METHODS["bridging"].settings
    parts = bridging_mlp(
        arguments.latent_dim, len(DOMAINS), SHARED_DIM, hidden=UNITS * arguments.width
    )
    return models.BridgingVAE(**parts, **settings, num_classes=classes, seed=arguments.seed)


def describe(classes: int | None) -> None:
    """Prints what the bridge aligns."""
    if classes is None:
        print("There are no labels of both domains, so the bridge does not align classes.")
    else:
        print(f"The bridge aligns {classes} classes, which both domains have.")
