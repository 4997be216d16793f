"""The command `keras-latent`."""

import argparse
import errno
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from keras_latent.src.applications.running.environment import describe_environment
from keras_latent.src.applications.running.run_directory import (
    LENGTHS,
    LOCK,
    METRICS,
    RunDirectory,
)
from keras_latent.src.cli.all_presets import PRESETS, trained_presets
from keras_latent.src.cli.options import report
from keras_latent.src.cli.parser import Parser
from keras_latent.src.cli.registry import APPLICATIONS
from keras_latent.src.utils.backend_choice import choose_backend
from keras_latent.version import __version__

# PyTorch reads this when it is imported, which nothing above does. By default, OpenMP threads spin
# while they wait, which is very slow when another process needs a core too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

AGAIN = "then run the same command again to resume"
FULL = f"Free some space, {AGAIN}."
AGAIN_WITHOUT = "the same command without --overwrite"
READ_ONLY = f"Make it writable (data: readable), {AGAIN}, or choose another folder."
#: What to do about errors of the system.
ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), READ_ONLY),
}

# Options that do not change the result of a run.
NOT_CONFIGURATION = ("command", "run_name", "out", "data_dir", "verbose", "overwrite")

FIGURES = (
    "In the printed figures, an accuracy compares with the labels of the test data; 'class kept' "
    "compares with what the classifier sees in the output of the frozen base model; a spread is "
    "the variance within a class as a share of that of real data: 1 if results are as varied, near "
    "0 if they have collapsed."
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with a sub-parser for each application."""
    parser = Parser(
        prog="keras-latent",
        description="Latent-space domain transfer: run a complete application. Set KERAS_BACKEND "
        "to tensorflow, jax or torch to choose the backend. The default is Keras's backend, or an "
        "installed one if that is not installed.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the applications and the presets")
    run = commands.add_parser("run", help="train and evaluate one application, and draw results")
    names = run.add_subparsers(dest="run_name", required=True, metavar="NAME")
    for application in APPLICATIONS.values():
        sub = names.add_parser(
            application.name,
            help=application.summary,
            description=application.summary,
            epilog=FIGURES,
        )
        add_common_arguments(sub)
        application.options.add_arguments(sub)
    page = "write one HTML page about a run: options, curves, figures, pictures"
    report.add_arguments(commands.add_parser("report", help=page, description=page))
    return parser


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every application."""
    parser.add_argument(
        "--out", help="folder for the results (default: a folder in runs/, named after the options)"
    )
    parser.add_argument(
        "--data-dir",
        help="folder with the data (default: TFDS_DATA_DIR, or the default of TensorFlow Datasets)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
    parser.add_argument(
        "--mixed-precision",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
        default="float32",
        help="dtype policy of Keras",
    )
    parser.add_argument(
        "--verbose",
        type=int,
        choices=(0, 1, 2),
        default=1 if sys.stdout.isatty() else 2,
        help="0: only the start and the final figures; 1: a progress bar; 2: one line per epoch",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="delete the run in the folder and start again (other files are kept)",
    )


def list_everything() -> None:
    """Prints the applications and the presets."""
    print("Applications (keras-latent run NAME --help):")
    for application in APPLICATIONS.values():
        print(f"  {application.name:28} {application.summary}")
    print(
        "\nPresets (keras_latent.models.MODEL.from_preset(NAME)). Those with a * have trained "
        "weights; load the others with load_weights=False:"
    )
    trained = trained_presets()
    for name, preset in PRESETS.items():
        mark = "*" if name in trained else " "
        print(f"{mark} {name:28} {preset.model}: {preset.description}")


def run(arguments: argparse.Namespace, argv: list[str]) -> dict[str, Any]:
    """Runs an application in its folder, or reports the finished run in the folder."""
    import keras

    from keras_latent.src import backend

    application = APPLICATIONS[arguments.run_name].load()
    keras.config.set_dtype_policy(arguments.mixed_precision)
    configuration = {
        "application": arguments.run_name,
        **{k: v for k, v in sorted(vars(arguments).items()) if k not in NOT_CONFIGURATION},
        # A state saved on one backend cannot be resumed on another.
        "backend": backend.NAME,
    }
    with RunDirectory(
        arguments.out,
        configuration,
        overwrite=arguments.overwrite,
        extend=lambda name, before: application.extend(arguments, before),
    ) as directory:
        metrics = directory.metrics()
        if metrics is not None:
            print(f"The run in {directory.path} is already finished. Nothing was run.")
        else:
            metrics = train(application, arguments, argv, directory)
        application.report(metrics["figures"])
        print(f"Results: {directory.path.resolve()}")
        for path in sorted(directory.path.iterdir()):
            if path.is_file() and path.name != LOCK:
                print(f"  {path.name}")
    return metrics


def train(
    application: ModuleType, arguments: argparse.Namespace, argv: list[str], directory: RunDirectory
) -> dict[str, Any]:
    """Runs an application to its end, and returns the content of `metrics.json`."""
    length = next(n for n in LENGTHS if n in directory.configuration)
    print(
        f"{arguments.run_name}: training for {directory.configuration[length]} {length} on "
        f"{directory.configuration['backend']}, in {directory.path}",
        flush=True,
    )
    start = time.perf_counter()
    figures = application.run(arguments, directory)
    metrics = {
        "command": "keras-latent " + shlex.join(argv),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "configuration": directory.configuration,
        "seed": arguments.seed,
        "environment": describe_environment(),
        # If the run was resumed, only the time since then.
        "wall_seconds": round(time.perf_counter() - start, 1),
        "resumed": directory.resumed,
        # If the learning rate decays, figures differ from those of a run from the start.
        "prolonged_from": directory.prolonged_from,
        "figures": figures,
    }
    # Last, since this file marks the run as finished.
    directory.write_json(METRICS, metrics)
    return metrics


def main(argv: list[str] | None = None) -> int:
    """The entry point; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = build_parser().parse_args(argv)
    if arguments.command == "list":
        list_everything()
        return 0
    try:
        if arguments.command == "report":
            report.run(arguments)
            return 0
        APPLICATIONS[arguments.run_name].options.complete(arguments)
        choose_backend()
        run(arguments, argv)
    except (ValueError, ImportError, FileNotFoundError, RuntimeError) as error:
        # The library's messages say what to do. A traceback would hide them.
        print(f"keras-latent: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in ADVICE:
            raise
        path = error.filename or arguments.out
        advice = ADVICE[error.errno]
        if arguments.overwrite:  # which would delete the run
            advice = advice.replace("the same command again", f"{AGAIN_WITHOUT} again")
        print(
            f"keras-latent: {os.strerror(error.errno)}: {str(path)!r}. {advice}",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        how = " without --overwrite" if arguments.overwrite else ""
        print(f"\nInterrupted. Run the same command again{how} to resume.", file=sys.stderr)
        return 130
    return 0
