"""The gate: a random choice of wrong arguments; and the fuzzer itself."""

import random
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # as for `python tests/fuzz`

import cases  # noqa: E402
from arguments import Argument, number  # noqa: E402
from cases import Case, entry, run  # noqa: E402

#: Compilation takes time on JAX and TensorFlow.
SAMPLE = 300 if keras.backend.backend() == "torch" else 60


def test_wrong_arguments_get_a_clear_error(request):
    seed = request.config.getoption("--seed") or time.time_ns() % 10**6
    chosen = random.Random(seed).sample(cases.cases(cases.entries()), SAMPLE)
    unclear = [o for o in map(run, chosen) if o.kind != "clear"]
    lines = "\n".join(f"{o.kind:8s} {o.case} {o.details[-300:]}" for o in unclear)
    command = f"python tests/fuzz --sample {SAMPLE} --seed {seed}"
    assert not unclear, f"Repeat it with KERAS_BACKEND={keras.backend.backend()} {command}\n{lines}"


def _takes_anything(x):
    pass


def _fails(x):
    raise KeyError("x")


def _names_another(x):
    raise ValueError("`y` must be a number. Received: x=None")


def _is_clear(x):
    if x != 1.0:
        raise ValueError(f"`x` must be 1. Received: x={x!r}")


def _hangs(x):
    while x != 1.0:
        pass


@pytest.mark.once
@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (_takes_anything, "accepted"),
        (_names_another, "raw"),
        (_is_clear, "clear"),
        (_hangs, "hang"),
    ],
)
def test_outcomes(function, kind, monkeypatch):
    monkeypatch.setattr(cases, "SECONDS", 1)
    tried = entry("f", function, x=number(1.0))
    assert run(Case(tried, "x", "text")).kind == kind
    wanted = "raw" if kind == "raw" else "clear"
    assert (run(Case(tried)).kind == "clear") == (wanted == "clear")


@pytest.mark.once
def test_valid_calls_must_succeed():
    broken = run(Case(entry("f", _fails, x=number(1.0))))
    assert broken.kind == "broken" and "KeyError" in broken.details
    assert run(Case(entry("f", _fails, x=number(1.0)), "x", "text")).kind == "raw"
    x = Argument(lambda: 1.0, {}, fine={"other": lambda: np.float32(2.0)})
    assert run(Case(entry("f", _takes_anything, x=x), "x", "other")).kind == "clear"
    assert run(Case(entry("f", _is_clear, x=x), "x", "other")).kind == "broken"


@pytest.mark.once
def test_values_that_are_not_wrong_are_taken_off():
    x = number(1.0).but("nan").called("value").also(two=2.0)
    assert "nan" not in x.wrong and "two (2.0)" in x.wrong and x.named == ("value",)
    with pytest.raises(ValueError, match="No such labels"):
        number(1.0).but("no label")
