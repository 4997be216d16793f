"""Cards: how the trained weights of a built-in preset were made, and what they reach."""

import json
from pathlib import Path
from typing import Any

from keras_latent.src.presets.registry import CARD, WEIGHTS

#: The types of the fields. None of them may be empty.
FIELDS = {
    "preset": str,
    "model": str,
    "task": str,
    "data": dict,
    "configuration": dict,
    "figures": dict,
    "figures_float32": dict,
    "parameters": int,
    "sha256": dict,
    "command": str,
    "date": str,
    "environment": dict,
}
#: What the dicts must have.
STRINGS = {"data": ("name", "licence"), "sha256": (WEIGHTS,), "environment": ("backend", "keras")}


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the preset in a folder of the preset's name.

    Raises:
        ValueError: If it is missing or damaged, lacks a field, or belongs to another preset.
    """
    path = folder / CARD
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is missing, or is damaged ({error}).") from error
    _check(path, card)
    if card["preset"] != folder.name:
        raise ValueError(
            f"{path} must be the card of {folder.name!r}. Received: that of {card['preset']!r}"
        )
    return card


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write a card for `read_card`.

    Raises:
        ValueError: If it lacks a field.
    """
    _check(folder / CARD, card)
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n")


def _check(path: Path, card: Any) -> None:
    if not isinstance(card, dict) or set(card) != set(FIELDS):
        received = sorted(card) if isinstance(card, dict) else type(card).__name__
        raise ValueError(f"{path} must have the fields {sorted(FIELDS)}. Received: {received}")
    for field, kind in FIELDS.items():
        if type(card[field]) is not kind or not card[field]:
            what = {dict: "a dict", int: "an int", str: "a str"}[kind]
            raise ValueError(f"{path} must have {what} as {field!r}. Received: {card[field]!r}")
    for field, strings in STRINGS.items():
        if not all(isinstance(card[field].get(key), str) for key in strings):
            raise ValueError(
                f"{path} must have strings {list(strings)} in {field!r}. Received: {card[field]!r}"
            )
