"""The applications by name."""

import importlib
from dataclasses import dataclass
from types import ModuleType

from keras_latent.src.cli.options import (
    bridging,
    bridging_synthetic,
    celeba_attributes,
    celeba_men_women,
    mnist_spoken_digit,
    mnist_transpose,
    mnist_usps,
)


@dataclass(frozen=True)
class Application:
    """A domain pair that is ready to run.

    Attributes:
        name: What `keras-latent run` calls it.
        summary: What it does, in a line.
        options: The module of its options: `add_arguments(parser)`, and `complete(arguments)`,
            which checks them before anything is imported or written.
    """

    name: str
    summary: str
    options: ModuleType

    def load(self) -> ModuleType:
        """Imports the module that runs it, and Keras.

        It has `run(arguments, directory)`, which returns figures; `report(figures)`, which prints
        them; and `prolong(arguments, before)`, for a run that was begun for `before` epochs or
        steps, fewer than those asked for: it returns what to say about going on, or raises
        `ValueError`.
        """
        module = self.name.replace("-", "_")
        return importlib.import_module(f"keras_latent.src.applications.{module}")


APPLICATIONS = {
    application.name: application
    for application in (
        Application(
            "mnist-transpose",
            "VBTA: digits and their transposes, translated both ways through one latent space",
            mnist_transpose,
        ),
        Application(
            "mnist-mnist",
            "BridgingVAE: between two VAEs of handwritten digits, with many labels, few or none",
            bridging,
        ),
        Application(
            "mnist-fashion",
            "BridgingVAE: digits into clothes and back, between two frozen VAEs",
            bridging,
        ),
        Application(
            "mnist-spoken-digit",
            "BridgingVAE: written digits into spoken ones and back, between a VAE and a GAN",
            mnist_spoken_digit,
        ),
        Application(
            "bridging-synthetic",
            "BridgingVAE in two dimensions: how its terms turn one ellipse onto another",
            bridging_synthetic,
        ),
        Application(
            "mnist-usps",
            "LSTNet: handwritten digits of MNIST and USPS, translated both ways without labels",
            mnist_usps,
        ),
        Application(
            "celeba-men-women",
            "VBTA: faces of men and of women, translated both ways through one latent space",
            celeba_men_women,
        ),
        Application(
            "celeba-attributes",
            "DualVAE: attributes of faces moved along linear boundaries, and scored by CIS",
            celeba_attributes,
        ),
    )
}
