"""Names for annotations."""

from typing import Any, TypeAlias

#: A tensor of the running backend, in the middle of a computation.
Tensor: TypeAlias = Any
#: Rows that NumPy or the backend reads as one array: an array, a tensor, nested lists.
Rows: TypeAlias = Any
