"""The list of mutations fits the code: each is one mistake, in one place, that can be run."""

import ast

import pytest
from mutations import MUTATIONS, ROOT, fits


@pytest.mark.parametrize("file", sorted({mutation.file for mutation in MUTATIONS}))
def test_mutations_fit(file):
    source = (ROOT / file).read_text()
    for mutation in (m for m in MUTATIONS if m.file == file):
        assert not fits(mutation)
        assert "\n" not in mutation.old + mutation.new
        assert mutation.old != mutation.new
        ast.parse(source.replace(mutation.old, mutation.new))


def test_there_are_enough_of_every_part():
    assert len(set(MUTATIONS)) == len(MUTATIONS) >= 64
    parts = {m.file.removeprefix("keras_latent/src/").split("/")[0] for m in MUTATIONS}
    assert parts == {
        *("ops", "layers", "losses", "models", "metrics", "training", "datasets", "callbacks"),
        "backend",
        "utils",
        "presets",
        "applications",
    }
