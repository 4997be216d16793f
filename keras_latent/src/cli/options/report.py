"""The sub-command `report`."""

import argparse

from keras_latent.src.applications.own.report import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("run", metavar="RUN", help="folder of the run, finished or not")
    parser.add_argument("--out", metavar="FILE", help="page to write (default: RUN/report.html)")
    parser.set_defaults(overwrite=False)


def run(arguments: argparse.Namespace) -> None:
    """Writes the report."""
    print(f"Report: {write_report(arguments.run, arguments.out)}")
