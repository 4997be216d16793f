"""All result files as Markdown tables.

    python -m benchmarks.tables

Writes `benchmarks/TABLES.md` and the table of README.md; none is edited by hand.
"""

import json
import re
from pathlib import Path

from benchmarks import results
from keras_latent.src.utils.files import replaced_when_complete

TABLES = Path(__file__).parent / "TABLES.md"
README = Path(__file__).parents[1] / "README.md"
#: VBTA's table 1 as its paper prints it, y to x, after 100 epochs.
REPORTED = {0: 0.1707, 10: 0.5909, 100: 0.9074, 1000: 0.9083, "all": 0.9078}
TITLES = {
    "mnist_transpose": "MNIST and its transpose: the application",
    "vbta_table1": "VBTA, table 1: transfer accuracy against known pairs",
    "vbta_ablation": "VBTA: what each part of our configuration gains, at 100 known pairs",
    "vbta_table2": "VBTA, table 2: log-likelihood of binarised digits, in nats",
    "tvae_table1": "TVAE, table 1: triplet accuracy on MNIST",
    "lstnet_table2": "LSTNet, table 2: accuracy of translations, MNIST and USPS",
    "lstnet_first_steps": "LSTNet: the first steps at the paper's size, on a CPU",
    "bridging_table1": "Latent domain transfer, table 1: reconstruction accuracy",
    "bridging_table2": "Latent domain transfer, table 2: transfer accuracy",
    "bridging_table3": "Latent domain transfer, table 3: transfer accuracy against labels",
    "bridging_table4": "Latent domain transfer, table 4: ablation",
    "bridging_table5": "Latent domain transfer, table 5: accuracy and Frechet distance",
    "bridging_gan": "Latent domain transfer: what the judge hears in the GAN of spoken digits",
    "bridging_minutes": "Latent domain transfer: the time of a bridge's training",
    "dualvae_table1": "DualVAE, table 1: conditional inception score",
    "dualvae_sparsity": "DualVAE, figure 6: conditional inception score with labels missing",
    "celeba_men_women": "VBTA: faces of men and of women, translated both ways",
    "speed_sliced_wasserstein": "Speed: sliced Wasserstein distance, forward and backward",
    "speed_triplets": "Speed: triplet mining and loss, forward and backward",
    "speed_vbta": "Speed: VBTA's `fit`",
    "speed_tvae": "Speed: TVAE's `fit`",
    "speed_lstnet": "Speed: a step of LSTNet",
    "speed_bridging": "Speed: BridgingVAE's `fit`",
    "speed_dual_vae": "Speed: DualVAE's `fit` beside a plain VAE's",
    "speed_faces_input": "Speed: the input of faces beside training steps",
    "speed_match_by_attributes": "Speed: matching by attributes",
    "speed_rows": "Growth: rows of `translate` and `log_likelihood`",
}
# What a table does not show; the files hold it.
HIDDEN = ("environment", "setting", "date", "spread", "rounds", "repetitions", "triplets", "std")


def number(value) -> str:
    """A value as it stands in a table."""
    if isinstance(value, float):
        return (
            f"{value:.4f}"
            if abs(value) < 1
            else f"{value:.4g}"
            if abs(value) < 1e4
            else f"{value:.0f}"
        )
    return "" if value is None else str(value)


def cells(row: dict) -> dict[str, str]:
    """Columns of a row: the configuration, its setting, and what was measured."""
    shown = {"configuration": row.get("configuration"), **row.get("setting", {})}
    shown |= {key: value for key, value in row.items() if key not in (*HIDDEN, "configuration")}
    shown = {key.replace("_", " "): number(value) for key, value in shown.items()}
    if row.get("std") is not None:
        shown["value"] += f" ± {number(row['std'])}"
    return shown


