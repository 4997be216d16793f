"""What models of images with attributes share: names, checks of labels, transfers."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops as kops

from keras_latent.src.export.export import Graph
from keras_latent.src.utils.did_you_mean import did_you_mean

#: One attribute, by name or number; several of them; or `None`, which is all.
Attributes = str | int | Sequence[str | int] | None


class AttributeModel:
    """Mixin of models whose rows have binary attributes: labels `(batch, attributes)`.

    A label is 1, 0, or -1 where it is missing.

    A subclass calls `set_attributes` in `__init__`, has the verb `decode`, and defines

    - `transferred(inputs, columns, strength)`: the tensor function of a transfer, for one
      symbolic batch, `(batch, len(columns), ...)`;
    - `transfer(x, attribute, strength)`: the verb.
    """

    #: Whether a transfer is told what is known of the attributes of the images.
    decodes_attributes = False

    def set_attributes(self, attributes: int | Sequence[str]) -> None:
        """Stores names, or makes them up for a number of attributes.

        Raises:
            ValueError: If there is none, or names repeat.
        """
        if isinstance(attributes, (int, np.integer)) and not isinstance(attributes, bool):
            attributes = [f"attribute_{i}" for i in range(attributes)]
        names = [] if isinstance(attributes, (bool, str)) else list(attributes)
        if not names or not all(isinstance(n, str) for n in names) or len({*names}) < len(names):
            raise ValueError(
                "`attributes` must be the number of attributes, 1 or more, or their names, each "
                f"once. Received: attributes={attributes!r}"
            )
        self.attribute_names = tuple(names)

    @property
    def num_attributes(self) -> int:
        """Number of attributes."""
        return len(self.attribute_names)

    def columns_of(self, attribute: Attributes) -> tuple[list[int], bool]:
        """Columns of the attributes that are meant, and whether it is a single one.

        Raises:
            ValueError: If there is no such attribute.
        """
        if attribute is None:
            return list(range(self.num_attributes)), False
        single = isinstance(attribute, (str, int, np.integer))
        columns = [self._column(a) for a in ([attribute] if single else attribute)]
        if not columns:
            raise ValueError("`attribute` must name one attribute or more. Received: none")
        return columns, single

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
    def strengths(strength, rows: int, columns: int) -> np.ndarray:
        """`strength` of each row and attribute, `(rows, columns)`, float32.

        Raises:
            ValueError: If it is neither a finite scalar, nor one number for each row, nor one
                for each row and attribute.
        """
        values = np.asarray(strength, dtype="float32")
        if values.shape == (rows,):
            values = values[:, None]
        if values.shape not in ((), (rows, 1), (rows, columns)) or not np.isfinite(values).all():
            raise ValueError(
                f"`strength` must be a finite number, or have shape ({rows},) or "
                f"({rows}, {columns}): one for each row, or each row and attribute. "
                f"Received: shape={values.shape}"
            )
        return np.broadcast_to(values, (rows, columns))

    def in_columns(self, images: np.ndarray, columns: int, single: bool) -> np.ndarray:
        """Images `(rows * columns, ...)` as `(rows, columns, ...)`, unless of a single one."""
        return images if single else images.reshape(-1, columns, *images.shape[1:])

    # Labels ------------------------------------------------------------------------------

    def unpack_attributes(self, data, rows: int | None):
        """The attributes of a batch, `(batch, attributes)`, int32."""
        y = keras.utils.unpack_x_y_sample_weight(data)[1]
        self.check_attribute_shape(y, rows)
        return kops.cast(kops.convert_to_tensor(y), "int32")

    def check_attribute_shape(self, y, rows: int | None = None) -> None:
        """Raises `ValueError` unless labels, of any backend, have a column for each attribute."""
        wanted = f"({rows or 'batch'}, {self.num_attributes})"
        if y is None or not hasattr(y, "shape"):
            hint = ". Pass `np.asarray(y)`." if isinstance(y, (list, tuple)) else ""
            raise ValueError(
                f"`{type(self).__name__}` needs attributes as `y`, integers of shape {wanted}: 1, "
                f"0, or -1 where one is missing. Received: {type(y).__name__}{hint}"
            )
        shape = tuple(y.shape)
        fits = len(shape) == 2 and shape[1] == self.num_attributes
        if not fits or (None not in (rows, shape[0]) and shape[0] != rows):
            hint = ""
            if len(shape) == 1 and self.num_attributes == 1:
                hint = ". Pass `y[:, None]`."
            elif len(shape) == 1:
                hint = (
                    f". Class numbers become {self.num_attributes} attributes, one a class, by "
                    f"`np.eye({self.num_attributes}, dtype='int32')[y]`."
                )
            elif len(shape) == 2 and shape[1] != self.num_attributes:
                hint = (
                    f". The model was made for the {self.num_attributes} attributes "
                    f"{list(self.attribute_names)}."
                )
            raise ValueError(
                f"`y` must have shape {wanted}, a column for each attribute. "
                f"Received: shape={shape}{hint}"
            )

    def check_targets(self, y, rows=None):
        """Raises `ValueError` where `y` cannot be trained on."""
        self.check_attribute_shape(y, rows)
        self.check_attribute_values(kops.convert_to_numpy(y) if kops.is_tensor(y) else y)

    @staticmethod
    def check_attribute_values(y) -> None:
        """Raises `ValueError` unless all labels are 1, 0 or -1, with some 0 beside the -1."""
        y = np.asarray(y)
        if y.dtype.kind not in "iufb":
            raise ValueError(
                "`y` must hold numbers: `y.astype('int32')`, with 1, 0, or -1 where an attribute "
                f"is missing. Received: dtype={y.dtype}"
            )
        if y.dtype.kind == "f" and np.isnan(y).any():
            raise ValueError(
                "`y` must be -1 where an attribute is missing: "
                "`np.where(np.isnan(y), -1, y).astype('int32')`. Received: NaN among its values"
            )
        found = np.unique(y)
        if not np.isin(found, (-1, 0, 1)).all():
            raise ValueError(
                "`y` must be 1 (the attribute is there), 0 (it is not) or -1 (missing). "
                f"Received: values from {found.min()} to {found.max()}"
            )
        if found.tolist() == [-1, 1]:
            raise ValueError(
                "`y` holds -1 and 1 but no 0. -1 means missing here, and 0 that an attribute is "
                "not there: `y = (y > 0).astype('int32')` for labels of -1 and 1."
            )

    # Transfers ---------------------------------------------------------------------------

    def transfer_function(self, attribute: Attributes = None, strength: float = 1.0, **options):
        """Transfers as one tensor function, for `metrics.ConditionalInceptionScore.measure`.

        It reads the model's networks when it is called; directions in latent space, and
        `strength`, are those of now. A `"strength"` in a dict of inputs, one for each row, goes
        before `strength`: so one compiled program serves many.

        Args:
            attribute: Of which a transfer is made; `None`: of each.
            strength: Scalar, as in `transfer`.
            **options: Others of `transfer`, such as `direction`.

        Returns:
            Function of a batch of inputs, images or a dict of these (`"x"`) and what else there
            is (`"y"`: attributes), which returns `(batch, attributes, ...)`.
        """
        columns, _ = self.columns_of(attribute)
        return lambda inputs: self.transferred(inputs, columns, strength, **options)

    def graph_of_transfer(
        self, attribute: Attributes = None, strength: float | None = 1.0
    ) -> Graph:
        """`transfer` for `export`; `strength=None`: one of each row, `(rows,)`, is an input."""
        return self.transfer_graph(attribute, strength)

    def transfer_graph(self, attribute, strength, together: bool = False, **options) -> Graph:
        """The same, with the options of a model's own `transferred`."""
        columns, single = self.columns_of(attribute)
        rest = {"attributes": (self.num_attributes,)} if self.decodes_attributes else {}
        options |= {"together": True} if together else {}
        if strength is None:
            rest["strength"] = ()
        else:
            strength = float(self.strengths(strength, 1, 1)[0, 0])

        def fn(x, *given):
            inputs = {"x": x, **dict(zip(rest, given, strict=True))}
            if strength is not None:
                # Symbolic, as if it were given: constants are to stay NumPy arrays.
                corner = x[(slice(None),) + (0,) * len(self.event_shape)]
                inputs["strength"] = kops.zeros_like(corner) + strength
            inputs["y"] = inputs.pop("attributes", None)
            images = self.transferred(inputs, columns, strength, **options)
            return images[:, 0] if single or together else images

        return Graph({"x": self.event_shape} | rest, fn)

    @staticmethod
    def inputs_of(inputs, strength):
        """Images of a tensor function's inputs, and a strength that fits `(batch, columns, 1)`."""
        if not isinstance(inputs, dict):
            return inputs, strength
        if "strength" in inputs:
            strength = kops.cast(inputs["strength"], "float32")[:, None, None]
        return inputs["x"], strength

    def get_config(self):
        config = super().get_config()
        config.update(attributes=list(self.attribute_names))
        return config


def known(y):
    """Whether each attribute is known, as 1.0 and 0.0."""
    return kops.cast(y >= 0, "float32")


def signed(y):
    """1.0 where an attribute is there, -1.0 where it is not, 0.0 where that is not known."""
    return known(y) * (2.0 * kops.cast(y, "float32") - 1.0)


def attribute_nll(logits, y):
    """`-log p(y|z)` of the known attributes of each row, `(batch,)`, in nats."""
    logits = kops.cast(logits, "float32")
    # -log Bern(y | sigmoid(l)) = softplus(l) - y l
    nll = kops.softplus(logits) - kops.cast(y, "float32") * logits
    return kops.sum(known(y) * nll, axis=-1)


def right_share(logits, y):
    """Share of the known attributes whose side of the boundary is right, and their number."""
    weight = known(y)
    right = kops.cast(kops.equal(logits > 0, y > 0), "float32") * weight
    number = kops.sum(weight)
    return kops.sum(right) / kops.maximum(number, 1.0), number
