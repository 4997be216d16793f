"""The job that is disturbed: `mnist-transpose` on small digits, with a short classifier.

`Jobs` starts a process that imports everything once and then forks a process per job, so that a job
takes seconds.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import h5py

ROOT = Path(__file__).parents[2]
EPOCHS = 4
COMMAND = ("run", "mnist-transpose", "--dataset", "digits", "--batch-size", "479", "--verbose", "0")


@dataclasses.dataclass
class Job:
    """A running job: its process, and the process that forked it."""

    pid: int
    log: Path
    server: subprocess.Popen

    def wait(self) -> int:
        """Return the exit status when it ends; of a signal, its negative number."""
        return int(self.server.stdout.readline())  # type: ignore[union-attr]

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(self.pid, number)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def jobs(scratch: Path) -> Iterator["Jobs"]:
    """Start the process that forks jobs, and end it with the block."""
    environment = os.environ | {
        **{"KERAS_BACKEND": "torch", "KERAS_HOME": str(scratch / "keras"), "PYTHONPATH": str(ROOT)},
        **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    }
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.reliability.job"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=environment,
    ) as server:
        try:
            yield Jobs(server, scratch)
        finally:
            server.stdin.close()  # type: ignore[union-attr]


class Jobs:
    def __init__(self, server: subprocess.Popen, scratch: Path):
        self.server, self.scratch = server, scratch

    def start(self, folder: Path, tidy: bool = False) -> Job:
        """Start a job, or start it again.

        Args:
            folder: Folder of the run and its caches.
            tidy: Whether Python ends as usual, which takes two seconds, or at once.
        """
        folder.mkdir(parents=True, exist_ok=True)
        log = self.scratch / f"{folder.name}.log"
        job = json.dumps([str(folder), str(log), tidy])
        self.server.stdin.write(f"{job}\n")  # type: ignore[union-attr]
        self.server.stdin.flush()  # type: ignore[union-attr]
        pid = int(self.server.stdout.readline())  # type: ignore[union-attr]
        return Job(pid, log, self.server)

    def finish(self, folder: Path) -> None:
        """Run a job to its end."""
        job = self.start(folder)
        if status := job.wait():
            raise RuntimeError(f"The job failed with status {status}: {job.said()[-500:]}")


def files(folder: Path) -> dict[str, int]:
    """Return the files below a folder, and their sizes."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(FileNotFoundError):
                found[os.path.relpath(path, folder)] = os.stat(path).st_size
    return found


def weights(folder: Path) -> dict[str, bytes]:
    """Return all that the last state and the saved model hold, by name."""
    last = max((folder / "run" / "state").glob("epoch-*"))
    with zipfile.ZipFile(folder / "run" / "model.keras") as archive:
        model = archive.read("model.weights.h5")
    found = {}
    for of, content in (("state", last.read_bytes()), ("model", model)):
        with h5py.File(BytesIO(content)) as file:

            def add(name: str, node: h5py.HLObject, of: str = of) -> None:
                if isinstance(node, h5py.Dataset):
                    found[f"{of}/{name}"] = node[()].tobytes()

            file.visititems(add)
    return found


def import_everything() -> None:
    """Import what a job needs, so that it is not imported by each of them."""
    import keras
    import sklearn.decomposition  # noqa: F401

    from keras_latent import datasets, visualization
    from keras_latent.src.cli import registry

    registry.APPLICATIONS["mnist-transpose"].load()
    digits = datasets.load_arrays("digits")[1][0][:2]
    with tempfile.TemporaryDirectory() as folder:
        visualization.translation_grid({"": digits}, Path(folder) / "a.png")
        keras.Sequential([keras.Input((1,))]).save(Path(folder) / "a.keras")


def serve() -> None:
    from keras_latent.src.applications.settings import TRANSPOSE_DATASETS
    from keras_latent.src.cli import cli

    import_everything()
    short = TRANSPOSE_DATASETS["digits"]._replace(classifier_epochs=2)
    TRANSPOSE_DATASETS["digits"] = short
    for line in sys.stdin:
        folder, log, tidy = json.loads(line)
        pid = os.fork()
        if not pid:
            os.environ["KERAS_HOME"] = f"{folder}/keras"
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            out = ["--out", f"{folder}/run", "--epochs", str(EPOCHS)]
            status = cli.main([*COMMAND, *out])
            if tidy:
                sys.exit(status)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
