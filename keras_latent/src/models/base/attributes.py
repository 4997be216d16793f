"""What models of images with binary attributes share."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from keras import ops as kops

from keras_latent.src.models.base.batched import Graph, images_of
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.training.batches import BatchSpec
from keras_latent.src.training.inputs import Input, one_array
from keras_latent.src.training.targets import AttributeLabels
from keras_latent.src.utils import checks
from keras_latent.src.utils.did_you_mean import did_you_mean
from keras_latent.src.utils.types import Tensor

#: More attributes than this are a mistake.
LARGEST_NUMBER = 100_000
#: One attribute, by name or number; several of them; or `None`, which is all.
Attributes = str | int | Sequence[str | int] | None


class AttributeInput(Input):
    """Attributes as an argument of a method: 1 (present), 0 (absent), -1 (missing), as floats."""

    fill = -1.0

    def __init__(self, names: Sequence[str]):
        super().__init__((len(names),))
        self.labels = AttributeLabels(names, argument="attributes")

    def rows(self, name: str, x: Any, count: int | None = None) -> np.ndarray:
        x = one_array(name, x)
        self.labels.check("This method", x, {name: count})
        self.labels.check_values(x)
        return x.astype("float32")

    def fill_rows(self, x: Any, count: int) -> np.ndarray:
        """`rows`, with `None` for attributes that are all missing."""
        if x is None:
            return np.full((count, len(self.labels.names)), self.fill, "float32")
        return self.rows("attributes", x, count)


class Signed(Input):
    """Attributes of 1, 0 and -1: floats, or integers, which Keras casts."""

    def check_dtype(self, name: str, x: Any) -> None:
        if "int" not in str(getattr(x.dtype, "name", x.dtype)):
            super().check_dtype(name, x)

    def check_values(self, name: str, x: np.ndarray) -> None:
        super().check_values(name, x.astype("float32") if x.dtype.kind in "iu" else x)


class AttributeModel(LatentModel):
    """Base of models whose images have binary attributes: labels `(batch, attributes)`.

    A label is 1 (present), 0 (absent) or -1 (missing).

    A subclass calls `set_attributes` in `__init__`, has the method `decode`, and defines

    - `transferred(inputs, columns, strength)`: a transfer as a tensor function, for one batch,
      `(batch, len(columns), ...)`;
    - `transfer(x, attribute, strength)`: the public method.
    """

    #: Whether a transfer, and `call`, take the known attributes of the images.
    decodes_attributes = False

    def set_attributes(self, attributes: int | Sequence[str]) -> None:
        """Stores the names of the attributes; for a number, names are generated.

        Raises:
            ValueError: If there are none, or names repeat.
        """
        if isinstance(attributes, (int, np.integer)):
            number = checks.integer("attributes", attributes, at_most=LARGEST_NUMBER)
            attributes = [f"attribute_{i}" for i in range(number)]
        several = isinstance(attributes, Iterable) and not isinstance(attributes, str)
        names = list(attributes) if several else []
        if not names or not all(isinstance(n, str) for n in names) or len({*names}) < len(names):
            raise ValueError(
                "`attributes` must be the number of attributes, 1 or more, or their names, each "
                f"once. Received: attributes={attributes!r}"
            )
        self.attribute_names = self.attributes = tuple(names)

    @property
    def batch_spec(self) -> BatchSpec:
        return BatchSpec(images_of(self), targets=AttributeLabels(self.attribute_names))

    @property
    def predict_spec(self) -> BatchSpec | None:
        if not self.decodes_attributes:
            return super().predict_spec
        return BatchSpec({"images": images_of(self), "attributes": Signed((self.num_attributes,))})

    def check_inputs(self, x: Any, values: bool = True) -> None:
        if not self.decodes_attributes:
            return super().check_inputs(x, values)
        if not isinstance(x, (list, tuple)) or len(x) != 2:
            raise ValueError(
                "`predict` takes `[images, attributes]`, with attributes of 1.0 (present), -1.0 "
                f"(absent) and 0.0 (not known). Received: {type(x).__name__}. For images alone, "
                "call `reconstruct(images)`."
            )
        return super().check_inputs(dict(zip(("images", "attributes"), x, strict=True)), values)

    @property
    def num_attributes(self) -> int:
        """Number of attributes."""
        return len(self.attribute_names)

    def columns_of(self, attribute: Attributes) -> tuple[list[int], bool]:
        """Columns of the chosen attributes, and whether it is a single one.

        Raises:
            ValueError: If there is no such attribute.
        """
        if attribute is None:
            return list(range(self.num_attributes)), False
        if isinstance(attribute, (str, int, np.integer)):
            return [self._column(attribute)], True
        several = list(attribute) if isinstance(attribute, Iterable) else []
        if not several:
            raise ValueError(
                "`attribute` must be the name or number of an attribute, or a list of one or more "
                f"of these. Received: attribute={attribute!r}"
            )
        return [self._column(a) for a in several], False

    def _column(self, attribute):
        names = self.attribute_names
        if isinstance(attribute, str):
            if attribute in names:
                return names.index(attribute)
            raise ValueError(
                f"`attribute` must be one of {list(names)}. Received: {attribute!r}."
                f"{did_you_mean(attribute, names)}"
            )
        number = isinstance(attribute, (int, np.integer)) and not isinstance(attribute, bool)
        if not number or not 0 <= attribute < len(names):
            raise ValueError(
                f"`attribute` must be a name, or a number from 0 to {len(names) - 1}. "
                f"Received: {attribute!r}"
            )
        return int(attribute)

    @staticmethod
    def strengths(strength: Any, rows: int, columns: int) -> np.ndarray:
        """`strength` of each row and attribute, `(rows, columns)`, float32.

        Raises:
            ValueError: If it is not finite, or not a scalar, one number per row, or one per row
                and attribute.
        """
        scalar = isinstance(strength, np.generic)
        several = isinstance(strength, (list, tuple)) or (hasattr(strength, "shape") and not scalar)
        values = one_array("strength", strength) if several else np.asarray(strength)
        if values.shape == (rows,):
            values = values[:, None]
        shaped = values.shape in ((), (rows, 1), (rows, columns))
        if not shaped or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            raise ValueError(
                f"`strength` must be a finite number, or have shape ({rows},) or "
                f"({rows}, {columns}): one per row, or one per row and attribute. "
                f"Received: shape={values.shape}, dtype={values.dtype}"
            )
        return np.broadcast_to(values.astype("float32"), (rows, columns))

    # Transfers ---------------------------------------------------------------------------

    def transferred(
        self, inputs: Any, columns: Sequence[int], strength: Any, **options: Any
    ) -> Tensor:
        """Transfers of a batch, `(batch, len(columns), ...)`, as a tensor function."""
        raise NotImplementedError

    def transfer_function(
        self, attribute: Attributes = None, strength: float = 1.0, **options: Any
    ) -> Callable[[Any], Tensor]:
        """Transfers as one tensor function, for `metrics.ConditionalInceptionScore.measure`.

        It reads the model's networks when it is called. Directions in latent space, and `strength`,
        are constants. If the inputs are a dict with a `"strength"`, one per row, that replaces
        `strength`, so that one compiled program serves all strengths.

        Args:
            attribute: The attribute to transfer; `None`: each one.
            strength: Scalar, as in `transfer`.
            **options: Other arguments of `transfer`, such as `direction`.

        Returns:
            Function of a batch of inputs, images or a dict of images (`"x"`) and other inputs
            (`"y"`: attributes), which returns `(batch, attributes, ...)`.
        """
        columns, _ = self.columns_of(attribute)
        if tuple(getattr(strength, "shape", (1,))) != ():  # neither a tensor nor a NumPy scalar
            strength = checks.finite("strength", strength)
        return lambda inputs: self.transferred(inputs, columns, strength, **options)

    def graph_of_transfer(
        self, attribute: Attributes = None, strength: float | None = 1.0
    ) -> Graph:
        """`transfer` for `export`. `strength=None`: a strength per row, `(rows,)`, is an input."""
        return self.transfer_graph(attribute, strength)

    def transfer_graph(
        self,
        attribute: Attributes,
        strength: float | None,
        together: bool = False,
        **options: Any,
    ) -> Graph:
        """`graph_of_transfer` with further options, which are passed to `transferred`."""
        columns, single = self.columns_of(attribute)
        rest: dict[str, Input] = {}
        if self.decodes_attributes:
            rest["attributes"] = AttributeInput(self.attribute_names)
        options |= {"together": True} if together else {}
        if strength is None:
            rest["strength"] = Input(())
        else:
            strength = float(self.strengths(strength, 1, 1)[0, 0])

        def fn(x, *given):
            inputs = {"x": x, **dict(zip(rest, given, strict=True))}
            if strength is not None:
                # Symbolic, as if it were given: constants must stay NumPy arrays.
                corner = x[(slice(None),) + (0,) * len(self.event_shape)]
                inputs["strength"] = kops.zeros_like(corner) + strength
            inputs["y"] = inputs.pop("attributes", None)
            images = self.transferred(inputs, columns, strength, **options)
            return images[:, 0] if single or together else images

        return Graph({"x": images_of(self), **rest}, fn)

    @staticmethod
    def inputs_of(inputs: Any, strength: Any) -> tuple[Any, Any]:
        """Images of a tensor function's inputs, and a strength that fits `(batch, columns, 1)`."""
        if not isinstance(inputs, dict):
            return inputs, strength
        if "strength" in inputs:  # one per row, or one per row and column
            strength = kops.cast(inputs["strength"], "float32")[..., None]
            strength = strength[:, None] if len(strength.shape) == 2 else strength
        return inputs["x"], strength


def known(y: Tensor) -> Tensor:
    """Whether each attribute is known, as 1.0 and 0.0."""
    return kops.cast(y >= 0, "float32")


def signed(y: Tensor) -> Tensor:
    """1.0 if an attribute is present, -1.0 if it is absent, 0.0 if it is missing."""
    return known(y) * (2.0 * kops.cast(y, "float32") - 1.0)


def attribute_nll(logits: Tensor, y: Tensor) -> Tensor:
    """`-log p(y|z)` of the known attributes per row, `(batch,)`, in nats."""
    logits = kops.cast(logits, "float32")
    # -log Bern(y | sigmoid(l)) = softplus(l) - y l
    nll = kops.softplus(logits) - kops.cast(y, "float32") * logits
    return kops.sum(known(y) * nll, axis=-1)


def right_share(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Share of the known attributes on the right side of the boundary, and their number."""
    weight = known(y)
    right = kops.cast(kops.equal(logits > 0, y > 0), "float32") * weight
    number = kops.sum(weight)
    return kops.sum(right) / kops.maximum(number, 1.0), number
