"""The command `keras-latent`."""

import argparse
import errno
import os
import platform
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
from keras_latent.src.cli.options import compare as compare_options
from keras_latent.src.cli.options import report as report_options
from keras_latent.src.cli.options import translate as translate_options
from keras_latent.src.cli.parser import Parser
from keras_latent.src.cli.registry import APPLICATIONS, TRAIN, Application
from keras_latent.src.utils.backend_choice import choose_backend, is_command
from keras_latent.src.utils.files import cache_folder
from keras_latent.version import __version__

# PyTorch reads this when it is imported, which nothing above does. By default, OpenMP threads spin
# while they wait, which is very slow when another process needs a core too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

FULL = "Free some space, then run {again}."
READ_ONLY = "Make it writable (data: readable), then run {again}, or choose another folder."
#: What to do about errors of the system.
ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), READ_ONLY),
}

# Options that do not change the result of a run.
NOT_CONFIGURATION = ("command", "run_name", "out", "data_dir", "verbose", "overwrite")

OWN = (
    "Train a method on your own images: two folders of photos, sketches, ... for a translator "
    "between them, or one folder. Images of any size, gray or color, are cut to a square. If it is "
    "interrupted, the same command resumes it."
)
COMPARISON = (
    "Train several methods on the same images, one after the other, each for the same number of "
    "steps or minutes, and write a table and a picture of how well they translate test images. If "
    "it is interrupted, the same command resumes it."
)
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
        description="Latent-space domain transfer: train on your own images, translate images with "
        "a trained model, or run a complete application. Set KERAS_BACKEND "
        "to tensorflow, jax or torch to choose the backend. The default is Keras's backend, or an "
        "installed one if that is not installed.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the applications and the presets")
    own = commands.add_parser("train", help=TRAIN.summary, description=OWN)
    own.set_defaults(run_name=TRAIN.name)
    add_common_arguments(own)
    TRAIN.options.add_arguments(own)
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
        add_data_dir(sub)
        application.options.add_arguments(sub)
    several = "train several methods alike on two domains, and measure them alike"
    compare = commands.add_parser("compare", help=several, description=COMPARISON)
    add_common_arguments(compare)
    add_data_dir(compare)
    compare_options.add_arguments(compare)
    translate = commands.add_parser("translate", help="translate your images with a trained model")
    translate_options.add_arguments(translate)
    page = "write one HTML page about a run: options, curves, figures, pictures"
    report_options.add_arguments(commands.add_parser("report", help=page, description=page))
    return parser


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every application."""
    parser.add_argument(
        "--out", help="folder for the results (default: a folder in runs/, named after the options)"
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
        default=1,
        help="0: only the start and the final figures; 1 or 2: step, losses and time left, in one "
        "line on a terminal, elsewhere in a line every 10 seconds",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="delete the run in the folder and start again (other files are kept)",
    )


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Where ready-built data is."""
    parser.add_argument(
        "--data-dir",
        help="folder with the data (default: TFDS_DATA_DIR, or the default of TensorFlow Datasets)",
    )


def application_of(name: str) -> Application:
    """The application that a command runs."""
    return TRAIN if name == TRAIN.name else APPLICATIONS[name]


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

    application = application_of(arguments.run_name).load()
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


def run_application(arguments: argparse.Namespace, argv: list[str]) -> int:
    """`keras-latent run` and `train`; returns the exit status."""
    application_of(arguments.run_name).options.complete(arguments)
    choose_backend()
    run(arguments, argv)
    return 0


def translate(arguments: argparse.Namespace, argv: list[str]) -> int:
    """`keras-latent translate`; returns the exit status."""
    translate_options.complete(arguments)
    choose_backend()
    from keras_latent.src.applications.own import translate as application

    return application.run(arguments)


def compare(arguments: argparse.Namespace, argv: list[str]) -> int:
    """`keras-latent compare`; returns the exit status."""
    compare_options.complete(arguments)
    choose_backend()
    from keras_latent.src.applications.comparing import command

    command.run(arguments)
    return 0


def report(arguments: argparse.Namespace, argv: list[str]) -> int:
    """`keras-latent report`; returns the exit status."""
    report_options.run(arguments)
    return 0


#: The commands that compute; each takes the parsed options and the words of the command line.
COMMANDS = {
    "train": run_application,
    "run": run_application,
    "compare": compare,
    "translate": translate,
    "report": report,
}


def keep_compiled_programs() -> None:
    """Lets JAX, which is not imported yet, keep compiled programs in the library's cache.

    It compiles a program for each shape of weights, which may take longer than to use the model.
    `JAX_COMPILATION_CACHE_DIR` names another folder. Machines that share a home folder may have
    other instructions, so each has its own.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache_folder() / "jax" / platform.node())
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def again(arguments: argparse.Namespace) -> str:
    """What to do after an interruption: `--overwrite` would delete the run."""
    if not arguments.overwrite:
        return "the same command again to resume"
    if arguments.command == "translate":  # skips files that exist, also the old ones
        return "the same command again"
    return "the same command again without --overwrite to resume"


def main(argv: list[str] | None = None) -> int:
    """The entry point; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = build_parser().parse_args(argv)
    if arguments.command == "list":
        list_everything()
        return 0
    if is_command():
        keep_compiled_programs()
    try:
        return COMMANDS[arguments.command](arguments, argv)
    except (ValueError, ImportError, FileNotFoundError, RuntimeError) as error:
        # The library's messages say what to do. A traceback would hide them.
        print(f"keras-latent: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in ADVICE:
            raise
        path = error.filename or arguments.out
        advice = ADVICE[error.errno].format(again=again(arguments))
        print(
            f"keras-latent: {os.strerror(error.errno)}: {str(path)!r}. {advice}",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"\nInterrupted. Run {again(arguments)}.", file=sys.stderr)
        return 130
    return 0
