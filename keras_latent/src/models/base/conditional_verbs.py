"""The verbs of models whose decoder is given the attributes of an image."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops as kops

from keras_latent.src.export.export import Graph
from keras_latent.src.models.base.attribute_model import AttributeModel, Attributes, signed


class ConditionalVerbs(AttributeModel):
    """Mixin: encodes and decodes with attributes, and transfers by changing them.

    Networks get an attribute as 1 where it is there, -1 where it is not, and 0 where that is
    not known. A subclass sets `event_shape` and `latent_dim`, and defines `to_latent(x, y)` and
    `to_data(z, y)`, tensor functions of such signed attributes.
    """

    decodes_attributes = True
    #: Whether `to_latent` uses them.
    encodes_attributes = True

    def check_inputs(self, x):
        if not isinstance(x, (list, tuple)) or len(x) != 2:
            raise ValueError(
                "`predict` takes `[images, attributes]`, attributes as 1.0 (it is there), -1.0 (it "
                "is not) and 0.0 (not known). Received: "
                f"{type(x).__name__}. For images alone, call `reconstruct(images)`."
            )
        self.check_batch(x[0])

    def _given(self, attributes, rows: int) -> np.ndarray:
        """Signed attributes of rows in host memory; all unknown where none are given."""
        if attributes is None:
            return np.zeros((rows, self.num_attributes), "float32")
        y = np.asarray(attributes)
        self.check_attribute_shape(y, rows)
        self.check_attribute_values(y)
        return np.where(y < 0, 0.0, np.where(y > 0, 1.0, -1.0)).astype("float32")

    def _run_with(self, key, fn, a, shape, y, batch_size):
        """`fn(a, y)`, compiled and in batches, on rows with their signed attributes."""
        # Programs take one array: the attributes stand first in each row of it.
        flat = np.concatenate([y, a.reshape(len(a), -1)], axis=1, dtype="float32")
        n = self.num_attributes

        def split(both):
            return fn(kops.reshape(both[:, n:], (-1, *shape)), both[:, :n])

        return self.run(key, flat.shape[1:], split, flat, key, batch_size, image=False)

    def encode(self, x, attributes=None, *, batch_size: int = 512) -> np.ndarray:
        """(Mean) latents of images, with their attributes where these are known.

        Args:
            x: Float images `(rows, ...)`.
            attributes: `(rows, attributes)` of 1, 0 and -1; `None`: none is known.
            batch_size: Rows per compiled call.

        Returns:
            Array `(rows, latent_dim)`, float32.

        Raises:
            ValueError: If shapes or values do not fit.
        """
        x = self.check_rows(x, self.event_shape, "x")
        y = self._given(attributes, len(x))
        return self._run_with("encode", self.to_latent, x, self.event_shape, y, batch_size)

    def graph_of_encode(self) -> Graph:
        x = {"x": self.event_shape}
        if not self.encodes_attributes:
            return Graph(x, lambda x: self.to_latent(x, None))
        return Graph(x | self._attributes, lambda x, y: self.to_latent(x, signed(y)))

    @property
    def _attributes(self) -> dict[str, tuple[int]]:
        return {"attributes": (self.num_attributes,)}

    def decode(self, z, attributes=None, *, batch_size: int = 512) -> np.ndarray:
        """Images `(rows, ...)` of latents `(rows, latent_dim)` and attributes.

        Args:
            z: Float latents `(rows, latent_dim)`.
            attributes: `(rows, attributes)` of 1, 0 and -1; `None`: none is known.
            batch_size: Rows per compiled call.

        Raises:
            ValueError: If shapes or values do not fit.
        """
        z = self.check_rows(z, (self.latent_dim,), "z", image=False)
        return self._decode(z, self._given(attributes, len(z)), batch_size)

    def graph_of_decode(self) -> Graph:
        z = {"z": (self.latent_dim,)}
        return Graph(z | self._attributes, lambda z, y: self.to_data(z, signed(y)))

    def _decode(self, z, y, batch_size):
        return self._run_with("decode", self.to_data, z, (self.latent_dim,), y, batch_size)

    def reconstruct(self, x, attributes=None, *, batch_size: int = 512) -> np.ndarray:
        """Images `(rows, ...)` from the latents of `x`, decoded with the same attributes."""
        z = self.encode(x, attributes, batch_size=batch_size)
        return self.decode(z, attributes, batch_size=batch_size)

    def graph_of_reconstruct(self) -> Graph:
        def fn(x, attributes):
            y = signed(attributes)
            return self.to_data(self.to_latent(x, y), y)

        return Graph({"x": self.event_shape} | self._attributes, fn)

    def transfer(
        self,
        x,
        attribute: Attributes = None,
        strength=1.0,
        *,
        attributes=None,
        batch_size: int = 512,
    ) -> np.ndarray:
        """Images with an attribute set to another value.

        Args:
            x: Float images `(rows, ...)`.
            attribute: Name or number of an attribute; a sequence of these; `None`: each one.
            strength: The value that the attribute is set to: 1, it is there; -1, it is not;
                beyond these, more so than in any training image. A number, one for each row,
                `(rows,)`, or one for each row and attribute.
            attributes: What is known of the images, `(rows, attributes)` of 1, 0 and -1.
            batch_size: Rows per compiled call.

        Returns:
            Array of the shape of `x` for one attribute, otherwise `(rows, attributes, ...)`;
            float32.

        Raises:
            ValueError: If there is no such attribute, or `strength` or `attributes` do not fit.
        """
        columns, single = self.columns_of(attribute)
        x = self.check_rows(x, self.event_shape, "x")
        y = self._given(attributes, len(x))
        values = self.strengths(strength, len(x), len(columns))
        z = self.encode(x, attributes, batch_size=batch_size)
        changed = np.repeat(y[:, None], len(columns), axis=1)
        changed[:, np.arange(len(columns)), columns] = values
        changed = changed.reshape(-1, self.num_attributes)
        images = self._decode(np.repeat(z, len(columns), axis=0), changed, batch_size)
        return self.in_columns(images, len(columns), single)

    def transferred(self, inputs, columns: Sequence[int], strength):
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


def conditioned_shape(name: str, network: keras.Model, attributes: int) -> tuple[int, ...]:
    """Shape of a row of the first input of a network that takes attributes as its second.

    Raises:
        ValueError: If its inputs are others.
    """
    shapes = getattr(network, "input_shape", None)
    two = isinstance(shapes, (list, tuple)) and len(shapes) == 2
    if not two or not isinstance(shapes[0], (list, tuple)) or tuple(shapes[1][1:]) != (attributes,):
        raise ValueError(
            f"`{name}` must take two tensors, the second being attributes (batch, {attributes}). "
            f"Received: input shape {shapes}"
        )
    return tuple(shapes[0][1:])
