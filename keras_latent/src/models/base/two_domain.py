"""What models of two domains with one shared latent space can do."""

from typing import Any

import keras
import numpy as np

from keras_latent.src.models.base import networks
from keras_latent.src.models.base.batched import batched
from keras_latent.src.models.base.translator import Translator, images_of, images_of_other
from keras_latent.src.training.inputs import Input, fits, one_array
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.types import Rows, Tensor

#: What to do with images of one domain, where both are taken.
OF_ONE_DOMAIN = "for images of one domain, call `translate`, `reconstruct` or `encode`."


class Offset(Input):
    """What is added to latents: one latent, or one per row."""

    def rows(self, name: str, x: Any, count: int | None = None) -> np.ndarray:
        offset = one_array(name, x)
        offset = offset.astype("float32") if offset.dtype.kind in "iu" else offset
        single = fits((1, *offset.shape), self.shape)
        if not single and not (fits(offset.shape, self.shape) and len(offset) == count):
            raise ValueError(
                f"`{name}` must have the shape of one latent, {self.shape}, or of one per row, "
                f"{(count, *self.shape)}. Received: shape={offset.shape}"
            )
        self.check_values(name, offset[None] if single else offset)
        if single:
            offset = np.broadcast_to(offset, (count or 1, *offset.shape))
        return np.ascontiguousarray(offset, "float32")


def latents_of(self: "TwoDomain", domain: str) -> Input:
    checks.choice("domain", domain, DOMAINS)
    return Input(self.latent_shape)


def _offset(self: "TwoDomain") -> Input:
    return Offset(self.latent_shape)


class TwoDomain(Translator):
    """Base of models that encode two domains, `"source"` and `"target"`, into one space.

    A subclass calls `set_shapes`, which sets `event_shapes` (domain to the shape of one image) and
    `latent_shape`, the shape of one latent. It defines the tensor functions `to_latent(x, domain)`
    and `to_image(z, domain)`. All methods here are composed of these two.
    """

    shared_encoder: keras.Model | None
    latent_shape: tuple[int, ...]

    of_one_domain = OF_ONE_DOMAIN

    def set_shapes(self, decoder: str, latents_of: Any = lambda name, outputs: outputs) -> None:
        """Sets `event_shapes` and `latent_shape` from the networks, which must fit together.

        Encoders are `source_encoder`, `target_encoder` and, after both, `shared_encoder`. Decoders
        are `source_<decoder>`, `target_<decoder>` and, before both, `shared_<decoder>`.

        Args:
            decoder: What decoders are called.
            latents_of: Latents from the name and the outputs of the last encoder.

        Raises:
            ValueError: If a network does not take what the one before it returns, the domains
                differ in their latents, or images come out in another shape.
        """
        last = "{}_encoder" if self.shared_encoder is None else "shared_encoder"
        self.event_shapes, latents = {}, {}
        for d in DOMAINS:
            parts = {name: getattr(self, name) for name in (f"{d}_encoder", "shared_encoder")}
            shape = networks.event_shape_of(f"{d}_encoder", parts[f"{d}_encoder"])
            outputs = networks.outputs_of(keras.Input(shape), parts)
            self.event_shapes[d], latents[d] = shape, latents_of(last.format(d), outputs)
        shapes = {d: networks.shapes_of(z)[1:] for d, z in latents.items()}
        if shapes["source"] != shapes["target"]:
            raise ValueError(
                "`source_encoder` and `target_encoder` must share one latent space. Received: "
                f"latents of shapes {shapes}"
            )
        self.latent_shape = shapes["source"]
        for d in DOMAINS:
            names = (f"shared_{decoder}", f"{d}_{decoder}")
            parts = {name: getattr(self, name) for name in names}
            output = networks.outputs_of(latents[d], parts, last.format(d))
            networks.check_output(names[-1], output, self.event_shapes[d], f"{d}_encoder")

    def to_latent(self, x: Tensor, domain: str) -> Tensor:
        """Latents of images of `domain`."""
        raise NotImplementedError

    def to_image(self, z: Tensor, domain: str) -> Tensor:
        """Images of `domain`, decoded from latents."""
        raise NotImplementedError

    def translated(self, x: Tensor, to: str) -> Tensor:
        """Images of the other domain, encoded, and decoded as images of `to`."""
        return self.to_image(self.to_latent(x, OTHER[to]), to)

    @batched(x=images_of)
    def encode(self, x: Rows, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
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
        return self.to_latent(x, domain)

    @batched(z=latents_of)
    def decode(self, z: Rows, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain`, decoded from latents `(rows, *latent_shape)`."""
        return self.to_image(z, domain)

    @batched(x=images_of)
    def reconstruct(self, x: Rows, domain: str = "source", *, batch_size: int = 512) -> np.ndarray:
        """Images of `domain`, encoded and decoded again."""
        return self.to_image(self.to_latent(x, domain), domain)

    @batched(x=images_of_other, offset=_offset)
    def translate(
        self, x: Rows, to: str = "target", *, offset: Rows | None = None, batch_size: int = 512
    ) -> np.ndarray:
        """Translates images into the domain `to`.

        If the latents of the two domains differ on average, a translation keeps what is typical of
        the domain it comes from. An `offset` moves it to what is typical of the other domain:

            offset = model.encode(y, "target").mean(0) - model.encode(x, "source").mean(0)

        A multiple of it moves farther.

        Args:
            x: Float images `(rows, ...)` of the other domain.
            to: `"target"` or `"source"`.
            offset: Added to latents on the way to the target and subtracted on the way to the
                source: an array of the shape of one latent, or of one per row.
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
        z = self.to_latent(x, OTHER[to])
        if offset is not None:
            z = z + offset if to == "target" else z - offset
        return self.to_image(z, to)

    def interpolate(
        self,
        a: Rows,
        b: Rows,
        steps: int = 8,
        *,
        domain: str = "source",
        to: str | None = None,
        kind: str = "spherical",
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images between each row of `a` and the same row of `b`.

        Args:
            a: Float images `(rows, ...)` of `domain`.
            b: Images of `domain`, as many as `a`.
            steps: Number of images per row, both ends included.
            domain: The domain of `a` and `b`.
            to: The domain to decode into. Default: `domain`.
            kind: `"spherical"` or `"linear"`, in latent space.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, steps, ...)`, float32.

        Raises:
            ValueError: If `a` and `b` differ in their number of rows.
        """
        to = checks.choice("to", domain if to is None else to, DOMAINS)
        images = images_of(self, domain)
        a, b = images.rows("a", a), images.rows("b", b)
        z_a, z_b = (self.encode(x, domain, batch_size=batch_size) for x in (a, b))
        made = self.decode(self.path(z_a, z_b, steps, kind), to, batch_size=batch_size)
        return made.reshape(-1, steps, *made.shape[1:])
