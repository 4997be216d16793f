"""Entry points of the library, their wrong calls, and what happens in each of them."""

import contextlib
import dataclasses
import importlib
import io
import re
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from arguments import Argument

SECONDS = 60
CLEAR = (ValueError, TypeError, ImportError, OSError)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A function of the library, and what its arguments are.

    Attributes:
        name: What reports call it.
        call: The function; it takes `arguments` by name.
        arguments: Each argument by its name.
    """

    name: str
    call: Callable[..., Any]
    arguments: dict[str, Argument]


def entry(name: str, call: Callable[..., Any], /, **arguments: Argument) -> Entry:
    """An entry point: its name, the function, and the kinds of its arguments."""
    return Entry(name, call, arguments)


@dataclasses.dataclass(frozen=True)
class Case:
    """One argument of an entry point, wrong or fine; without a label, the valid call."""

    entry: Entry
    argument: str = ""
    label: str = ""

    def __str__(self) -> str:
        return f"{self.entry.name}({self.argument}: {self.label})"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What happened: `clear`, `raw`, `accepted`, `hang` or `broken`, with the details."""

    case: Case
    kind: str
    details: str = ""


def entries(areas: Sequence[str] = ("*",)) -> list[Entry]:
    """The entry points of the files `entries_{area}.py`."""
    here = Path(__file__).parent
    files = [file for area in areas for file in sorted(here.glob(f"entries_{area}.py"))]
    return [entry for file in files for entry in importlib.import_module(file.stem).ENTRIES]


def cases(found: list[Entry]) -> list[Case]:
    """Every wrong or fine argument of these entry points."""
    return [
        Case(entry, name, label)
        for entry in found
        for name, argument in entry.arguments.items()
        for label in (*argument.wrong, *argument.fine)
    ]


def run(case: Case) -> Outcome:
    """Makes the call of a case."""
    values = {name: argument.valid() for name, argument in case.entry.arguments.items()}
    changed = case.entry.arguments.get(case.argument)
    wrong = changed is not None and case.label in changed.wrong
    if changed:
        values[case.argument] = (changed.wrong if wrong else changed.fine)[case.label]()
    try:
        with _alarm(), _silent():
            case.entry.call(**values)
    except _HangError:
        return Outcome(case, "hang")
    except Exception as error:
        if not wrong:
            return Outcome(case, "broken", traceback.format_exc())
        names = (case.argument, *changed.named)
        kind = "clear" if _is_clear(error, names) else "raw"
        return Outcome(case, kind, f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Outcome(case, "accepted" if wrong else "clear")


def _is_clear(error: Exception, names: tuple[str, ...]) -> bool:
    """Whether an error names the argument and says what was received."""
    message = str(error)
    named = any(
        re.search(rf"`[^`]*(?<!\w){re.escape(name)}(?!\w)[^`]*`", message) for name in names
    )
    return isinstance(error, CLEAR) and named and "Received" in message


class _HangError(BaseException):
    pass


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise _HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
