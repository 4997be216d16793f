"""How the weights of `benchmarks.presets` are trained."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models
from keras_latent.src.cli import cli
from keras_latent.src.utils.domains import DOMAINS

DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
#: Epochs and maximum shift in pixels for the classifiers.
CLASSIFIERS = {(8, 8): (60, 0), (16, 16): (12, 1), (28, 28): (5, 2)}


def as_floats(pair: datasets.DomainPair, domain: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images in [0, 1] of `"train"` or `"test"`, and their labels."""
    images = getattr(pair, f"{domain}_{part}") / np.float32(255)
    return images, getattr(pair, f"{domain}_{part}_labels")


def domain_classifiers(pair: datasets.DomainPair) -> dict[str, keras.Model]:
    """Return a cached classifier of each domain's real images."""
    classifiers = {}
    for domain in DOMAINS:
        images = getattr(pair, f"{domain}_train")
        epochs, max_shift = CLASSIFIERS[images.shape[1:3]]
        classifiers[domain] = metrics.reference_classifier(
            images,
            getattr(pair, f"{domain}_train_labels"),
            epochs=epochs,
            max_shift=max_shift,
            softness=0.5 if max_shift else 0.0,
        )
    return classifiers


def from_application(name: str, *options: str, model: str = "model.keras") -> Callable:
    """Return a recipe that runs or resumes an application and loads its model."""

    def train(arguments):
        out = Path(arguments.runs) / "-".join([name, *(o.strip("-") for o in options)])
        status = cli.main(["run", name, *options, "--seed", "0", "--out", str(out)])
        if status:
            raise SystemExit(status)
        keras.config.set_dtype_policy("float32")  # the run may use another policy
        return keras.saving.load_model(out / model)

    return train


def fitted(model: keras.Model, x, y=None, *, epochs: int, steps: int, **options) -> keras.Model:
    """Train with Adam; the learning rate decays from 1e-3 along a cosine."""

    def adam():
        rate = keras.optimizers.schedules.CosineDecay(1e-3, epochs * steps, alpha=0.02)
        return keras.optimizers.Adam(rate)

    groups = model.optimizer_groups()
    model.compile(adam() if groups is None else {name: adam() for name in groups})
    model.fit(x, y, epochs=epochs, verbose=2, **options)
    return model


def train_tvae(preset: str, dataset: str, epochs: int) -> models.TVAE:
    """Train on all training images, in batches of 100."""
    (x, labels), _ = datasets.load_arrays(dataset)
    model = models.TVAE.from_preset(preset, load_weights=False, seed=0)
    x = x / np.float32(255)
    return fitted(model, x, labels, epochs=epochs, steps=-(-len(x) // 100), batch_size=100)


def train_dual_vae(epochs: int) -> models.DualVAE:
    """Train with an attribute per digit class."""
    pair = datasets.load_pair("digits_transpose")
    x, labels = as_floats(pair, "source", "train")
    y = np.eye(10, dtype="int32")[labels]
    model = models.DualVAE.from_preset(
        "dual_vae_digits", load_weights=False, attributes=DIGIT_NAMES, seed=0
    )
    return fitted(model, x, y, epochs=epochs, steps=-(-len(x) // 50), batch_size=50)


def train_transfer(pair_name: str, epochs: int, steps: int) -> models.LatentDomainTransfer:
    """Train two VAEs and the bridge between them, with all labels."""
    pair = datasets.load_pair(pair_name)
    transfer = models.LatentDomainTransfer.from_preset(f"transfer_{pair_name}", load_weights=False)
    latents, labels = {}, {}
    for domain in DOMAINS:
        x, labels[domain] = as_floats(pair, domain, "train")
        size = 50 if len(x) < 5000 else 100
        vae = getattr(transfer, domain)
        fitted(vae, x, epochs=epochs, steps=-(-len(x) // size), batch_size=size)
        latents[domain] = transfer.posterior(x, domain)
    batches = datasets.LatentBatches(latents, labels, batch_size=128, steps=500, seed=0)
    fitted(transfer.bridge, batches, epochs=steps // 500, steps=500, shuffle=False)
    return transfer
