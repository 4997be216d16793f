"""The rules of CONTRIBUTING.md, "The house", which no linter knows."""

import ast
import inspect
from pathlib import Path

import pytest

import keras_latent

pytestmark = pytest.mark.once

ROOT = Path(keras_latent.__file__).parent
MODULES = {
    ".".join(("keras_latent", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in ROOT.rglob("*.py")
}
LIBRARY = {name: path for name, path in MODULES.items() if name.startswith("keras_latent.src.")}
NAMES = {name: getattr(keras_latent, name) for name in keras_latent.__all__}
PUBLIC = [thing for thing in NAMES.values() if inspect.ismodule(thing)]
OBJECTS = {"keras_latent.compare": keras_latent.compare}
OBJECTS |= {f"{m.__name__}.{name}": getattr(m, name) for m in PUBLIC for name in m.__all__}


def imported(path):
    """Modules of this package that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def circles(graph):
    """Modules that import themselves, through others or not."""

    def reached(start):
        found, waiting = set(), list(graph[start])
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(graph[name])
        return found

    return sorted(name for name in graph if name in reached(name))


def test_no_module_imports_itself_through_others():
    graph = {
        name: {other for other in imported(path) if other in MODULES}
        for name, path in MODULES.items()
    }
    assert sum(map(len, graph.values())) > 300
    assert circles(graph) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


#: A folder imports those before it; public modules count as the folder of their name.
ORDER = (
    *("utils", "backend", "ops", "layers", "losses", "training", "presets", "export"),
    *("datasets", "visualization", "callbacks", "models", "metrics", "applications", "cli"),
)


def test_folders_import_folders_above_them():
    def folder(name):
        parts = name.removeprefix("keras_latent.").removeprefix("src.").split(".")
        return ORDER.index(parts[0]) if parts[0] in ORDER else -1

    below = {
        f"{name} -> {other}"
        for name, path in LIBRARY.items()
        for other in imported(path)
        if other.startswith("keras_latent") and folder(other) > folder(name)
    }
    assert below == set()
    assert {path.relative_to(ROOT / "src").parts[0] for path in LIBRARY.values()} == set(ORDER)


def test_folders_and_files_are_small():
    folders = {path.parent for path in LIBRARY.values()}
    modules = {folder: [*folder.glob("[!_]*.py")] for folder in folders}
    assert {f.name: len(files) for f, files in modules.items() if len(files) > 13} == {}
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: n for name, n in lines.items() if n >= 350} == {}


def test_only_one_package_asks_for_the_backend():
    """Docstrings may, as users do."""
    asking = set()
    for name, path in LIBRARY.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "keras.backend.backend":
                asking.add(name)
    assert asking == {"keras_latent.src.backend"}


def test_models_have_few_bases():
    for name in keras_latent.models.__all__:
        bases = [c for c in getattr(keras_latent.models, name).__mro__ if "keras_latent" in str(c)]
        assert len(bases) - 1 <= 6, bases


def signatures():
    for name, thing in OBJECTS.items():
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing):
            for member, function in inspect.getmembers(thing, inspect.isfunction):
                ours = function.__module__.startswith("keras_latent.src")
                if ours and (member == "__init__" or not member.startswith("_")):
                    yield f"{name}.{member}", function


#: Methods whose signature Keras prescribes, and that no user calls.
OF_KERAS = ("train_step", "test_step")


def test_public_arguments_have_types():
    found = [
        f"{name}({parameter.name})"
        for name, function in signatures()
        if name.rpartition(".")[2] not in OF_KERAS
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name not in ("self", "cls") and parameter.annotation is parameter.empty
    ]
    assert found == []
