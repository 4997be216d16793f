"""The folder of one run: whose it is, whether it is finished, and what goes into it."""

import contextlib
import csv
import fnmatch
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.locks import LockHeld, locked

CONFIGURATION, METRICS, LOCK = "run.json", "metrics.json", ".lock"
#: The options that say how long a run is: a larger one prolongs it.
LENGTHS = ("epochs", "steps")
_STATES = ("epoch-[0-9]*.weights.h5", "partial.weights.h5")
#: All that an application writes: what `overwrite` deletes.
MADE = (
    CONFIGURATION,
    METRICS,
    LOCK,
    *(f"{folder}history.csv" for folder in ("", "vae/")),
    *(f"{folder}state/{state}" for folder in ("", "vae/") for state in _STATES),
    *(f"{name}.keras" for name in ("model", "model_to_source", "model_to_target", "vae")),
    "epochs/epochs.json",
    "epochs/best-*_information.weights.h5",
    "epochs/partial.weights.h5",
    "grids/epoch_[0-9]*.png",
    "transferred/digit_[0-9].wav",
    *(f"{name}.png" for name in ("training", "translations", "samples", "pca")),
    *(f"{name}.png" for name in ("sweep", "strengths", "figure_2", "figure_7")),
    *(f"attributes_{kind}.png" for kind in ("dual", "isolated", "boundary", "set", "label")),
    *(
        f"{there}{interpolation}.png"
        for there in ("source_to_target", "target_to_source")
        for interpolation in ("", "_interpolation_within", "_interpolation_between")
    ),
    "interpolation_within.png",
    "interpolation_between.png",
)


