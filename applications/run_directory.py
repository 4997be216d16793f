"""The folder of one run: whose it is, whether it is finished, and what goes into it."""

import contextlib
import csv
import json
import os
from pathlib import Path

from keras_latent.utils.files import replaced_when_complete

CONFIGURATION, METRICS = "run.json", "metrics.json"


class RunDirectory:
    """`--out`: claimed by one configuration, resumed by the same, refused to any other.

    Args:
        path: The folder; made when needed.
        configuration: What the run is, as JSON-like values.

    Raises:
        ValueError: If the folder holds another run, or files that are no run's.

    Attributes:
        resumed: Whether the folder holds a part of this run already.
    """

    def __init__(self, path: str | os.PathLike, configuration: dict):
        self.path = Path(path)
        self.configuration = json.loads(json.dumps(configuration))
        self.resumed = False
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"`--out` must be a folder. Received: {str(self.path)!r}")
        files = [path.name for path in self.path.iterdir()] if self.path.exists() else []
        if files in ([], [CONFIGURATION]):  # new, or failed before anything was trained
            self.path.mkdir(parents=True, exist_ok=True)
            self.write_json(CONFIGURATION, self.configuration)
            return
        try:
            found = json.loads((self.path / CONFIGURATION).read_text())
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{str(self.path)!r} is not empty and is no run of keras-latent "
                f"({CONFIGURATION}: {error}). Choose another `--out`."
            ) from error
        if found != self.configuration:
            keys = found.keys() | self.configuration.keys()
            changed = {
                key: f"{found.get(key)!r} there, {self.configuration.get(key)!r} now"
                for key in sorted(keys)
                if found.get(key) != self.configuration.get(key)
            }
            raise ValueError(
                f"{str(self.path)!r} holds another run, which is not overwritten. Choose "
                f"another `--out`, or repeat that run's options. Differing: {changed}"
            )
        self.resumed = True

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
