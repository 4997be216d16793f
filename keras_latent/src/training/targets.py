"""What `y` must be, for models that take labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_latent.src.utils.types import Tensor

MISSING, LARGEST = -1, np.iinfo("int32").max


class Labels:
    """One class number per row, 0 or more, or -1 if it is missing."""

    def check(self, model: str, y: Any, rows: dict[str, int | None]) -> None:
        """Raises `ValueError` unless `y`, of any backend, is one integer per row."""
        (count,) = rows.values()
        if y is None:
            raise ValueError(
                f"`{model}` needs labels as `y`: `fit(images, labels)`, or a dataset of (images, "
                "labels), with -1 for a missing label. Received: y=None"
            )
        if not hasattr(y, "shape"):
            raise ValueError(
                f"`y` must be one array of labels. Received: {type(y).__name__}. Convert it with "
                "`np.asarray(y)`."
            )
        shape = tuple(y.shape)
        if len(shape) != 1 or (None not in (count, shape[0]) and shape[0] != count):
            hint = ""
            if len(shape) == 2:
                hint = (
                    " Pass `y[:, 0]`."
                    if shape[1] == 1
                    else " For one-hot rows, pass `y.argmax(-1)`."
                )
            raise ValueError(
                f"`y` must hold one label per row, shape ({count or 'batch'},). "
                f"Received: shape={shape}.{hint}"
            )
        dtype = str(getattr(y.dtype, "name", y.dtype))
        if "int" not in dtype:
            raise ValueError(
                f"`y` must hold integers: `y.astype('int32')`. Received: dtype={dtype}"
            )

    def check_values(self, y: Any) -> None:
        """Raises `ValueError` unless all labels are -1 or more and fit into 32 bits."""
        y = np.asarray(y)
        low, high = (int(y.min()), int(y.max())) if y.size else (0, 0)
        if low < MISSING or high > LARGEST:
            raise ValueError(
                "`y` must be 0 or more, or -1 for a missing label, and fit into 32 bits. "
                f"Received: labels from {low} to {high}"
            )

    def to_tensor(self, y: Any) -> Tensor:
        """Labels `(batch,)`, int32."""
        return ops.cast(ops.convert_to_tensor(y), "int32")


class AttributeLabels:
    """A row of attributes: each is 1 (present), 0 (absent) or -1 (missing).

    Args:
        names: Names of the attributes.
        argument: What messages call the labels.
    """

    def __init__(self, names: Sequence[str], argument: str = "y"):
        self.names = list(names)
        self.argument = argument

    def check(self, model: str, y: Any, rows: dict[str, int | None]) -> None:
        """Raises `ValueError` unless `y`, of any backend, has one column per attribute."""
        count = next(iter(rows.values()))
        number = len(self.names)
        wanted = f"({count or 'batch'}, {number})"
        if y is None or not hasattr(y, "shape"):
            hint = ". Pass `np.asarray(y)`." if isinstance(y, (list, tuple)) else ""
            raise ValueError(
                f"`{model}` needs attributes as `{self.argument}`, integers of shape {wanted}: "
                f"1 (present), 0 (absent) or -1 (missing). Received: {type(y).__name__}{hint}"
            )
        shape = tuple(y.shape)
        fits = len(shape) == 2 and shape[1] == number
        if fits and (None in (count, shape[0]) or shape[0] == count):
            self._check_dtype(y)
            return
        hint = ""
        if len(shape) == 1 and number == 1:
            hint = ". Pass `y[:, None]`."
        elif len(shape) == 1:
            hint = (
                f". To turn class numbers into {number} attributes, one per class: "
                f"`np.eye({number}, dtype='int32')[y]`."
            )
        elif len(shape) == 2 and shape[1] != number:
            hint = f". The model was made for the {number} attributes {self.names}."
        raise ValueError(
            f"`{self.argument}` must have shape {wanted}, one column per attribute. "
            f"Received: shape={shape}{hint}"
        )

    def _check_dtype(self, y):
        dtype = str(getattr(y.dtype, "name", y.dtype))
        if not any(kind in dtype for kind in ("int", "float", "bool")):
            raise ValueError(
                f"`{self.argument}` must hold numbers: `y.astype('int32')`, with 1 (present), "
                f"0 (absent) or -1 (missing). Received: dtype={dtype}"
            )

    def check_values(self, y: Any) -> None:
        """Raises `ValueError` unless all labels are 1, 0 or -1, not only 1 and -1."""
        y = np.asarray(y)
        if y.dtype.kind == "f" and np.isnan(y).any():
            raise ValueError(
                f"`{self.argument}` must be -1 for a missing attribute: "
                "`np.where(np.isnan(y), -1, y).astype('int32')`. Received: NaN among its values"
            )
        found = np.unique(y)
        if not np.isin(found, (-1, 0, 1)).all():
            raise ValueError(
                f"`{self.argument}` must be 1 (present), 0 (absent) or -1 (missing). "
                f"Received: values from {found.min()} to {found.max()}"
            )
        if found.tolist() == [-1, 1]:
            raise ValueError(
                f"`{self.argument}` holds -1 and 1 but no 0. Here, -1 means missing and 0 means "
                "absent. For labels of -1 and 1: `y = (y > 0).astype('int32')`."
            )

    def to_tensor(self, y: Any) -> Tensor:
        """Attributes `(batch, attributes)`, int32."""
        return ops.cast(ops.convert_to_tensor(y), "int32")
