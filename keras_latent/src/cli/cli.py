"""The command `keras-latent`."""

import argparse
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from types import ModuleType

from keras_latent.src.applications.environment import describe_environment
from keras_latent.src.applications.run_directory import LENGTHS, LOCK, METRICS, RunDirectory
from keras_latent.src.cli.all_presets import PRESETS, trained_presets
from keras_latent.src.cli.parser import Parser
from keras_latent.src.cli.registry import APPLICATIONS
from keras_latent.src.utils.backend_choice import choose_backend
from keras_latent.version import __version__

# Read when PyTorch is imported, which nothing above does. OpenMP's threads otherwise wait busily
# for each other, and where another process wants a core too, most of the time goes into that.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# What does not change the run: where it lies, where the data lies, what it prints.
NOT_CONFIGURATION = ("command", "run_name", "out", "data_dir", "verbose", "overwrite")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with a sub-parser for each application."""
    parser = Parser(
        prog="keras-latent",
        description="Latent-space domain transfer: ready-built applications. They run on Keras's "
        "backend, or on an installed one where that is missing; KERAS_BACKEND=tensorflow, jax or "
        "torch chooses.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the applications and the presets")
    run = commands.add_parser("run", help="train, measure and draw one application")
    names = run.add_subparsers(dest="run_name", required=True, metavar="NAME")
    for application in APPLICATIONS.values():
        sub = names.add_parser(
            application.name, help=application.summary, description=application.summary
        )
        add_common_arguments(sub)
        application.options.add_arguments(sub)
    return parser


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that every application has."""
    parser.add_argument(
        "--out", help="folder of the run (default: in runs/, named by the application and options)"
    )
    parser.add_argument(
        "--data-dir", help="folder of the data (default: TFDS_DATA_DIR, or TFDS's own)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument(
        "--mixed-precision",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
        default="float32",
        help="Keras's dtype policy",
    )
    parser.add_argument(
        "--verbose",
        type=int,
        choices=(0, 1, 2),
        # A log file has no use for a bar that redraws itself.
        default=1 if sys.stdout.isatty() else 2,
        help="0: what is trained and the final figures, 1: progress bar, 2: a line for each epoch",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="delete the run that is in the folder, and start afresh (other files stay)",
    )


def list_everything() -> None:
    """Prints the applications and the presets."""
    print("Applications (keras-latent run NAME --help):")
    for application in APPLICATIONS.values():
        print(f"  {application.name:28} {application.summary}")
    print(
        "\nPresets (keras_latent.models.MODEL.from_preset(NAME); those without a * have no trained "
        "weights, and take load_weights=False):"
    )
    trained = trained_presets()
    for name, preset in PRESETS.items():
        mark = "*" if name in trained else " "
        print(f"{mark} {name:28} {preset.model}: {preset.description}")


def run(arguments: argparse.Namespace, argv: list[str]) -> dict:
    """Runs an application in its folder, or reports the run that is already there."""
    import keras

    application = APPLICATIONS[arguments.run_name].load()
    keras.config.set_dtype_policy(arguments.mixed_precision)
    configuration = {
        "application": arguments.run_name,
        **{k: v for k, v in sorted(vars(arguments).items()) if k not in NOT_CONFIGURATION},
        # A state that was saved on one backend does not continue on another.
        "backend": keras.backend.backend(),
    }
    opened = RunDirectory(
        arguments.out,
        configuration,
        overwrite=arguments.overwrite,
        prolong=lambda name, before: application.prolong(arguments, before),
    )
    with opened as directory:
        metrics = directory.metrics()
        if metrics is not None:
            print(f"{directory.path} is finished already; nothing was run.")
        else:
            metrics = train(application, arguments, argv, directory)
        application.report(metrics["figures"])
        print(f"Pictures, model and figures: {directory.path.resolve()}")
        for path in sorted(directory.path.iterdir()):
            if path.is_file() and path.name != LOCK:
                print(f"  {path.name}")
    return metrics


def train(
    application: ModuleType, arguments: argparse.Namespace, argv: list[str], directory: RunDirectory
) -> dict:
    """Runs an application to its end; returns the content of `metrics.json`."""
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
        # Of this start alone, where the run was resumed.
        "wall_seconds": round(time.perf_counter() - start, 1),
        "resumed": directory.resumed,
        # Not always what a run of so many epochs from the start measures.
        "prolonged_from": directory.prolonged_from,
        "figures": figures,
    }
    # Last of all: its presence says that the run is finished.
    directory.write_json(METRICS, metrics)
    return metrics


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = build_parser().parse_args(argv)
    if arguments.command == "list":
        list_everything()
        return 0
    try:
        APPLICATIONS[arguments.run_name].options.complete(arguments)
        choose_backend()
        run(arguments, argv)
    except (ValueError, ImportError, FileNotFoundError, RuntimeError) as error:
        # The messages of the library say what to do; a traceback would hide them.
        print(f"keras-latent: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        same = "the same command without --overwrite" if arguments.overwrite else "the same command"
        print(f"\nInterrupted; {same} goes on from the last epoch.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
