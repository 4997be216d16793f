"""Presets on the Hugging Face hub and on Kaggle, by the contract of KerasHub."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from keras_latent.src.presets.registry import CONFIG, METADATA, WEIGHTS
from keras_latent.src.utils import checks
from keras_latent.src.utils.optional import import_extra

#: Nothing else is downloaded.
FILES = (CONFIG, METADATA, WEIGHTS)
PREFIXES = ("hf://", "kaggle://")
FORMS = "hf://USER/NAME or kaggle://USER/MODEL/keras/VARIATION"


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a preset is on a hub.

    Attributes:
        uri: All of it.
        handle: What the client takes: `uri` without the prefix.
        on_kaggle: Whether it is on Kaggle.
    """

    uri: str
    handle: str
    on_kaggle: bool

    @classmethod
    def parsed(cls, name: str, value: Any) -> "Address":
        """The address in an argument.

        Raises:
            ValueError: If it does not have the form of one.
        """
        scheme, _, handle = value.partition("://") if isinstance(value, str) else ("", "", "")
        parts = handle.split("/")
        if len(parts) not in {"hf": (1, 2), "kaggle": (4, 5)}.get(scheme, ()) or not all(parts):
            raise ValueError(f"`{name}` must be {FORMS}. {checks.received(name, value)}")
        return cls(value, handle, scheme == "kaggle")

    def client(self) -> ModuleType:
        """The hub's own package, an extra."""
        module = "kagglehub" if self.on_kaggle else "huggingface_hub"
        return import_extra(module, "hub", f"Preset {self.uri!r}")

    @contextlib.contextmanager
    def errors_explained(self, what: str) -> Iterator[None]:
        """Turn every error of a client into a `RuntimeError` that says what to do.

        The clients' errors have no common base.
        """
        try:
            yield
        except Exception as error:
            responses = [getattr(e, "response", None) for e in (error, error.__cause__)]
            statuses = {getattr(response, "status_code", None) for response in responses}
            advice = "Check the network connection, and try again."
            if statuses & {401, 403, 404} or isinstance(error, ValueError):
                site, login = "https://huggingface.co/", "hf auth login"
                if self.on_kaggle:
                    site, login = "https://www.kaggle.com/models/", "kagglehub.login()"
                advice = (
                    f"Check its name. If it is private or has terms to accept, visit "
                    f"{site}{self.handle} and log in: `{login}`."
                )
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise RuntimeError(f"{self.uri!r} cannot be {what} ({said}). {advice}") from error


def is_address(preset: Any) -> bool:
    """Whether a preset is on a hub."""
    return isinstance(preset, str) and preset.startswith(PREFIXES)


@contextlib.contextmanager
def downloaded(preset: str, weights: bool) -> Iterator[Path]:
    """The folder of a preset in the client's cache. Errors in it name the preset.

    Args:
        preset: Its address.
        weights: Whether to download them too.

    Raises:
        ImportError: If the client is not installed.
        RuntimeError: If the preset cannot be downloaded.
        ValueError: If a file is missing.
    """
    address = Address.parsed("preset", preset)
    client = address.client()
    names = FILES if weights else (CONFIG, METADATA)
    with address.errors_explained("downloaded"):
        if address.on_kaggle:
            files = [client.model_download(address.handle, name) for name in names]
            folders = {os.path.dirname(file) for file in files}
        else:
            folders = {client.snapshot_download(address.handle, allow_patterns=list(names))}
    if len(folders) > 1:
        raise RuntimeError(f"{preset!r} got a new version during the download. Try again.")
    folder = Path(folders.pop())
    try:
        if missing := [name for name in names if not (folder / name).exists()]:
            raise ValueError(f"not a preset of keras_latent, because it has no {missing}.")
        yield folder
    except ValueError as error:
        delete = f"run `hf cache rm model/{address.handle}`"
        if address.on_kaggle:
            delete = f"delete {folder}"
        raise ValueError(f"{preset!r}: {error} (To download it again, {delete}.)") from error
