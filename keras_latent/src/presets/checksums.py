"""SHA-256 of a preset's files. HDF5 has no checksums: damaged weights load without an error."""

import hashlib
from pathlib import Path
from typing import Any

from keras_latent.src.utils.files import require_file


def checksums(folder: Path, *names: str) -> dict[str, str]:
    """SHA-256 by file name, in hexadecimal. The ends of lines of a text do not count."""
    found = {}
    for name in names:
        with (folder / name).open("rb") as file:
            if name.endswith(".json"):  # git may change them
                digest = hashlib.sha256(file.read().replace(b"\r\n", b"\n"))
            else:
                digest = hashlib.file_digest(file, "sha256")
        found[name] = digest.hexdigest()
    return found


def require_undamaged(folder: Path, name: str, record: Any, record_name: str) -> None:
    """Raise a `ValueError` if a file is no file, or not the one whose checksum was recorded.

    Args:
        folder: The preset.
        name: Of the file. If it is missing, nothing is raised here.
        record: Content of a metadata file or card. Presets of older versions have no checksums in
            it, and pass.
        record_name: Name of that file.
    """
    if not (folder / name).exists():
        return
    require_file(folder / name)
    wanted = record.get("sha256")
    if wanted is not None and wanted != wanted | checksums(folder, name):
        raise ValueError(
            f"Preset {str(folder)!r} is damaged: its {name} does not have the SHA-256 that "
            f"{record_name} states. Get the files again. If you have changed {name} yourself, "
            f'delete "sha256" from {record_name}.'
        )
