"""The folder of a run: locked, extended, started again. Nothing is trained here."""

import argparse
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_latent.src.applications.running import run_directory, training
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.cli import cli, registry
from keras_latent.src.utils import locks

RUN = {"application": "a", "epochs": 2, "seed": 0}


def contents(folder):
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in files]


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def finished(folder, **changes):
    """The folder of a finished run."""
    with RunDirectory(folder, RUN | changes) as directory:
        directory.write_json("metrics.json", {})
        write(folder, "history.csv", "model.keras", "state/epoch-00002.weights.h5")


def extended(folder, remark="", **changes):
    return RunDirectory(folder, RUN | changes, extend=lambda name, before: remark)


# Locks ---------------------------------------------------------------------------------------

HOLDER = f"""
import runpy, sys
with runpy.run_path({locks.__file__!r})["locked"](sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused(tmp_path, capsys):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(out / run_directory.LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        assert cli.main(["run", "bridging-synthetic", "--out", str(out)]) == 2
        said = capsys.readouterr().err
        assert f"Another process ({process.pid}) is using {str(out)!r}" in said
        assert "choose another `--out`" in said
        assert contents(out) == [".lock"]
    finally:
        process.kill()  # as a crash would
        process.communicate()
    with RunDirectory(out, RUN):
        pass
    assert contents(out) == ["run.json"]


def test_the_lock_is_released_with_the_run(tmp_path):
    with (
        RunDirectory(tmp_path, RUN),
        pytest.raises(RuntimeError, match=str(os.getpid())),
    ):
        RunDirectory(tmp_path, RUN)
    with pytest.raises(ValueError, match="another run"):
        RunDirectory(write_and_return(tmp_path, "history.csv"), RUN | {"seed": 1})
    with RunDirectory(tmp_path, RUN) as directory:
        assert directory.resumed


def write_and_return(folder, *names):
    write(folder, *names)
    return folder


def test_a_run_in_a_read_only_folder_is_reported(tmp_path, monkeypatch):
    finished(tmp_path)
    monkeypatch.setattr(run_directory.os, "access", lambda *args: False)
    monkeypatch.setattr(run_directory, "locked", None)
    assert RunDirectory(tmp_path, RUN).metrics() == {}


def test_an_unfinished_run_in_a_read_only_folder_is_refused(tmp_path, monkeypatch):
    """Even if it is root who runs it: before training, not at the first file."""
    finished(tmp_path)
    (tmp_path / "metrics.json").unlink()

    def locked(path):
        raise OSError(errno.EROFS, "Read-only file system", path)

    monkeypatch.setattr(run_directory.os, "access", lambda *args: False)
    monkeypatch.setattr(run_directory, "locked", locked)
    with pytest.raises(OSError, match="Read-only"):
        RunDirectory(tmp_path, RUN)


# Extending -----------------------------------------------------------------------------------


def test_extending(tmp_path, capsys):
    finished(tmp_path)
    with extended(tmp_path, "So and so.", epochs=5) as directory:
        assert directory.resumed and directory.metrics() is None
        assert directory.prolonged_from == [2]
    assert "from 2 to 5 epochs. So and so." in capsys.readouterr().out
    assert "model.keras" in contents(tmp_path)  # until there is a new one
    # If killed there, the same command resumes, and still knows the earlier length.
    with extended(tmp_path, epochs=5) as directory:
        assert directory.prolonged_from == [2] and capsys.readouterr().out == ""
        assert directory.configuration == RUN | {"epochs": 5}
    with extended(tmp_path, epochs=6) as directory:
        assert directory.prolonged_from == [2, 5]
    assert json.loads((tmp_path / "run.json").read_text())["prolonged_from"] == [2, 5]


def test_an_unfinished_run_is_extended_too(tmp_path):
    finished(tmp_path)
    (tmp_path / "metrics.json").unlink()
    with extended(tmp_path, epochs=3) as directory:
        assert directory.prolonged_from == [2]
    # If nothing was trained yet, it is just that run.
    (tmp_path / "state" / "epoch-00002.weights.h5").unlink()
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    with extended(tmp_path, epochs=3) as directory:
        assert directory.prolonged_from == []


@pytest.mark.parametrize("changes", [{"epochs": 1}, {"epochs": 3, "seed": 1}, {"seed": 3}])
def test_nothing_else_is_extended(tmp_path, changes):
    finished(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"another run, which is not over.*`--overwrite`.* there"):
        extended(tmp_path, **changes)
    assert contents(tmp_path) == before


def test_the_state_is_needed(tmp_path):
    finished(tmp_path)
    (tmp_path / "state" / "epoch-00002.weights.h5").unlink()
    with pytest.raises(ValueError, match=r"cannot be extended, because the state .* `--overwrite`"):
        extended(tmp_path, epochs=3)
    assert (tmp_path / "metrics.json").exists()


def arguments(name, *options):
    parser = argparse.ArgumentParser()
    cli.add_common_arguments(parser)
    application = registry.APPLICATIONS[name]
    application.options.add_arguments(parser)
    found = parser.parse_args(options)
    found.run_name = name
    application.options.complete(found)
    return application.load(), found


@pytest.mark.parametrize(
    ("name", "options", "equal"),
    [
        ("mnist-transpose", [], True),
        ("celeba-men-women", ["--preset", "paper"], True),
        ("celeba-men-women", [], False),
        ("celeba-attributes", [], False),
        ("mnist-usps", ["--preset", "paper"], True),
        ("mnist-usps", [], False),
        ("mnist-mnist", ["--preset", "paper"], True),
        ("mnist-fashion", [], False),
        ("mnist-spoken-digit", [], False),
    ],
)
def test_applications_say_how_extending_changes_the_result(name, options, equal):
    application, found = arguments(name, *options)
    said = training.SAME_AS_LONGER_RUN if equal else training.NEW_SCHEDULE
    assert application.extend(found, 1000) == said


def test_what_cannot_be_extended():
    application, found = arguments("bridging-synthetic")
    with pytest.raises(ValueError, match="saves no state.* 10 steps.*--steps=3000.*--over"):
        application.extend(found, 10)
    application, found = arguments("mnist-mnist", "--steps", "900")
    with pytest.raises(ValueError, match="saved every 300 steps, .* 900 is saved every 500"):
        application.extend(found, 300)


# Partial files ------------------------------------------------------------------------------

#: What killed processes leave, some of them of earlier versions.
PARTIAL = [
    ".model.0123abcd.keras",
    ".samples.89abcdef.png",
    "state/.epoch-00003.0123abcd.weights.h5",
    "vae/.history.0123abcd.csv",
    "epochs/partial.weights.h5",
    "state/partial.weights.h5",
]


def test_the_next_start_deletes_partial_files(tmp_path):
    finished(tmp_path)
    foreign = [".mine.0123abcd.keras", ".samples.new.png", "mine/.samples.0123abcd.png"]
    write(tmp_path, *foreign)
    before = contents(tmp_path)
    write(tmp_path, *PARTIAL)
    with RunDirectory(tmp_path, RUN):
        assert contents(tmp_path) == sorted([".lock", *before])


def test_a_run_killed_while_it_wrote_its_first_file(tmp_path):
    write(tmp_path, ".run.0123abcd.json")
    with RunDirectory(tmp_path, RUN) as directory:
        assert not directory.resumed
    assert contents(tmp_path) == ["run.json"]


# Overwriting ---------------------------------------------------------------------------------


def test_overwriting(tmp_path, capsys):
    finished(tmp_path)
    foreign = ["notes.txt", "state/mine.h5", "source_to_target/x.png", "grids/a/epoch_0001.png"]
    made = ["vae/history.csv", "vae/state/epoch-00001.weights.h5", "grids/epoch_0001.png"]
    write(tmp_path, *foreign, *made, *PARTIAL)
    with RunDirectory(tmp_path, RUN | {"seed": 7}, overwrite=True) as directory:
        assert not directory.resumed
        assert contents(tmp_path) == sorted([*foreign, ".lock", "run.json"])
    assert not (tmp_path / "vae").exists() and not (tmp_path / "epochs").exists()
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 7
    said = capsys.readouterr().out
    assert "not being files of a run: grids, notes.txt, source_to_target, state" in said


def test_only_runs_are_overwritten(tmp_path):
    write(tmp_path, "model.keras", "history.csv")
    with pytest.raises(ValueError, match="does not hold a run of keras-latent"):
        RunDirectory(tmp_path, RUN, overwrite=True)
    assert contents(tmp_path) == ["history.csv", "model.keras"]
    with RunDirectory(tmp_path / "new", RUN, overwrite=True) as directory:
        assert not directory.resumed


def test_a_run_resumes_beside_foreign_files_after_overwriting(tmp_path):
    """The same command without `--overwrite` must find its run again."""
    finished(tmp_path)
    write(tmp_path, "notes.txt")
    with RunDirectory(tmp_path, RUN, overwrite=True):
        pass
    with RunDirectory(tmp_path, RUN) as directory:
        assert directory.configuration == RUN


# The command ---------------------------------------------------------------------------------


@pytest.fixture
def synthetic(monkeypatch):
    """Replaces `bridging-synthetic` by writing a file, or by an interruption."""
    application = registry.APPLICATIONS["bridging-synthetic"].load()
    state = argparse.Namespace(interrupt=False, runs=0)

    def run(arguments, directory):
        state.runs += 1
        if state.interrupt:
            raise KeyboardInterrupt
        (directory / "figure_2.png").write_text(str(arguments.steps))
        return {"transfer_accuracy": {"VAE": {"source_to_target": 0.5}}}

    monkeypatch.setattr(application, "run", run)
    return state


def command(out, *options):
    return cli.main(["run", "bridging-synthetic", "--out", str(out), "--steps", "9", *options])


def test_the_command_overwrites(synthetic, tmp_path, capsys):
    assert command(tmp_path) == 0
    said = capsys.readouterr().out
    assert said.startswith("bridging-synthetic: training for 9 steps on ") and str(tmp_path) in said
    assert "VAE: source to target 0.500" in said and ".lock" not in said
    assert command(tmp_path) == 0 and synthetic.runs == 1
    assert "is already finished. Nothing was run." in capsys.readouterr().out
    assert command(tmp_path, "--overwrite", "--steps", "8") == 0 and synthetic.runs == 2
    assert (tmp_path / "figure_2.png").read_text() == "8"
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert not metrics["resumed"] and metrics["prolonged_from"] == []
    assert "overwrite" not in metrics["configuration"]
    assert contents(tmp_path) == ["figure_2.png", "metrics.json", "run.json"]
    # Fewer steps, and more steps for an application that saves no state.
    assert command(tmp_path, "--steps", "7") == 2
    assert "add `--overwrite`" in capsys.readouterr().err
    assert command(tmp_path, "--steps", "10") == 2
    assert "saves no state" in capsys.readouterr().err
    assert synthetic.runs == 2


@pytest.mark.parametrize(
    ("number", "path", "message"),
    [
        (errno.ENOSPC, None, "No space left on device: 'OUT'. Free some space, then run the same"),
        (errno.ENOSPC, "x.png", "No space left on device: 'x.png'. Free some space, then run"),
        (
            errno.EROFS,
            "x.png",
            "Read-only file system: 'x.png'. Make it writable (data: readable), then",
        ),
    ],
)
def test_what_to_do_if_files_cannot_be_written(
    synthetic, tmp_path, capsys, monkeypatch, number, path, message
):
    def run(arguments, directory):
        raise OSError(number, "a long message of a library", path)

    application = registry.APPLICATIONS["bridging-synthetic"].load()
    monkeypatch.setattr(application, "run", run)
    assert command(tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("keras-latent: " + message.replace("OUT", str(tmp_path)))
    command(tmp_path, "--overwrite")
    assert "run the same command again without --overwrite to resume" in capsys.readouterr().err


def test_other_errors_of_the_system_are_not_explained(synthetic, tmp_path, monkeypatch):
    def run(arguments, directory):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(registry.APPLICATIONS["bridging-synthetic"].load(), "run", run)
    with pytest.raises(OSError, match="Input/output"):
        command(tmp_path)


def test_the_message_of_an_interrupted_run(synthetic, tmp_path, capsys):
    synthetic.interrupt = True
    assert command(tmp_path) == 130
    assert "Interrupted. Run the same command again to resume." in capsys.readouterr().err
    assert command(tmp_path, "--overwrite") == 130
    assert (
        "Interrupted. Run the same command again without --overwrite to resume."
        in capsys.readouterr().err
    )
