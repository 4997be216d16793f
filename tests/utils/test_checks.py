"""Checks of arguments: what they accept and return, and what their messages say."""

import fractions
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from keras_latent.src.utils import checks


@pytest.mark.parametrize(
    ("check", "arguments", "accepted", "rejected", "wanted"),
    [
        (checks.finite, (), (-1, 0.5, np.float32(2)), (math.inf,), "a finite number"),
        (checks.positive, (), (1e-9, 3, fractions.Fraction(1, 2)), (0, -1), "a positive finite"),
        (checks.non_negative, (), (0, 2.5), (-1e-9,), "a non-negative finite"),
        (checks.positive, (True,), (1e-9, math.inf), (0, -math.inf), "a positive number"),
        (checks.between, (0, 1), (0, 0.5, 1), (-0.1, 1.1), "a finite number from 0 to 1"),
        (checks.between, (2, math.inf), (2, 1e9), (1.9, math.inf), "a finite number of 2 or more"),
        (checks.fraction, (), (0, 0.999), (1, 1.5), "less than 1"),
    ],
)
def test_numbers(check, arguments, accepted, rejected, wanted):
    for value in accepted:
        result = check("x", value, *arguments)
        assert type(result) is float and result == value
    for value in rejected:
        message = f"`x` must be {wanted}.*Received: x={value}"
        with pytest.raises(ValueError, match=message):
            check("x", value, *arguments)
    for value in (math.nan, 10**400, True, "1", None, np.ones(2)):
        with pytest.raises(ValueError, match=r"`x` must be .* Received: x="):
            check("x", value, *arguments)


@pytest.mark.parametrize(
    ("limits", "accepted", "rejected", "wanted"),
    [
        ((), (1, 7, np.int64(2), np.uint8(3)), (0, -1), "a positive integer"),
        ((0,), (0, 7), (-1,), "an integer of 0 or more"),
        ((2, 4), (2, np.int32(4)), (1, 5), "an integer from 2 to 4"),
    ],
)
def test_integers(limits, accepted, rejected, wanted):
    for value in accepted:
        result = checks.integer("n", value, *limits)
        assert type(result) is int and result == value
    for value in (*rejected, 2.0, True, np.True_, "3", None, np.array([3])):
        message = re.escape(f"`n` must be {wanted}. Received: n={value!r}")
        with pytest.raises(ValueError, match=message):
            checks.integer("n", value, *limits)


def test_integers_are_bounded():
    assert checks.integer("n", 2**32 - 1) == 2**32 - 1
    with pytest.raises(ValueError, match="`n` must be an integer from 1 to 4294967295. Received: "):
        checks.integer("n", 2**70)


def test_seeds():
    assert checks.seed("seed", None) is None and checks.seed("seed", np.int64(3)) == 3
    for value in (-1, 0.5, True, "0"):
        with pytest.raises(ValueError, match="`seed` must be an integer of 0 or more, or None. R"):
            checks.seed("seed", value)
    assert checks.keras_seed("seed", 2**31 - 1) == 2**31 - 1
    assert checks.keras_seed("seed", 2**31 + 5) == 5
    with pytest.raises(ValueError, match="`seed` must be an integer from 0 to 4294967295, or None"):
        checks.keras_seed("seed", 2**32)


@pytest.mark.parametrize(
    ("value", "choices", "message"),
    [
        ("lineer", ("linear", "spherical"), "Received: kind='lineer'. Did you mean 'linear'?"),
        ("x", ("linear", None), "must be one of ['linear', None]. Received: kind='x'"),
        (3, (1, 2), "`kind` must be one of [1, 2]. Received: kind=3"),
        (np.arange(3), ("linear", "spherical"), "Received: kind=array([0, 1, 2])"),
        (np.array([2]), (1, 2), "Received: kind=array([2])"),
        (True, (1, 2), "Received: kind=True"),
        ([], ("linear", None), "Received: kind=[]"),
    ],
)
def test_choices(value, choices, message):
    assert [checks.choice("kind", choice, choices) for choice in choices] == list(choices)
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        checks.choice("kind", value, choices)


def test_other_kinds(tmp_path):
    assert checks.text("title", "") == "" and checks.function("f", len) is len
    assert checks.path("path", str(tmp_path)) == checks.path("path", tmp_path) == tmp_path
    for check, values in (
        (checks.text, (None, 3, b"a")),
        (checks.function, (None, "len")),
        (checks.path, (None, 3, b"a", "", "a\0b")),
    ):
        for value in values:
            with pytest.raises(ValueError, match=re.escape(f"Received: x={value!r}")):
                check("x", value)


def test_items_and_names():
    assert checks.items("x", [1, 2]) == checks.items("x", np.array([1, 2])) == (1, 2)
    for value in (None, 3, "ab", b"ab", {"a": 1}, np.array(1.0), iter([1])):
        with pytest.raises(ValueError, match="`x` must be a list or a tuple. Received: x="):
            checks.items("x", value)
    assert checks.names("x", ["a", "b"], 2) == ("a", "b")
    for value in (["a"], ["a", "a"], ["a", 1], ["a", []], "ab"):
        with pytest.raises(ValueError, match="`x` must be .* Received: x="):
            checks.names("x", value, 2)


def test_messages_are_short():
    with pytest.raises(ValueError) as raised:
        checks.integer("n", list(range(10_000)))
    assert len(str(raised.value)) < 400 and str(raised.value).endswith("...")


def tensor(*shape):
    return SimpleNamespace(shape=shape)


@pytest.mark.parametrize(
    ("check", "accepted", "rejected", "message"),
    [
        (
            lambda a, b: checks.same_shape("a", a, "b", b),
            [((2, 3), (2, 3)), ((None, 3), (2, 3)), ((), ())],
            [((2, 3), (2, 4)), ((2,), (2, 1)), ((None, 3), (None, 4))],
            "`a` and `b` must have the same shape. Received: a.shape={}, b.shape={}",
        ),
        (
            lambda a, b: checks.same_last_axis("a", a, "b", b),
            [((2, 3), (5, 3)), ((2, None), (5, 3))],
            [((2, 3), (2, 4))],
            "`a` and `b` must have the same last axis. Received: a.shape={}, b.shape={}",
        ),
        (
            lambda a, b: checks.broadcasts("a", a, "b", b),
            [((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((None, 3), (2, None))],
            [((2,), (2, 3)), ((1, 2, 3), (2, 3)), ((2, 3), (1, 3))],
            "`a` must be a number or broadcast to the shape of `b`. "
            "Received: a.shape={}, b.shape={}",
        ),
        (
            lambda a, b: checks.last_axis("a", a, b.shape[-1]),
            [((2, 3), (3,)), ((None,), (3,))],
            [((3, 2), (3,))],
            "must have size 3, as in the first call. Received: a.shape={}",
        ),
        (
            lambda a, b: checks.rank("a", a, len(b.shape)),
            [((2, None), (0, 0))],
            [((2,), (0, 0)), ((2, 3, 4), (0, 0))],
            "`a` must have rank 2. Received: a.shape={}",
        ),
        (
            lambda a, b: checks.batched("a", a),
            [((None,), ()), ((2, 3), ())],
            [((), ())],
            "`a` must have at least one axis, the batch. Received: a.shape={}",
        ),
    ],
)
def test_shapes(check, accepted, rejected, message):
    for a, b in accepted:
        check(tensor(*a), tensor(*b))
    for a, b in rejected:
        with pytest.raises(ValueError, match=re.escape(message.format(a, b))):
            check(tensor(*a), tensor(*b))
