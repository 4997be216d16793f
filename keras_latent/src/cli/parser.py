"""A parser that takes no abbreviations, knows what was meant, and shows one default an option."""

import argparse
import re

from keras_latent.src.utils.did_you_mean import did_you_mean


class OneDefault(argparse.ArgumentDefaultsHelpFormatter):
    """Shows an option's default, unless there is none, or the help says it in its own words."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or "(default: " in action.help:
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` without abbreviations: `--epoch` is not `--epochs`."""

    def __init__(self, **options):
        super().__init__(formatter_class=OneDefault, allow_abbrev=False, **options)

    def parse_known_args(self, args=None, namespace=None):
        """Refuses what it does not know: the parser of an application knows its options best."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            first = unknown[0].partition("=")[0]
            self.error(
                f"unrecognized arguments: {' '.join(unknown)}."
                + did_you_mean(first, self._option_string_actions)
            )
        return namespace, unknown

    def error(self, message: str):
        """Ends with the usage, the message, and the choice that was probably meant."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)$", message)
        if wrong:
            choices = [choice.strip(" '\"") for choice in wrong[2].split(",")]
            message += "." + did_you_mean(wrong[1], choices)
        super().error(message)
