"""Runs the Python blocks of a page in one session: `python tests/run_blocks.py PAGE BACKEND`.

A block can import only the packages that the last install line before it installs, with this
backend: an install line that names JAX stands for the same line with any backend.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.M | re.S)
INSTALL = re.compile(r'pip install "\.\[([a-z,]+)\]"')


def blocks(page: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield each Python block with the extras of the last install line before it."""
    extras: set[str] = set()
    for language, text in BLOCK.findall(page.read_text()):
        if language == "python":
            yield text, extras
        elif found := INSTALL.findall(text):
            extras = set(found[-1].split(","))


def distributions(extras: set[str]) -> set[str]:
    """Return the names of all distributions that `pip install ".[extras]"` installs."""
    found, left = {("keras-latent", "")}, [("keras-latent", extra) for extra in ("", *extras)]
    while left:
        name, extra = left.pop()
        found.add((name, extra))
        for text in requirements(name, extra):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                wanted = canonicalize_name(requirement.name)
                more = {(wanted, e) for e in ("", *requirement.extras)} - found
                found |= more
                left += more
    return {name for name, _ in found}


def requirements(name: str, extra: str) -> list[str]:
    """Return the requirements of a distribution with this extra, if it is installed here."""
    if name == "keras-latent":
        return PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


class Hiding:
    """Replaces Python's finders and hides the modules of distributions that are not allowed."""

    def __init__(self):
        self.finders = list(sys.meta_path)
        self.allowed: set[str] = set()
        self.owners = {
            module: {canonicalize_name(name) for name in names}
            for module, names in metadata.packages_distributions().items()
        }

    def find_spec(self, name, path=None, target=None):
        owners = self.owners.get(name.partition(".")[0])
        if owners and not owners & self.allowed:
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next(filter(None, found), None)

    def find_distributions(self, *context):
        for finder in self.finders:
            yield from getattr(finder, "find_distributions", lambda *context: ())(*context)


def main(page: Path, backend: str) -> None:
    hiding = Hiding()
    sys.meta_path[:] = [hiding]
    namespace: dict = {"__name__": "__main__"}
    for text, extras in blocks(page):
        chosen = {backend if extra == "jax" else extra for extra in extras} | {backend}
        hiding.allowed = distributions(chosen)
        exec(compile(text, page.name, "exec"), namespace)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
