"""Check of integers for callbacks that do not yet use `keras_latent.src.utils.checks`."""

from typing import Any

from keras_latent.src.utils import checks


def check_integer(argument: str, value: Any, at_least: int) -> int:
    """An integer of `at_least` or more."""
    try:
        return checks.integer(argument, value, at_least)
    except ValueError:
        raise ValueError(
            f"`{argument}` must be an integer of {at_least} or more. "
            f"Received: {argument}={value!r}."
        ) from None
