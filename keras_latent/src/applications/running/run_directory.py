"""The folder of one run: which run it belongs to, whether it is finished, and its files."""

import contextlib
import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_latent.src.utils.files import partial_files, replaced_when_complete
from keras_latent.src.utils.locks import LockHeld, locked

CONFIGURATION, METRICS, LOG, LOCK = "run.json", "metrics.json", "history.csv", ".lock"
REPORT = "report.html"
#: How many images a training on your own started with, and a hash of their names.
IMAGES = "images.json"
#: The options that set the length of a run: a larger value extends it.
LENGTHS = ("epochs", "steps", "minutes")
_STATES = "state/epoch-[0-9]*.weights.h5"
#: Partial files of earlier versions of this package.
_EARLIER = [f"{folder}/partial.weights.h5" for folder in ("state", "vae/state", "epochs")]
#: Every file that an application writes: what `overwrite` deletes.
MADE = (
    CONFIGURATION,
    METRICS,
    LOCK,
    REPORT,
    IMAGES,
    *(
        f"{folder}{name}"
        for folder in ("", "vae/", "vae_source/", "vae_target/")
        for name in (LOG, _STATES, "grids/epoch_[0-9]*.png")
    ),
    *(f"{name}.keras" for name in ("model", "model_to_source", "model_to_target", "vae")),
    "epochs/epochs.json",
    "epochs/best-*.weights.h5",
    "transferred/digit_[0-9].wav",
    *(f"{name}.png" for name in ("training", "translations", "reconstructions")),
    *(f"{name}.png" for name in ("samples", "pca")),
    *(f"{name}.png" for name in ("sweep", "strengths", "figure_2", "figure_7")),
    *(f"attributes_{kind}.png" for kind in ("dual", "isolated", "boundary", "set", "label")),
    *(
        f"{direction}{interpolation}.png"
        for direction in ("source_to_target", "target_to_source")
        for interpolation in ("", "_interpolation_within", "_interpolation_between")
    ),
    "shown.npz",
    "interpolation_within.png",
    "interpolation_between.png",
)


