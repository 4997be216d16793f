"""What models that translate between two domains can do."""

import dataclasses

import keras
import numpy as np

from keras_latent.src.models.base import networks
from keras_latent.src.models.base.batched import batched
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Images, Input, check_shape
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Rows, Tensor


def images_of(self: "Translator", domain: str) -> Input:
    """What images of a domain must be."""
    return self.images(checks.choice("domain", domain, DOMAINS))


def images_of_other(self: "Translator", to: str) -> Input:
    """What images must be that are translated into the domain `to`."""
    return self.images(OTHER[checks.choice("to", to, DOMAINS)])


class Translator(LatentModel):
    """Base of models that translate between two domains, `"source"` and `"target"`.

    A subclass sets `event_shapes` (domain to the shape of one image) and defines the tensor
    function `translated(x, to)`. All methods here are composed of it.
    """

    event_shapes: dict[str, tuple[int, ...]]
    #: What to do with images of one domain, where both are taken.
    of_one_domain = "for images of one domain, call `translate`."

    @property
    def predict_spec(self) -> BatchSpec | None:
        spec = self.batch_spec
        return None if spec is None else dataclasses.replace(spec, hint=self.of_one_domain)

    def images(self, domain: str) -> Images:
        """What images of a domain must be."""
        return Images(self.event_shapes[domain], self.unit_interval)

    def translated(self, x: Tensor, to: str) -> Tensor:
        """Images of the other domain, translated into the domain `to`."""
        raise NotImplementedError

    @batched(x=images_of_other)
    def translate(self, x: Rows, to: str = "target", *, batch_size: int = 512) -> np.ndarray:
        """Translates images into the domain `to`.

        Args:
            x: Float images `(rows, ...)` of the other domain.
            to: `"target"` or `"source"`.
            batch_size: Rows per compiled call.

        Returns:
            Array of images of the domain `to`, `(rows, ...)`, float32.

        Raises:
            ValueError: If `to` is neither, or shape or values of `x` are not those of the other
                domain.
        """
        return self.translated(x, to)

    @batched(x=images_of)
    def cycle(self, x: Rows, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain`, translated into the other domain and back."""
        return self.translated(self.translated(x, OTHER[domain]), domain)

    def to_classifier(self, classifier: keras.Model, domain: str = "target") -> keras.Model:
        """`f = h o g`: turns a classifier of one domain into one of the other (LSTNet, section 2).

        Args:
            classifier: `h`, a built Keras model of images in [0, 1] of the domain that is
                not `domain`.
            domain: The domain whose images the new model takes.

        Returns:
            A Keras model, images `(batch, ...)` of `domain` to what `classifier` returns,
            which shares the weights of this model and of the classifier. It can be saved,
            exported and served without keras_latent's training code.

        Raises:
            ValueError: If `domain` is neither, or the classifier is not built or takes
                images of another shape.

        Example:

        >>> import keras, numpy as np
        >>> from keras_latent import models
        >>> vbta = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
        >>> h = keras.Sequential(
        ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
        ... )
        >>> f = vbta.to_classifier(h, domain="target")
        >>> f.predict(np.zeros((3, 8, 8, 1), "float32"), verbose=0).shape
        (3, 10)
        """
        domain = checks.choice("domain", domain, DOMAINS)
        to = OTHER[domain]
        networks.built("classifier", classifier)
        shape = networks.event_shape_of("classifier", classifier)
        check_shape("classifier", (None, *shape), self.event_shapes[to])
        x = keras.Input(self.event_shapes[domain], name=f"{domain}_images")
        scores = classifier(self.translated(x, to))
        return keras.Model(x, scores, name=f"{domain}_{classifier.name}")
