"""What models of two domains and one shared latent space do, in the words of the library."""

import keras
import numpy as np

from keras_latent.src.export.export import Graph
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.image_model import ImageModel
from keras_latent.src.models.base.validation import DOMAINS

OTHER = {"source": "target", "target": "source"}


class TwoDomainVerbs(ImageModel):
    """Verbs of a model that encodes two domains, `"source"` and `"target"`, into one space.

    A subclass sets `event_shapes` (domain to the shape of one image) and `latent_shape`,
    the shape of one latent, and defines `to_latent(x, domain)` and `to_image(z, domain)`,
    the two tensor functions of which everything here is composed.
    """

    def encode(self, x, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Shared latents of one domain's images.

        Args:
            x: Float images `(rows, ...)` of `domain`.
            domain: `"source"` or `"target"`.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, *latent_shape)`, float32.

        Raises:
            ValueError: If `domain` is neither, or shape or values of `x` are not those of
                the domain.
        """
        return self.run_graph("encode", x, batch_size, domain=domain)

    def graph_of_encode(self, domain: str = "source") -> Graph:
        domain = validation.require_choice("domain", domain, DOMAINS)
        return Graph({"x": self.event_shapes[domain]}, lambda x: self.to_latent(x, domain))

    def decode(self, z, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain` of latents `(rows, *latent_shape)`."""
        return self.run_graph("decode", z, batch_size, domain=domain)

    def graph_of_decode(self, domain: str = "source") -> Graph:
        domain = validation.require_choice("domain", domain, DOMAINS)
        return Graph({"z": self.latent_shape}, lambda z: self.to_image(z, domain))

    def _through(self, *domains) -> Graph:
        def fn(x):
            for domain, to in zip(domains, domains[1:], strict=False):
                x = self.to_image(self.to_latent(x, domain), to)
            return x

        return Graph({"x": self.event_shapes[domains[0]]}, fn)

    def reconstruct(self, x, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain` decoded into `domain` from their latents."""
        return self.run_graph("reconstruct", x, batch_size, domain=domain)

    def graph_of_reconstruct(self, domain: str = "source") -> Graph:
        domain = validation.require_choice("domain", domain, DOMAINS)
        return self._through(domain, domain)

    def translate(
        self, x, to: str = "target", *, offset: np.ndarray | None = None, batch_size: int = 512
    ) -> np.ndarray:
        """Translates images into the domain `to`.

        Where the two domains' latents have not become alike, a translation keeps what is usual
        in the domain it comes from. An `offset` moves it to what is usual where it goes:

            offset = model.encode(y, "target").mean(0) - model.encode(x, "source").mean(0)

        and a multiple of it moves farther.

        Args:
            x: Float images `(rows, ...)` of the other domain.
            to: `"target"` or `"source"`.
            offset: What is added to latents on the way to the target, and subtracted on the way
                to the source: an array of the shape of one latent, or of one for each row.
            batch_size: Rows per compiled call.

        Returns:
            Array of images of the domain `to`, `(rows, ...)`, float32.

        Raises:
            ValueError: If `to` is neither, shape or values of `x` are not those of the other
                domain, or `offset` is not finite or of another shape.

        Example:

        >>> import numpy as np
        >>> from keras_latent import models
        >>> vbta = models.VBTA.from_preset("vbta_digits_transpose_sharp")
        >>> x, y = np.random.default_rng(0).random((2, 5, 8, 8, 1), "float32")
        >>> offset = vbta.encode(y, "target").mean(0) - vbta.encode(x, "source").mean(0)
        >>> vbta.translate(x, to="target", offset=offset).shape
        (5, 8, 8, 1)
        """
        if offset is None:
            return self.run_graph("translate", x, batch_size, to=to)
        to = validation.require_choice("to", to, DOMAINS)
        z = self.encode(x, OTHER[to], batch_size=batch_size)
        offset = np.asarray(offset, "float32")
        if offset.shape not in (z.shape, z.shape[1:]) or not np.isfinite(offset).all():
            raise ValueError(
                f"`offset` must be finite and have the shape of one latent, {z.shape[1:]}, or one "
                f"for each row, {z.shape}. Received: shape={offset.shape}, "
                f"{np.count_nonzero(~np.isfinite(offset))} values not finite"
            )
        moved = z + offset if to == "target" else z - offset
        return self.decode(moved, to, batch_size=batch_size)

    def graph_of_translate(self, to: str = "target") -> Graph:
        to = validation.require_choice("to", to, DOMAINS)
        return self._through(OTHER[to], to)

    def cycle(self, x, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain` translated into the other domain and back."""
        return self.run_graph("cycle", x, batch_size, domain=domain)

    def graph_of_cycle(self, domain: str = "source") -> Graph:
        domain = validation.require_choice("domain", domain, DOMAINS)
        return self._through(domain, OTHER[domain], domain)

    def interpolate(
        self,
        a,
        b,
        steps: int = 8,
        *,
        domain: str = "source",
        to: str | None = None,
        kind: str = "spherical",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images on the way from each row of `a` to the row of `b`.

        Args:
            a: Float images `(rows, ...)` of `domain`.
            b: As many images of `domain`.
            steps: Number of images on the way, both ends included.
            domain: The domain of `a` and `b`.
            to: The domain to decode into; default: `domain`.
            kind: `"spherical"` or `"linear"`, in latent space.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, steps, ...)`, float32.

        Raises:
            ValueError: If `a` and `b` differ in their number of rows.
        """
        to = validation.require_choice("to", domain if to is None else to, DOMAINS)
        z_a, z_b = (self.encode(x, domain, batch_size=batch_size) for x in (a, b))
        images = self.decode(self.path(z_a, z_b, steps, kind), to, batch_size=batch_size)
        return images.reshape(-1, steps, *images.shape[1:])

    def to_classifier(self, classifier: keras.Model, domain: str = "target") -> keras.Model:
        """`f = h o g`: a classifier of one domain made one of the other (LSTNet, section 2).

        Args:
            classifier: `h`, a built Keras model of images, in [0, 1], of the domain that is
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
        domain = validation.require_choice("domain", domain, DOMAINS)
        to = OTHER[domain]
        validation.require_built("classifier", classifier)
        shape = validation.event_shape_of("classifier", classifier)
        validation.check_shape("classifier", (None, *shape), self.event_shapes[to])
        x = keras.Input(self.event_shapes[domain], name=f"{domain}_images")
        translated = self.to_image(self.to_latent(x, domain), to)
        return keras.Model(x, classifier(translated), name=f"{domain}_{classifier.name}")