def read_metrics(folder: Path) -> dict[str, Any] | None:
    """The content of `metrics.json`, or `None` if the run in the folder is not finished."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads((folder / METRICS).read_text())
    return None


def read_history(log: Path) -> dict[str, list[float]]:
    """Logs by name, one number per epoch, from the file of a `keras.callbacks.CSVLogger`.

    Columns with missing values are left out: Keras writes "NA" for validation logs that an
    epoch does not have.
    """
    with open(log, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [
        name
        for name in (rows[0] if rows else {})
        if name != "epoch" and all(row[name] != "NA" for row in rows)
    ]
    return {name: [float(row[name]) for row in rows] for name in names}


class RunDirectory:
    """The folder `--out`, which belongs to one configuration.

    The same configuration resumes the run, any other is refused. In a `with` statement, the folder
    is locked against other processes until the block ends.

    Args:
        path: The folder; created if needed.
        configuration: The run's options, as JSON-like values.
        overwrite: Whether to delete the run in the folder, whatever its options. Other files stay.
        extend: Called if the existing run differs only in having fewer epochs or steps, with the
            name of that option and its old value. It returns a remark to print, or raises
            `ValueError`. If `None`, a run cannot be extended.

    Raises:
        ValueError: If the folder holds another run, files that are not a run's, or a run that
            cannot be extended.
        RuntimeError: If another process is using the folder.

    Attributes:
        resumed: Whether the folder already held a part of this run.
        prolonged_from: The lengths, in epochs or steps, that the run had before it was extended.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        configuration: dict[str, Any],
        overwrite: bool = False,
        extend: Callable[[str, int], str] | None = None,
    ):
        self.path = Path(path)
        self.configuration = json.loads(json.dumps(configuration))
        self.resumed = False
        self.prolonged_from: list[int] = []
        self._open = contextlib.ExitStack()
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"`--out` must be a folder. Received: {str(self.path)!r}")
        self._read_configuration()
        with contextlib.ExitStack() as stack:
            try:
                # Only a finished run can be reported from a read-only folder.
                writable = self.metrics() is None or os.access(self.path, os.W_OK)
                if writable:
                    stack.enter_context(locked(self.path / LOCK))
                    self._delete_partial()
            except LockHeld as holder:
                raise RuntimeError(
                    f"Another process ({holder}) is using {str(self.path)!r}. Wait for it to "
                    "finish, or choose another `--out`."
                ) from None
            if overwrite:
                self._delete()
                self._write_configuration()
            else:
                self._claim(extend)
            self._open = stack.pop_all()

    def __enter__(self) -> "RunDirectory":
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def _files(self) -> list[str]:
        if not self.path.exists():
            return []
        # A run killed while it wrote its first file has no other.
        none = [self.path / LOCK, *partial_files(self.path / CONFIGURATION)]
        return [path.name for path in self.path.iterdir() if path not in none]

    def _read_configuration(self) -> dict[str, Any] | None:
        """The configuration of the run in the folder, or `None` if the folder is empty."""
        if not self._files():
            return None
        try:
            return json.loads((self.path / CONFIGURATION).read_text())
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{str(self.path)!r} is not empty and does not hold a run of keras-latent "
                f"({CONFIGURATION}: {error}). Choose another `--out`."
            ) from error

    def _claim(self, extend: Callable[[str, int], str] | None) -> None:
        found = self._read_configuration()
        # A folder with nothing but a configuration is of a run that failed before training.
        if found is None or {*self._files()} <= {CONFIGURATION, REPORT}:
            self._write_configuration()
            return
        self.prolonged_from = found.pop("prolonged_from", [])
        if found != self.configuration:
            before, now = found, self.configuration
            changed = [k for k in sorted(before.keys() | now.keys()) if before.get(k) != now.get(k)]
            name = changed[0]
            longer = changed in ([n] for n in LENGTHS) and before.get(name, 0) < now.get(name, 0)
            if not longer or extend is None:
                values = ", ".join(
                    f"{k} ({before.get(k)!r} there, {now.get(k)!r} now)" for k in changed
                )
                raise ValueError(
                    f"{str(self.path)!r} holds another run, which is not overwritten. Choose "
                    "another `--out`, repeat that run's options, or add `--overwrite` to delete "
                    f"that run and start again. Options that differ: {values}"
                )
            self._extend(name, before[name], extend)
        self.resumed = True

    def _extend(self, name: str, before: int, extend: Callable[[str, int], str]) -> None:
        remark = extend(name, before)
        trained = any(self.path.glob(_STATES))
        if (self.path / METRICS).exists() and not trained:
            raise ValueError(
                f"{str(self.path)!r} cannot be extended, because the state of its training (the "
                "folder `state`) is missing. Add `--overwrite` to delete the run and start again."
            )
        # In this order, so that the same command resumes if it is killed in between.
        (self.path / METRICS).unlink(missing_ok=True)
        (self.path / "vae.keras").unlink(missing_ok=True)  # extended from its own state as well
        if trained:
            self.prolonged_from = [*self.prolonged_from, before]
            print(
                f"Extending the run in {str(self.path)!r} from {before} to "
                f"{self.configuration[name]} {name}.{remark and ' ' + remark}"
            )
        self._write_configuration()

    def _write_configuration(self) -> None:
        before = {"prolonged_from": self.prolonged_from} if self.prolonged_from else {}
        self.write_json(CONFIGURATION, self.configuration | before)

    def made(self) -> list[Path]:
        """The run's files in the folder."""
        return [path for name in MADE for path in self.path.glob(name) if path.is_file()]

    def _delete_partial(self) -> None:
        """Deletes the partial files that a killed process left."""
        for name in MADE:
            for path in partial_files(self.path / name):
                path.unlink()
        for name in _EARLIER:
            (self.path / name).unlink(missing_ok=True)

    def _delete(self) -> None:
        for path in self.made():
            # If killed here, a folder without a configuration would no longer count as a run's.
            if path.name in (CONFIGURATION, LOCK):
                continue
            path.unlink()
        for folder in (folder for name in MADE for folder in Path(name).parents[:-1]):
            with contextlib.suppress(OSError):  # missing, or not empty
                (self.path / folder).rmdir()
        if left := sorted(set(self._files()) - {CONFIGURATION}):
            print(f"Kept in {str(self.path)!r}, not being files of a run: {', '.join(left)}")

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Writes a file atomically."""
        with replaced_when_complete(self.path / name) as temporary:
            temporary.write_text(json.dumps(value, indent=1) + "\n")

    def save(self, model: Any, name: str = "model.keras") -> None:
        """Saves a Keras model atomically."""
        with replaced_when_complete(self.path / name) as temporary:
            model.save(temporary)

    def metrics(self) -> dict[str, Any] | None:
        """The content of `metrics.json`, or `None` if the run is not finished."""
        return read_metrics(self.path)

    def history(self, log: str = LOG) -> dict[str, list[float]]:
        """Logs by name, one number per epoch."""
        return read_history(self.path / log)
