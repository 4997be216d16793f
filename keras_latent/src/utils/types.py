"""Type aliases for annotations."""

from typing import Any, TypeAlias

#: A tensor of the current backend.
Tensor: TypeAlias = Any
#: Anything that converts to an array with a batch axis: an array, a tensor, nested lists.
Rows: TypeAlias = Any
