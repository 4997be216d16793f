"""The command before it runs anything: fast, without Keras, and with help for typing errors."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from keras_latent.datasets import CELEBA_ATTRIBUTES
from keras_latent.src.cli import cli
from keras_latent.src.cli.options import celeba_attributes
from keras_latent.src.cli.registry import APPLICATIONS
from keras_latent.src.models.dual_vae.presets import FACES_DUAL

ROOT = Path(__file__).resolve().parents[2]

WITHOUT_KERAS = """
import sys
sys.argv = ["keras-latent"]
from keras_latent.src.cli import cli
for expected, argv in (
    (0, ["--help"]),
    (0, ["--version"]),
    (0, ["list"]),
    (0, ["run", "--help"]),
    (0, ["run", "celeba-attributes", "--help"]),
    (0, ["report", "--help"]),
    (2, ["report", "missing"]),
    (2, ["run", "mnist-transpos"]),
    (2, ["run", "mnist-usps", "--epoch", "5"]),
    (2, ["run", "mnist-spoken-digit", "--per-class", "0"]),
    (0, ["train", "--help"]),
    (2, ["train", "--source", ".", "--model", "vbta"]),
    (0, ["translate", "--help"]),
    (2, ["translate", "vbta_digits", ".", "../out"]),
    (0, ["compare", "--help"]),
    (2, ["compare", "mnist-usps", "--steps", "0"]),
):
    try:
        status = cli.main(argv)
    except SystemExit as end:
        status = end.code
    assert status == expected, (argv, status)
found = {"keras", "numpy", "tensorflow", "jax", "torch"} & set(sys.modules)
assert not found, found
"""


@pytest.mark.parametrize("command", [["-c", WITHOUT_KERAS], ["-m", "keras_latent", "list"]])
def test_answers_without_keras(command, tmp_path):
    """Answers are fast, and need no backend: the one here is not installed."""
    result = subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"KERAS_BACKEND": "none", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "mnist-transpose" in result.stdout and os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["lst"], "list"),
        (["run", "mnist-transpos"], "mnist-transpose"),
        (["run", "mnist-usps", "--epoch", "5"], "--epochs"),
        (["run", "mnist-fashion", "--vairant=vae"], "--variant"),
        (["run", "mnist-transpose", "--dataset", "digit"], "digits"),
        (["run", "celeba-attributes", "--method", "dual_vae"], "dualvae"),
    ],
)
def test_the_parser_suggests_corrections(argv, meant, capsys):
    with pytest.raises(SystemExit) as error:
        cli.main(argv)
    said = capsys.readouterr().err
    assert error.value.code == 2 and said.endswith(f" Did you mean {meant!r}?\n")
    assert said.startswith("usage: keras-latent")


@pytest.mark.parametrize("argv", [["fly"], ["run", "xyz"], ["run", "mnist-usps", "--xyz"]])
def test_the_parser_does_not_guess(argv, capsys):
    with pytest.raises(SystemExit):
        cli.main(argv)
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["mnist-usps", "--preset", "tinny"], "tiny"),
        (["mnist-transpose", "--preset", "shrp"], "sharp"),
        (["celeba-men-women", "--preset", "smal"], "small"),
        (["mnist-spoken-digit", "--gan", "wavegan_spoken_digits"], "wavegan_spoken_digit"),
    ],
)
def test_misspelled_presets(argv, meant, tmp_path, capsys):
    assert cli.main(["run", *argv, "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.endswith(f" Did you mean {meant!r}?\n")
    assert not (tmp_path / "run").exists()


def commands():
    return next(a for a in cli.build_parser()._actions if a.dest == "command").choices


def sub_parsers():
    run = commands()["run"]
    return next(a for a in run._actions if a.dest == "run_name").choices


#: Defaults that a number or a word cannot say.
IN_WORDS = {"out", "data_dir", "paired_per_batch", "no_flip", "tensorboard", "limit"}
#: Of `train`: what has no default, or one that depends on others.
IN_WORDS |= {"source", "target", "model", "labels", "paired_by", "minutes", "length"}


@pytest.mark.parametrize("name", [*APPLICATIONS, "train"])
def test_the_help_shows_one_default_and_the_true_one(name):
    parser = sub_parsers().get(name) or commands()["train"]
    given = ["train", "--source", str(ROOT)] if name == "train" else ["run", name]
    arguments = cli.build_parser().parse_args(given)
    cli.application_of(name).options.complete(arguments)
    formatter = parser.formatter_class("x", width=10_000)
    for action in parser._actions:
        assert action.help, action.dest
        formatted = formatter._expand_help(action)
        shown = re.findall(r"\(default: ([^;)]*)", formatted)
        if name == "train" and action.dest == "epochs":  # `--steps` is the default
            assert shown == [] and not hasattr(arguments, "epochs")
            continue
        if isinstance(action, argparse._StoreTrueAction) or action.dest in {*IN_WORDS, "help"}:
            assert len(shown) <= 1 and "None" not in formatted and "False" not in formatted
            continue
        assert len(shown) == 1 and formatted.count("default") == 1, formatted
        true = getattr(arguments, action.dest)
        if action.dest == "alpha":
            true = FACES_DUAL["alpha"]
        if action.dest == "classifier_epochs":  # each classifier has its own
            assert true is None and re.search(r"\d", shown[0])
        elif isinstance(true, str):
            assert shown[0] == true
        else:
            assert float(shown[0]) == true, formatted


def test_the_number_of_attributes():
    assert len(CELEBA_ATTRIBUTES) == celeba_attributes.ATTRIBUTES


PAGES = [
    path
    for folder in (ROOT, ROOT / "docs", ROOT / "guides", ROOT / "benchmarks")
    for path in sorted(folder.glob("*.md" if folder == ROOT else "**/*.md"))
    if path.name != "CHANGELOG.md"
]


def commands_of(page: Path) -> list[str]:
    """All commands on a page that do something, without the line breaks of long ones."""
    pattern = r"keras-latent (?:run|train|translate|report) [-a-z][^`#\n&|;]*"
    found = re.findall(pattern, page.read_text().replace("\\\n", " "))
    return [command.strip().rstrip(",.") for command in found]


def test_the_commands_of_the_pages():
    """They are valid, and do not set the backend."""
    shown = {command: page for page in PAGES for command in commands_of(page)}
    assert len(shown) > 10
    for command, page in shown.items():
        try:
            cli.build_parser().parse_args(shlex.split(command)[1:])
        except SystemExit as end:  # 0: `--help`
            assert end.code == 0, f"{page.name}: {command}"
    for page in PAGES:
        assert not re.search(r"KERAS_BACKEND=\w+ keras-latent", page.read_text()), page


@pytest.mark.parametrize(("given", "found"), [(None, "passive"), ("active", "active")])
def test_openmp_waits_passively_when_pytorch_is_imported(given, found, tmp_path):
    """Setting it later would have no effect. A fake PyTorch prints the value it finds."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        "import os\nprint('OpenMP:', os.environ.get('OMP_WAIT_POLICY'), flush=True)\nos._exit(0)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {"KERAS_BACKEND": "torch", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    if given is not None:
        environment["OMP_WAIT_POLICY"] = given
    command = ["-m", "keras_latent", "run", "mnist-transpose"]
    result = subprocess.run(
        [sys.executable, *command, "--out", str(tmp_path / "out")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert f"OpenMP: {found}" in result.stdout, result.stderr
