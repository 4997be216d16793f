"""What models share whose decoder takes the attributes of an image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops as kops

from keras_latent.src.models.base.attributes import (
    AttributeInput,
    AttributeModel,
    Attributes,
    signed,
)
from keras_latent.src.models.base.batched import Graph, batched, images_of, latents_of
from keras_latent.src.training.inputs import Input
from keras_latent.src.utils.types import Rows, Tensor


def _attributes(self):
    return AttributeInput(self.attribute_names)


def _attributes_to_encode(self):
    spec = _attributes(self)
    if not self.encodes_attributes:
        spec.fill = None  # left out unless given
    return spec


class ConditionalModel(AttributeModel):
    """Base of models that encode and decode with attributes, and transfer by changing them.

    Networks get an attribute as 1 (present), -1 (absent) or 0 (not known). A subclass sets
    `event_shape` and `latent_dim`, and defines `to_latent(x, y)` and `to_data(z, y)`, tensor
    functions of such signed attributes.
    """

    decodes_attributes = True
    #: Whether `to_latent` uses them.
    encodes_attributes = True

    def to_latent(self, x: Tensor, y: Tensor) -> Tensor:
        """(Mean) latents of images."""
        raise NotImplementedError

    def to_data(self, z: Tensor, y: Tensor) -> Tensor:
        """Images of latents."""
        raise NotImplementedError

    @batched(x=images_of, attributes=_attributes_to_encode)
    def encode(
        self, x: Rows, attributes: Rows | None = None, *, batch_size: int = 512
    ) -> np.ndarray:
        """(Mean) latents of images, given the attributes that are known.

        Args:
            x: Float images `(rows, ...)`.
            attributes: `(rows, attributes)` of 1, 0 and -1. `None`: none is known.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, latent_dim)`, float32.

        Raises:
            ValueError: If shapes or values do not fit.
        """
        return self.to_latent(x, None if attributes is None else signed(attributes))

    @batched(z=latents_of, attributes=_attributes)
    def decode(
        self, z: Rows, attributes: Rows | None = None, *, batch_size: int = 512
    ) -> np.ndarray:
        """Images `(rows, ...)` of latents `(rows, latent_dim)` and attributes.

        Args:
            z: Float latents `(rows, latent_dim)`.
            attributes: `(rows, attributes)` of 1, 0 and -1. `None`: none is known.
            batch_size: Rows per compiled call.

        Raises:
            ValueError: If shapes or values do not fit.
        """
        return self.to_data(z, signed(attributes))

    @batched(x=images_of, attributes=_attributes)
    def reconstruct(
        self, x: Rows, attributes: Rows | None = None, *, batch_size: int = 512
    ) -> np.ndarray:
        """Images `(rows, ...)`, encoded and decoded with the same attributes."""
        y = signed(attributes)
        return self.to_data(self.to_latent(x, y), y)

    def transfer(
        self,
        x: Rows,
        attribute: Attributes = None,
        strength: Any = 1.0,
        *,
        attributes: Rows | None = None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images with an attribute set to another value.

        Args:
            x: Float images `(rows, ...)`.
            attribute: Name or number of an attribute; a sequence of these; `None`: each one.
            strength: The value to set the attribute to: 1 is present, -1 is absent, and values
                beyond exaggerate it. A number, one per row, `(rows,)`, or one per row and
                attribute.
            attributes: The known attributes of the images, `(rows, attributes)` of 1, 0 and -1.
            batch_size: Rows per compiled call.

        Returns:
            Array of the shape of `x` for one attribute, otherwise `(rows, attributes, ...)`;
            float32.

        Raises:
            ValueError: If there is no such attribute, or `strength` or `attributes` do not fit.
        """
        columns, single = self.columns_of(attribute)
        x = images_of(self).rows("x", x)
        values = self.strengths(strength, len(x), len(columns))
        y = _attributes(self).fill_rows(attributes, len(x))
        z = self.encode(x, y, batch_size=batch_size)
        signs = np.where(y < 0, 0.0, np.where(y > 0, 1.0, -1.0)).astype("float32")
        changed = np.repeat(signs[:, None], len(columns), axis=1)
        changed[:, np.arange(len(columns)), columns] = values
        # Of signed attributes of any size, not of labels.
        graph = Graph(
            {"z": latents_of(self), "y": Input((self.num_attributes,))},
            lambda z, y: self.to_data(z, y),
        )
        rows = {
            "z": np.repeat(z, len(columns), axis=0),
            "y": changed.reshape(-1, self.num_attributes),
        }
        images = self.run("decode signed", graph, rows, batch_size)
        return images if single else images.reshape(-1, len(columns), *images.shape[1:])

    def transferred(
        self, inputs: Any, columns: Sequence[int], strength: Any, **options: Any
    ) -> Tensor:
        """Transfers as a tensor function of `{"x": images, "y": attributes}`."""
        x, strength = self.inputs_of(inputs, strength)
        y, n = signed(inputs["y"]), self.num_attributes
        z = self.to_latent(x, y)
        chosen = np.eye(n, dtype="float32")[columns][None]  # (1, columns, n)
        changed = y[:, None] * (1.0 - chosen) + strength * chosen
        repeated = z[:, None] + kops.zeros_like(changed[..., :1])
        images = self.to_data(
            kops.reshape(repeated, (-1, self.latent_dim)), kops.reshape(changed, (-1, n))
        )
        return kops.reshape(images, (-1, len(columns), *self.event_shape))
