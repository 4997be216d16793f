"""An argument parser without abbreviations that suggests corrections and shows defaults."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from keras_latent.src.utils.did_you_mean import did_you_mean


class DefaultsFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows an option's default, unless it has none or the help text mentions it."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        if action.default is None or action.default is False or "(default: " in text:
            return text
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` without abbreviations: `--epoch` is not `--epochs`."""

    def __init__(self, **options: Any):
        super().__init__(formatter_class=DefaultsFormatter, allow_abbrev=False, **options)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuses unknown options in the parser of the application, which knows similar ones."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            first = unknown[0].partition("=")[0]
            self.error(
                f"unrecognized arguments: {' '.join(unknown)}."
                + did_you_mean(first, self._option_string_actions)
            )
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        """Exits with the usage, the message, and a suggestion for a misspelled choice."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)$", message)
        if wrong:
            choices = [choice.strip(" '\"") for choice in wrong[2].split(",")]
            message += "." + did_you_mean(wrong[1], choices)
        super().error(message)
