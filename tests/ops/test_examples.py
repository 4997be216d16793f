"""The examples in the docstrings run as they stand."""

import doctest
import importlib
import pkgutil

import pytest

from keras_latent import layers, losses, ops

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (ops, layers, losses)
    for module in pkgutil.iter_modules(package.__path__)
    if not module.name.startswith("_")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