def table(rows: list[dict]) -> str:
    """Rows as Markdown; columns in the order in which they first come up."""
    shown = [cells(row) for row in rows]
    columns = list(dict.fromkeys(c for row in shown for c in row))
    columns = [c for c in columns if any(row.get(c) for row in shown)]
    lines = [columns, ["---"] * len(columns), *([row.get(c, "") for c in columns] for row in shown)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def render() -> str:
    """The whole page."""
    parts = [
        "# Results",
        "Rendered from `results/*.json` by `python -m benchmarks.tables`. Accuracies are shares; a "
        "ratio above 1 means that this library is faster than the peer; seconds and milliseconds "
        "are of a noisy machine of two CPU cores unless the file says otherwise.",
    ]
    paths = {path.stem: path for path in sorted(results.RESULTS.glob("*.json"))}
    for name in sorted(paths, key=lambda n: (list(TITLES).index(n) if n in TITLES else 99, n)):
        result = json.loads(paths[name].read_text())
        parts.append(f"## {TITLES.get(name, name)}")
        parts.append(
            f"`{result['command']}`, {result['date']}, {result['environment']['hardware']}"
        )
        parts.append(table(result["rows"]))
    return "\n\n".join(parts) + "\n"


def vbta_table() -> str:
    """VBTA's table 1, a line for each number of known pairs: translations y to x."""
    rows = json.loads((results.RESULTS / "vbta_table1.json").read_text())["rows"]
    found = {}
    for row in rows:
        if row["setting"]["direction"] == "target_to_source":
            found.setdefault(row["configuration"], {})[row["setting"]["paired"]] = row["value"]
    columns = {"paper, as printed": REPORTED, **found}
    lines = [["known pairs", *columns], ["---"] * (1 + len(columns))]
    for paired in REPORTED:
        values = [column.get(paired) for column in columns.values()]
        lines.append([str(paired), *("" if v is None else f"{100 * v:.2f} %" for v in values)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def lstnet_table() -> str:
    """LSTNet's table 2, a line for each method or run."""
    rows = json.loads((results.RESULTS / "lstnet_table2.json").read_text())["rows"]
    found = {}
    for row in rows:
        name = row["configuration"]
        if preset := row["setting"].get("preset"):
            name = f"{name}: preset `{preset}`, {row['setting']['epochs']} epochs"
        found.setdefault(name, {})[row["setting"]["direction"]] = f"{100 * row['value']:.2f} %"
    lines = [["", "USPS to MNIST", "MNIST to USPS"], ["---"] * 3]
    for name, cell in found.items():
        lines.append([name, cell["target_to_source"], cell["source_to_target"]])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bridging_table() -> str:
    """Tables 2 and 3 of latent domain transfer, a line for each pair, then number of labels."""
    columns = {
        "paper, as printed": ("paper, as printed", None),
        "paper's configuration, mean latents": ("paper", "mean"),
        "ours, mean latents": ("ours", "mean"),
    }
    found = {}
    for number, key in ((2, "pair"), (3, "labels")):
        path = results.RESULTS / f"bridging_table{number}.json"
        if not path.exists():
            return ""
        # Where a run is there with several numbers of steps, the longest stands.
        for row in sorted(
            json.loads(path.read_text())["rows"], key=lambda row: row["setting"].get("steps", 0)
        ):
            setting = row["setting"]
            name = setting[key]
            if key == "labels":
                if name == "all":  # the pair's own line
                    continue
                name = f"MNIST to MNIST (2), {name} labels"
            line = found.setdefault(name, {})
            line[row["configuration"], setting.get("latents")] = f"{100 * row['value']:.2f} %"
    lines = [["", *columns], ["---"] * (1 + len(columns))]
    for name, line in found.items():
        lines.append([name, *(line.get(column, "") for column in columns.values())])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


#: Method, way of transferring, and whether the objective is the paper's.
METHODS = {
    ("cvae", "set", True): "CVAE, attribute set to 1",
    ("cvae", "label", True): "CVAE, attribute set to its best value",
    ("fader", "set", True): "Fader Network, attribute set to 1",
    ("fader", "label", True): "Fader Network, attribute set to its best value",
    ("stargan", None, True): "StarGAN",
    ("dualvae", "dual", True): "DualVAE, z + lambda u",
    ("dualvae", "isolated", True): "DualVAE, isolated direction",
    ("dualvae", "boundary", True): "DualVAE, past the boundary",
    ("dualvae", "dual", False): "ours, z + lambda u",
    ("dualvae", "isolated", False): "ours, isolated direction",
    ("dualvae", "boundary", False): "ours, past the boundary",
}


def dualvae_table() -> str:
    """Table 1 of DualVAE: a line for each method, CIS on sets of 160 test faces."""
    path = results.RESULTS / "dualvae_table1.json"
    if not path.exists():
        return ""
    found = {}
    for row in json.loads(path.read_text())["rows"]:
        setting = row["setting"]
        printed = row["configuration"] == "printed"
        if row["metric"] != "cis" or not (printed or setting["of_draws"]):
            continue
        kind = setting.get("transfer")
        if printed and setting["method"] != "stargan":
            kind = "dual" if setting["method"] == "dualvae" else "set"
        value = f"{row['value']:.3f}" + ("" if row["std"] is None else f" ± {row['std']:.3f}")
        key = setting["method"], kind, not setting.get("consistency")
        line = found.setdefault(key, {})
        line[f"{setting['domains']} attributes{', as printed' if printed else ''}"] = value
    columns = [f"{n} attributes{end}" for n in (20, 40) for end in (", as printed", "")]
    lines = [["", *columns], ["---"] * (1 + len(columns))]
    for key, name in METHODS.items():
        if key in found:
            lines.append([name, *(found[key].get(column, "") for column in columns)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _first(name: str, **wanted) -> dict | None:
    """The row of a result file in which all of this holds, of the longest training; or None."""
    path = results.RESULTS / f"{name}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [r for r in rows if wanted.items() <= {**r, **r["setting"]}.items()]
    length = ("steps", "epochs")
    return max(rows, key=lambda r: [r["setting"].get(k) or 0 for k in length], default=None)


#: Model; method and paper; what it needs; what the figures are; those printed, or where the result
#: file has them; and the rows of the paper's configuration and of ours.
MODELS = (
    (
        "TVAE",
        "[Triplet-based VAE](docs/papers/tvae.md) (Ishfaq et al., 2018): latent distances follow "
        "the labels",
        "images, labels",
        "triplet accuracy, MNIST",
        0.9560,
        "tvae_table1",
        {"metric": "triplet_accuracy", "margin": 0.0},
    ),
    (
        "VBTA",
        "[Variational Bi-domain Triplet Autoencoder](docs/papers/vbta.md) (Kuznetsova and "
        "Bakhteev, 2018): two domains, one latent space, triplets mined in it",
        "two domains, some pairs",
        "transposed MNIST to MNIST, 100 known pairs",
        REPORTED[100],
        "vbta_table1",
        {"paired": 100, "direction": "target_to_source"},
    ),
    (
        "BridgingVAE",
        "[Latent Domain Transfer](docs/papers/latent_domain_transfer.md) (Tian and Engel, 2018): "
        "a small VAE between the latent spaces of two frozen models",
        "two trained models, some labels",
        "MNIST to Fashion-MNIST",
        {"configuration": "paper, as printed", "pair": "MNIST to Fashion-MNIST"},
        "bridging_table2",
        {"pair": "MNIST to Fashion-MNIST", "latents": "mean"},
    ),
    (
        "DualVAE",
        "[Dual Space Learning](docs/papers/dual_vae.md) (Okamoto et al., 2019): attributes as "
        "linear boundaries in latent space",
        "images, attributes",
        "CIS of 40 attributes of faces",
        {"configuration": "printed", "method": "dualvae", "domains": 40},
        "dualvae_table1",
        {"domains": 40, "transfer": "dual", "of_draws": True, "metric": "cis"},
    ),
    (
        "LSTNet",
        "[Latent Space Translation Network](docs/papers/lstnet.md) (Friedjungová et al., 2020): "
        "adversarial translation through a discriminated shared latent space",
        "two domains",
        "USPS to MNIST",
        {"configuration": "LSTNet, as printed", "direction": "target_to_source"},
        "lstnet_table2",
        {"direction": "target_to_source"},
    ),
)


def model_table() -> str:
    """The five methods: what each needs, a figure of its paper, and ours."""
    columns = ["model", "method", "needs", "measured", "printed", "paper's configuration", "ours"]
    lines = [columns, ["---"] * len(columns)]
    for model, method, needs, measured, printed, name, wanted in MODELS:
        rows = [_first(name, **wanted, configuration=c) for c in ("paper", "ours")]
        values = [printed if isinstance(printed, float) else _value(_first(name, **printed))]
        values += [_value(row) for row in rows]
        share = "CIS" not in measured
        shown = ["" if v is None else f"{100 * v:.2f} %" if share else f"{v:.3f}" for v in values]
        lines.append([f"`{model}`", method, needs, measured, *shown])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _value(row: dict | None) -> float | None:
    return None if row is None else row["value"]


#: What stands between `<!-- NAME: rendered by benchmarks/tables.py -->` and `<!-- end -->`.
README_TABLES = {"Models": model_table}


def main() -> None:
    with replaced_when_complete(TABLES) as temporary:
        temporary.write_text(render())
    text = README.read_text()
    for name, rendered in README_TABLES.items():
        first, last = f"<!-- {name}: rendered by benchmarks/tables.py -->", "<!-- end -->"
        if first not in text:
            continue
        block = f"{first}\n{rendered()}\n{last}"
        text = re.sub(rf"{first}.*?{last}", lambda _, block=block: block, text, flags=re.S)
    README.write_text(text)
    print(TABLES, README)


if __name__ == "__main__":
    main()
