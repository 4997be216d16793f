"""Documents the options of the command `keras-latent` from its parser."""

import argparse


def reference() -> str:
    """Return a section per application and command with a table of its options."""
    from keras_latent.src.cli import cli
    from keras_latent.src.cli.registry import APPLICATIONS

    parser = cli.build_parser()
    commands = _choices(parser)
    names = _choices(commands["run"])
    common = argparse.ArgumentParser(add_help=False)
    cli.add_common_arguments(common)
    cli.add_data_dir(common)
    shared = {action.dest for action in common._actions}
    parts = [
        "## Options of every application, of `train` and of `compare`",
        _options(common._actions),
    ]
    for name, application in APPLICATIONS.items():
        own = [a for a in names[name]._actions if a.dest not in shared and a.dest != "help"]
        parts += [f"## {name}", f"{application.summary}.", f"```\n{_usage(name)}\n```"]
        parts.append(_options(own))
    for name, usage in (
        ("train", "--source IMAGES [--target IMAGES] [options]"),
        ("compare", "PAIR [options]"),
        ("translate", "MODEL INPUT OUTPUT [options]"),
        ("report", "RUN [options]"),
    ):
        hidden = {"help", *(shared if name in ("train", "compare") else ())}
        own = [a for a in commands[name]._actions if a.dest not in hidden]
        parts += [f"## {name}", f"```\nkeras-latent {name} {usage}\n```", _options(own)]
    return "\n\n".join(part for part in parts if part)


def _usage(name: str) -> str:
    return f"keras-latent run {name} [options]"


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (found,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return found.choices


def _options(actions: list[argparse.Action]) -> str:
    if not actions:
        return ""
    rows = [f"| {_name(a)} | {_default(a)} | {_help(a)} |" for a in actions]
    return "\n".join(["| option | default | description |", "| --- | --- | --- |", *rows])


def _name(action: argparse.Action) -> str:
    name = action.option_strings[-1] if action.option_strings else action.metavar
    if action.nargs == 0 or not action.option_strings:
        return f"`{name}`"
    values = "\\|".join(map(str, action.choices or ())) or (action.metavar or action.dest.upper())
    more = " ..." if action.nargs in ("+", "*") else ""
    # A `|` would end the table's cell, even inside code.
    return f"`{name}` " + " \\| ".join(f"`{v}{more}`" for v in values.split("\\|"))


def _default(action: argparse.Action) -> str:
    if action.default is None or action.nargs == 0:
        return ""
    if isinstance(action.default, (list, tuple)):
        return "`" + " ".join(map(str, action.default)) + "`"
    return f"`{action.default}`"


def _help(action: argparse.Action) -> str:
    text = " ".join((action.help or "").split())
    return (text[:1].upper() + text[1:]).replace("|", "\\|") % {"default": action.default}
