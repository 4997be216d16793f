"""What is probably meant by a name that is not known."""

import difflib
from collections.abc import Iterable


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` of the nearest name, to end a message with; nothing if none is near."""
    near = difflib.get_close_matches(value, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
