"""The applications by name. Nothing here imports Keras."""

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
    train,
)


@dataclass(frozen=True)
class Application:
    """An application that `keras-latent run` can run.

    Attributes:
        name: Its name on the command line.
        summary: What it does, in one line.
        options: The module of its options: `add_arguments(parser)` and `complete(arguments)`,
            which checks them before anything is imported or written.
        module: Where its code is, below `keras_latent.src.applications`.
    """

    name: str
    summary: str
    options: ModuleType
    module: str

    def load(self) -> ModuleType:
        """Imports the module that runs it, and Keras.

        The module has `run(arguments, directory)`, which returns figures; `report(figures)`, which
        prints them; and `extend(arguments, before)`, for a run that was started with fewer epochs
        or steps, `before`. It returns a remark about the result, or raises `ValueError`.
        """
        return importlib.import_module(f"keras_latent.src.applications.{self.module}")


APPLICATIONS = {
    application.name: application
    for application in (
        Application(
            "mnist-transpose",
            "VBTA: translate digits to their transposes and back through a shared latent space",
            mnist_transpose,
            "digits.mnist_transpose",
        ),
        Application(
            "mnist-mnist",
            "BridgingVAE: connect two VAEs of handwritten digits, with many, few or no labels",
            bridging,
            "bridging.image_pairs",
        ),
        Application(
            "mnist-fashion",
            "BridgingVAE: transfer digits to clothes and back between two frozen VAEs",
            bridging,
            "bridging.image_pairs",
        ),
        Application(
            "mnist-spoken-digit",
            "BridgingVAE: transfer written digits to spoken ones and back between frozen models",
            mnist_spoken_digit,
            "bridging.mnist_spoken_digit",
        ),
        Application(
            "bridging-synthetic",
            "BridgingVAE in two dimensions: how each term of the loss helps to align two ellipses",
            bridging_synthetic,
            "bridging.synthetic",
        ),
        Application(
            "mnist-usps",
            "LSTNet: translate handwritten digits between MNIST and USPS without labels",
            mnist_usps,
            "digits.mnist_usps",
        ),
        Application(
            "celeba-men-women",
            "VBTA: translate faces between men and women through a shared latent space",
            celeba_men_women,
            "faces.celeba_men_women",
        ),
        Application(
            "celeba-attributes",
            "DualVAE: change attributes of faces along linear directions, scored by CIS",
            celeba_attributes,
            "faces.celeba_attributes",
        ),
    )
}
#: What `keras-latent train` runs.
TRAIN = Application("train", "train a method on your own images", train, "own.train")
