"""One HTML page about a run: how it was made, its curves, figures, pictures and models."""

import base64
import contextlib
import html
import io
import json
import os
import shlex
import zipfile
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

from keras_latent.src.applications.running.run_directory import (
    CONFIGURATION,
    LENGTHS,
    LOG,
    MADE,
    REPORT,
    read_history,
    read_metrics,
)
from keras_latent.src.utils.files import replaced_when_complete

#: Longer lists, and tables inside of tables, are folded.
FOLDED = 8
GRIDS = "grids/"
#: Drawn again from the logs.
TRAINING = "training.png"
#: How the classes of two domains translate. The others have one domain.
TRANSLATING = {"LatentDomainTransfer": "transfer"} | dict.fromkeys(
    ("VBTA", "JMVAE", "LSTNet", "UNIT", "CoGAN", "CycleGAN", "Pix2Pix"), "translate"
)
#: Those that have no latents, and so no reconstructions.
WITHOUT_LATENTS = ("CycleGAN", "Pix2Pix")

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin: 2.5rem 0 0.5rem; border-bottom: 1px solid #8886; }
h3 { margin: 1.5rem 0 0.5rem; }
table { border-collapse: collapse; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid #8883; text-align: left;
  vertical-align: top; }
th { font-weight: 500; }
td { font-variant-numeric: tabular-nums; }
td th, td td { border: 0; padding-block: 0; }
.scroll, figure { overflow-x: auto; }
pre { background: #8882; padding: 0.8rem; border-radius: 0.3rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
img { max-width: 100%; height: auto; background: #fff; border-radius: 0.3rem; }
img.curves { min-width: 45rem; }
figcaption, .when { opacity: 0.75; }
summary { cursor: pointer; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="when">$when</p>
<p><strong>$state</strong></p>
$sections
</body>
</html>
""")


def write_report(run: str | os.PathLike, out: str | os.PathLike | None = None) -> Path:
    """Writes a page that needs no other file, about a run that is finished or not.

    Args:
        run: The folder of the run. It is only read, so a process may be training in it.
        out: The file to write, which ends in ".html". By default, `report.html` in the folder.

    Returns:
        The path of the page.

    Raises:
        ValueError: If the folder holds no run, or `out` is not the name of a page.
        ImportError: If there are logs to draw, and matplotlib is not installed.
    """
    folder = Path(run)
    path = folder / REPORT if out is None else Path(out)
    if path.suffix != ".html" or path.is_dir():
        raise ValueError(f"`--out` must be a file that ends in .html. Received: {str(path)!r}")
    configuration = _configuration(folder)
    metrics = read_metrics(folder)
    finished = metrics or {}
    logs = {name: read_history(folder / name) for name in _made(folder, LOG)}
    model_classes = {name: _class_of(folder / name) for name in _made(folder, ".keras")}
    names = dict.fromkeys(name for name in model_classes.values() if name)
    command = finished.get("command") or command_of(configuration, folder)
    if "backend" in configuration:
        command = f"KERAS_BACKEND={configuration['backend']} {command}"
    page = PAGE.substitute(
        title=_text(": ".join([configuration["application"], ", ".join(names)]).rstrip(": ")),
        when=f"{_date(folder, finished):%Y-%m-%d %H:%M} UTC",
        state=_text(_state(configuration, metrics, logs.get(LOG, {}))),
        sections="\n".join(
            f"<h2>{title}</h2>\n{content}"
            for title, content in (
                ("Configuration", _table(configuration)),
                ("Command", f"<pre>{_text(command)}</pre>"),
                ("Curves", _curves(logs)),
                ("Figures", _table(_spaced(finished.get("figures", {})))),
                ("Pictures", _pictures(folder, bool(logs.get(LOG)))),
                ("Sounds", _sounds(folder)),
                ("Environment", _table(_environment(finished))),
                ("Load the model", _loading(folder, model_classes)),
            )
            if content
        ),
    )
    with replaced_when_complete(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def command_of(configuration: Mapping[str, Any], folder: Path) -> str:
    """The command that started, and resumes, an unfinished run in a folder."""
    name = configuration["application"]
    words = ["keras-latent", *(["train"] if name == "train" else ["run", name])]
    for name, value in configuration.items():
        if name in ("application", "backend", "prolonged_from") or value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(str(value))
    return shlex.join([*words, "--out", str(folder)])


def _configuration(folder: Path) -> dict[str, Any]:
    try:
        configuration = json.loads((folder / CONFIGURATION).read_text())
        if "application" in configuration:
            return configuration
        problem = f"{CONFIGURATION} names no application"
    except (OSError, ValueError, TypeError) as error:
        problem = f"{CONFIGURATION}: {error}"
    raise ValueError(
        f"`RUN` must be the folder of a run of keras-latent ({problem}). Received: {str(folder)!r}"
    )


def _state(
    configuration: Mapping[str, Any], metrics: Any, history: Mapping[str, list[float]]
) -> str:
    if metrics is not None:
        return "Finished"
    done = len(next(iter(history.values()), []))
    length = next((name for name in LENGTHS if name in configuration), None)
    if length == "epochs":
        return f"Not finished: {done} of {configuration[length]} epochs are trained"
    of = f" of a run of {configuration[length]} {length}" if length else ""
    return f"Not finished: {done} epochs are logged{of}"


def _date(folder: Path, metrics: Mapping[str, Any]) -> datetime:
    """When the run was finished, or its last epoch logged, in UTC."""
    if "date" in metrics:
        return datetime.fromisoformat(metrics["date"]).astimezone(UTC)
    log = folder / LOG
    written = (log if log.exists() else folder / CONFIGURATION).stat().st_mtime
    return datetime.fromtimestamp(written, UTC)


def _environment(metrics: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(metrics.get("environment", {}))
    if "wall_seconds" in metrics:
        since = " since it was resumed" if metrics.get("resumed") else ""
        found[f"seconds{since}"] = metrics["wall_seconds"]
    return found


def _made(folder: Path, ending: str) -> list[str]:
    """Names of the run's files with an ending, in the order of `MADE` and the alphabet."""
    patterns = [name for name in MADE if name.endswith(ending)]
    found = [path for name in patterns for path in sorted(folder.glob(name)) if path.is_file()]
    return [path.relative_to(folder).as_posix() for path in found]


# Texts, numbers and tables --------------------------------------------------------------------


def _text(value: object) -> str:
    return html.escape(str(value))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _folded(_table(value), value)
    if isinstance(value, list):
        if any(isinstance(v, (Mapping, list)) for v in value):
            return _folded(_table({str(i): v for i, v in enumerate(value, 1)}), value)
        return _folded(", ".join(map(_value, value)) or "none", value)
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return _text(value)


def _folded(content: str, values: Collection) -> str:
    if len(values) <= FOLDED:
        return content
    return f"<details><summary>{len(values)} values</summary>{content}</details>"


def _table(rows: Mapping[str, Any]) -> str:
    """Names and values; or a column per name, if all values are dicts of the same few names."""
    if not rows:
        return ""
    dicts = [value for value in rows.values() if value or not isinstance(value, Mapping)]
    columns = list(dicts[0]) if dicts and isinstance(dicts[0], Mapping) else []
    if 0 < len(columns) <= FOLDED and all(
        isinstance(value, Mapping)
        and list(value) == columns
        and not any(isinstance(v, (Mapping, list)) for v in value.values())
        for value in dicts
    ):
        lines = [_row("", [f"<th>{_text(name)}</th>" for name in columns])]
        lines += [
            _row(name, [f"<td>{_value(row[c]) if row else ''}</td>" for c in columns])
            for name, row in rows.items()
        ]
    else:
        lines = [_row(name, [f"<td>{_value(value)}</td>"]) for name, value in rows.items()]
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _row(name: str, cells: Iterable[str]) -> str:
    return f"<tr><th>{_text(name)}</th>{''.join(cells)}</tr>"


def _spaced(value: Any) -> Any:
    """Names of figures with spaces, not underscores, where lines can break."""
    if isinstance(value, Mapping):
        return {name.replace("_", " "): _spaced(v) for name, v in value.items()}
    return [_spaced(v) for v in value] if isinstance(value, list) else value


# Curves, pictures and sounds ------------------------------------------------------------------


def _curves(logs: Mapping[str, Mapping[str, list[float]]]) -> str:
    drawn = []
    for name, history in logs.items():
        if not history:
            continue
        # NumPy and matplotlib, which the command does not need to start.
        from keras_latent.src.visualization.training_curves import training_curves

        svg = io.BytesIO()
        training_curves(history).savefig(svg, format="svg")
        drawn.append(_figure(name, _data("image/svg+xml", svg.getvalue()), ' class="curves"'))
    return "\n".join(drawn)


def _pictures(folder: Path, curves: bool) -> str:
    names = [name for name in _made(folder, ".png") if not (curves and name == TRAINING)]
    pictures = {n: _figure(n, _data("image/png", (folder / n).read_bytes())) for n in names}
    latest = {n.rpartition("/")[0]: n for n in names if GRIDS in n}  # of each training
    earlier = [n for n in names if GRIDS in n and n not in latest.values()]
    shown = [picture for n, picture in pictures.items() if n not in earlier]
    if earlier:
        folded = "\n".join(pictures[name] for name in earlier)
        summary = f"{len(earlier)} earlier grids"
        shown.append(f"<details><summary>{summary}</summary>\n{folded}\n</details>")
    return "\n".join(shown)


def _sounds(folder: Path) -> str:
    return "\n".join(
        f'<figure><figcaption>{_text(name)}</figcaption><audio controls src="'
        f'{_data("audio/wav", (folder / name).read_bytes())}"></audio></figure>'
        for name in _made(folder, ".wav")
    )


def _figure(name: str, source: str, kind: str = "") -> str:
    name = _text(name)
    return (
        f'<figure><figcaption>{name}</figcaption><img{kind} src="{source}" alt="{name}"></figure>'
    )


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


# Models ---------------------------------------------------------------------------------------


def _class_of(model: Path) -> str | None:
    """The class in a `.keras` file, or `None` if the file cannot be read."""
    with (
        contextlib.suppress(OSError, ValueError, KeyError, zipfile.BadZipFile),
        zipfile.ZipFile(model) as archive,
    ):
        return json.loads(archive.read("config.json"))["class_name"]
    return None


def _loading(folder: Path, model_classes: Mapping[str, str | None]) -> str:
    return "\n".join(
        f"<h3>{_text(name)}: {_text(class_name)}</h3>\n"
        f"<pre>{_text(_lines(folder / name, class_name))}</pre>"
        if class_name
        else f"<p>{_text(name)} cannot be read.</p>"
        for name, class_name in model_classes.items()
    )


def _lines(model: Path, class_name: str) -> str:
    lines = [
        "import keras",
        "import keras_latent  # registers the classes",
        "",
        f"model = keras.saving.load_model({str(model)!r})",
    ]
    if verb := TRANSLATING.get(class_name):
        to = "source" if model.stem.endswith("to_source") else "target"
        domain = {"source": "target", "target": "source"}[to]
        lines += [
            f"# x: floats (rows, ...), data of the {domain}",
            f"translated = model.{verb}(x, to={to!r})",
        ]
        if class_name not in WITHOUT_LATENTS:
            lines.append(f"reconstructed = model.reconstruct(x, {domain!r})")
    else:
        lines += [
            "# x: floats (rows, ...), data as in the training",
            "latents = model.encode(x)",
            "reconstructed = model.reconstruct(x)",
        ]
    return "\n".join(lines)