class RunDirectory:
    """`--out`: claimed by one configuration, resumed by the same, refused to any other.

    Used in a `with` statement, it is locked against other processes until the end of that.

    Args:
        path: The folder; made when needed.
        configuration: What the run is, as JSON-like values.
        overwrite: Whether to delete the run that is there, whichever it is, and nothing else.
        prolong: Asked where the run that is there differs only in having fewer epochs or steps,
            with that name and the number there. It returns what there is to say about going on,
            or raises `ValueError`. `None`: a run does not go on beyond what it was begun for.

    Raises:
        ValueError: If the folder holds another run, files that are no run's, or a run that
            cannot be prolonged.
        RuntimeError: If another process is running in the folder.

    Attributes:
        resumed: Whether the folder holds a part of this run already.
        prolonged_from: Numbers of epochs or steps that the run was begun for before.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        configuration: dict,
        overwrite: bool = False,
        prolong: Callable[[str, int], str] | None = None,
    ):
        self.path = Path(path)
        self.configuration = json.loads(json.dumps(configuration))
        self.resumed = False
        self.prolonged_from: list[int] = []
        self._open = contextlib.ExitStack()
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"`--out` must be a folder. Received: {str(self.path)!r}")
        self._refuse_foreign()
        with contextlib.ExitStack() as stack:
            try:
                # A finished run is reported from a folder that is only read, too.
                if not self.path.exists() or os.access(self.path, os.W_OK):
                    stack.enter_context(locked(self.path / LOCK))
            except LockHeld as holder:
                raise RuntimeError(
                    f"Another process ({holder}) is running in {str(self.path)!r}. Wait until it "
                    "ends, or choose another `--out`."
                ) from None
            if overwrite:
                self._delete()
                self._write_configuration()
            else:
                self._claim(prolong)
            self._open = stack.pop_all()

    def __enter__(self) -> "RunDirectory":
        return self

    def __exit__(self, *exception) -> None:
        self._open.close()

    def _files(self) -> list[str]:
        if not self.path.exists():
            return []
        return [path.name for path in self.path.iterdir() if path.name != LOCK]

    def _refuse_foreign(self) -> dict | None:
        """The configuration of the run that is there; `None` if there is none."""
        if not self._files():
            return None
        try:
            return json.loads((self.path / CONFIGURATION).read_text())
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{str(self.path)!r} is not empty and is no run of keras-latent "
                f"({CONFIGURATION}: {error}). Choose another `--out`."
            ) from error

    def _claim(self, prolong) -> None:
        found = self._refuse_foreign()
        if found is None or self._files() == [CONFIGURATION]:  # or failed before any training
            self._write_configuration()
            return
        self.prolonged_from = found.pop("prolonged_from", [])
        if found != self.configuration:
            keys = found.keys() | self.configuration.keys()
            changed = [k for k in sorted(keys) if found.get(k) != self.configuration.get(k)]
            before, now = (c.get(changed[0]) for c in (found, self.configuration))
            longer = len(changed) == 1 and changed[0] in LENGTHS and (before or 0) < now
            if not longer or prolong is None:
                values = ", ".join(
                    f"{k} ({found.get(k)!r} there, {self.configuration.get(k)!r} now)"
                    for k in changed
                )
                raise ValueError(
                    f"{str(self.path)!r} holds another run, which is not overwritten. Choose "
                    "another `--out`, repeat that run's options, or add `--overwrite` to delete "
                    f"that run and start afresh. Differing: {values}"
                )
            self._prolong(changed[0], before, prolong)
        self.resumed = True

    def _prolong(self, name, before, prolong) -> None:
        say = prolong(name, before)
        begun = any((self.path / "state").glob(_STATES[0]))
        if (self.path / METRICS).exists() and not begun:
            raise ValueError(
                f"{str(self.path)!r} cannot be prolonged: the state of its training, in the folder "
                "`state`, is gone. Add `--overwrite` to delete the run and start afresh."
            )
        # In this order: whenever it is killed, the same command goes on.
        (self.path / METRICS).unlink(missing_ok=True)
        (self.path / "vae.keras").unlink(missing_ok=True)  # goes on from its own state as well
        if begun:
            self.prolonged_from = [*self.prolonged_from, before]
            print(
                f"Prolonging the run in {str(self.path)!r} from {before} to "
                f"{self.configuration[name]} {name}.{say and ' ' + say}"
            )
        self._write_configuration()

    def _write_configuration(self) -> None:
        before = {"prolonged_from": self.prolonged_from} if self.prolonged_from else {}
        self.write_json(CONFIGURATION, self.configuration | before)

    def made(self) -> Iterator[Path]:
        """Files of a run that lie there, those of a killed writer too."""
        # As `replaced_when_complete` names them.
        partial = [
            f"{folder}{slash}.{Path(name).stem}.{8 * '[0-9a-f]'}{Path(name).suffix}"
            for folder, slash, name in (pattern.rpartition("/") for pattern in MADE)
        ]
        for path in sorted(self.path.rglob("*")):
            name = path.relative_to(self.path).as_posix()
            # `fnmatch` lets a star stand for folders too.
            near = (p for p in (*MADE, *partial) if p.count("/") == name.count("/"))
            if path.is_file() and any(fnmatch.fnmatchcase(name, p) for p in near):
                yield path

    def _delete(self) -> None:
        for path in self.made():
            # Without a configuration, and killed here, this would be no run's folder.
            if path.name in (CONFIGURATION, LOCK):
                continue
            path.unlink()
            with contextlib.suppress(OSError):  # not empty
                for folder in path.parents[: len(path.relative_to(self.path).parts) - 1]:
                    folder.rmdir()
        if left := sorted(set(self._files()) - {CONFIGURATION}):
            print(f"Left in {str(self.path)!r}, since no run makes it: {', '.join(left)}")

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_json(self, name: str, value: dict) -> None:
        """Writes a file, all of it or nothing."""
        with replaced_when_complete(self.path / name) as temporary:
            temporary.write_text(json.dumps(value, indent=1) + "\n")

    def metrics(self) -> dict | None:
        """What the finished run measured; `None` while it is not finished."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.path / METRICS).read_text())
        return None

    def history(self, log: str) -> dict[str, list[float]]:
        """Logs by name, a number an epoch, from a `keras.callbacks.CSVLogger`'s file.

        An epoch that was logged and then lost with a killed process stands there twice:
        the later line counts. Columns that an epoch did not measure ("NA": Keras writes
        one of each log for a validation that may never come) are left out.
        """
        with open(self.path / log, newline="") as file:
            rows = {int(row.pop("epoch")): row for row in csv.DictReader(file)}
        names = [
            name
            for name in next(iter(rows.values()), {})
            if all(row[name] != "NA" for row in rows.values())
        ]
        return {name: [float(rows[epoch][name]) for epoch in sorted(rows)] for name in names}
