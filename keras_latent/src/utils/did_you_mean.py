"""Suggestions for misspelled names."""

import difflib
from collections.abc import Iterable


def did_you_mean(value: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` with the closest name, to end a message with; empty if none is close."""
    near = difflib.get_close_matches(value, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
