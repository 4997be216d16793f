"""Checks of numbers and choices for modules that do not yet use `keras_latent.src.utils.checks`."""

from collections.abc import Iterable
from typing import Any

from keras_latent.src.utils import checks


def check_choice(argument: str, value: Any, known: Iterable[str]) -> str:
    return checks.choice(argument, value, sorted(known))


def check_integer(argument: str, value: Any, at_least: int) -> int:
    return checks.integer(argument, value, at_least)
