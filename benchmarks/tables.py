"""Renders all result files as Markdown tables.

    python -m benchmarks.tables

Writes `benchmarks/TABLES.md` and the table of models in README.md. Do not edit either by hand.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks import results
from keras_latent.src.utils.files import replaced_when_complete

TABLES = Path(__file__).parent / "TABLES.md"
README = Path(__file__).parents[1] / "README.md"
TITLES = {
    "mnist_transpose": "VBTA: the application `mnist-transpose`",
    "vbta_table1": "VBTA, table 1: transfer accuracy against known pairs",
    "vbta_ablation": "VBTA: ablation of our configuration, with 100 known pairs",
    "vbta_table2": "VBTA, table 2: log-likelihood of binarized digits, in nats",
    "tvae_table1": "TVAE, table 1: triplet accuracy on MNIST",
    "lstnet_table2": "LSTNet, table 2: transfer accuracy, MNIST and USPS",
    "lstnet_first_steps": "LSTNet: the first steps at the paper's size, on a CPU",
    "bridging_table1": "Latent domain transfer, table 1: reconstruction accuracy",
    "bridging_table2": "Latent domain transfer, table 2: transfer accuracy",
    "bridging_table3": "Latent domain transfer, table 3: transfer accuracy against labels",
    "bridging_table4": "Latent domain transfer, table 4: ablation",
    "bridging_table5": "Latent domain transfer, table 5: accuracy and Frechet distance",
    "bridging_gan": "Latent domain transfer: digits recognized in the GAN's sounds",
    "bridging_minutes": "Latent domain transfer: training time of a bridge",
    "dualvae_table1": "DualVAE, table 1: conditional inception score",
    "dualvae_sparsity": "DualVAE, figure 6: conditional inception score with missing labels",
    "celeba_men_women": "VBTA: translations between faces of men and women",
    "speed_sliced_wasserstein": "Speed: sliced Wasserstein distance, forward and backward",
    "speed_triplets": "Speed: triplet mining and loss, forward and backward",
    "speed_vbta": "Speed: VBTA's `fit`",
    "speed_tvae": "Speed: TVAE's `fit`",
    "speed_lstnet": "Speed: a step of LSTNet",
    "speed_bridging": "Speed: BridgingVAE's `fit`",
    "speed_dual_vae": "Speed: DualVAE's `fit`, compared with a plain VAE's",
    "speed_faces_input": "Speed: input of faces, compared with training steps",
    "speed_match_by_attributes": "Speed: matching by attributes",
    "speed_input_pipeline_jax": "Speed: input pipeline, JAX",
    "speed_input_pipeline_tensorflow": "Speed: input pipeline, TensorFlow",
    "speed_input_pipeline_torch": "Speed: input pipeline, PyTorch",
    "speed_rows": "Scaling: rows of `translate` and `log_likelihood`",
}
# Result files that have a page of their own: docs/reliability.md.
ELSEWHERE = ("reliability",)
# Fields that only the result files show.
HIDDEN = ("environment", "setting", "date", "spread", "rounds", "repetitions", "triplets", "std")


def number(value: object) -> str:
    """Format a value for a table."""
    if isinstance(value, float):
        digits = ".4f" if abs(value) < 1 else ".4g" if abs(value) < 1e4 else ".0f"
        return format(value, digits)
    return "" if value is None else str(value)


def percent(row: dict) -> str:
    """Format a row's value in percent, with its standard deviation over seeds if known."""
    spread = f" ± {100 * row['std']:.2f}" if row.get("std") else ""
    return f"{100 * row['value']:.2f}{spread} %"


def lines(rows: Iterable[Iterable[str]]) -> str:
    """Join rows of cells to a Markdown table; the first row is the header."""
    header, *rows = map(list, rows)
    table = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in table)


def cells(row: dict) -> dict[str, str]:
    """Return the columns of a row: its configuration, its setting and its measurements."""
    shown = {"configuration": row.get("configuration"), **row.get("setting", {})}
    shown |= {key: value for key, value in row.items() if key not in (*HIDDEN, "configuration")}
    shown = {key.replace("_", " "): number(value) for key, value in shown.items()}
    if row.get("std") is not None:
        shown["value"] += f" ± {number(row['std'])}"
    return shown


def table(rows: list[dict]) -> str:
    """Render rows as Markdown, with columns in order of first appearance."""
    shown = [cells(row) for row in rows]
    columns = list(dict.fromkeys(c for row in shown for c in row))
    columns = [c for c in columns if any(row.get(c) for row in shown)]
    return lines([columns, *([row.get(c, "") for c in columns] for row in shown)])


def render() -> str:
    """Render all result files."""
    parts = [
        "# Results",
        "Rendered from `results/*.json` by `python -m benchmarks.tables`. Accuracies are shares. A "
        "ratio above 1 means that this library is faster than the peer. Unless stated otherwise, "
        "times were measured on a noisy machine with two CPU cores.",
    ]
    order, names = list(TITLES), [path.stem for path in results.RESULTS.glob("*.json")]
    names = [name for name in names if name not in ELSEWHERE]
    for name in sorted(names, key=lambda n: (order.index(n) if n in TITLES else 99, n)):
        result = results.read(name)
        parts.append(f"## {TITLES.get(name, name)}")
        parts.append(
            f"`{result['command']}`, {result['date']}, {result['environment']['hardware']}"
        )
        parts.append(table(result["rows"]))
    return "\n\n".join(parts) + "\n"


#: Model; method and paper; data that it needs; what the figures are; the result file; the row
#: that the paper prints; and the rows of the paper's configuration and of ours.
MODELS = (
    (
        "TVAE",
        "[Triplet-based VAE](docs/papers/tvae.md) (Ishfaq et al., 2018): latent distances follow "
        "the labels",
        "images, labels",
        "triplet accuracy, MNIST",
        "tvae_table1",
        {"configuration": "paper"},
        {"metric": "triplet_accuracy", "margin": 0.0},
    ),
    (
        "VBTA",
        "[Variational Bi-domain Triplet Autoencoder](docs/papers/vbta.md) (Kuznetsova and "
        "Bakhteev, 2018): two domains, one latent space, triplets mined in it",
        "two domains, some pairs",
        "transposed MNIST to MNIST, 100 known pairs",
        "vbta_table1",
        {"paired": 100},
        {"paired": 100, "direction": "target_to_source"},
    ),
    (
        "BridgingVAE",
        "[Latent Domain Transfer](docs/papers/latent_domain_transfer.md) (Tian and Engel, 2018): "
        "a small VAE between the latent spaces of two frozen models",
        "two trained models, some labels",
        "MNIST to Fashion-MNIST",
        "bridging_table2",
        {"pair": "MNIST to Fashion-MNIST"},
        {"pair": "MNIST to Fashion-MNIST", "latents": "mean"},
    ),
    (
        "DualVAE",
        "[Dual Space Learning](docs/papers/dual_vae.md) (Okamoto et al., 2019): attributes as "
        "linear boundaries in latent space",
        "images, attributes",
        "CIS of 40 attributes of faces",
        "dualvae_table1",
        {"method": "dualvae", "domains": 40},
        {"domains": 40, "transfer": "dual", "of_draws": True, "metric": "cis"},
    ),
    (
        "LSTNet",
        "[Latent Space Translation Network](docs/papers/lstnet.md) (Friedjungová et al., 2020): "
        "adversarial translation through a discriminated shared latent space",
        "two domains",
        "USPS to MNIST",
        "lstnet_table2",
        {"configuration": "LSTNet, as printed", "direction": "target_to_source"},
        {"direction": "target_to_source"},
    ),
)


def model_table() -> str:
    """Render the five methods: the data each needs, a figure of its paper, and ours."""
    rows = [["model", "method", "needs", "measured", "printed", "paper's configuration", "ours"]]
    for model, method, needs, measured, name, printed, wanted in MODELS:
        found = [results.printed(name, **printed)]
        found += [results.longest(name, **wanted, configuration=c) for c in ("paper", "ours")]
        values = [group[0]["value"] if group else None for group in found]
        share = "CIS" not in measured
        shown = ["" if v is None else f"{100 * v:.2f} %" if share else f"{v:.3f}" for v in values]
        rows.append([f"`{model}`", method, needs, measured, *shown])
    return lines(rows)


#: Tables that stand between `<!-- NAME: rendered by benchmarks/tables.py -->` and `<!-- end -->`.
README_TABLES = {"Models": model_table}


def main() -> None:
    with replaced_when_complete(TABLES) as temporary:
        temporary.write_text(render())
    text = README.read_text()
    for name, rendered in README_TABLES.items():
        first, last = f"<!-- {name}: rendered by benchmarks/tables.py -->", "<!-- end -->"
        block = f"{first}\n{rendered()}\n{last}"
        text = re.sub(rf"{first}.*?{last}", lambda _, block=block: block, text, flags=re.S)
    README.write_text(text)
    print(TABLES, README)


if __name__ == "__main__":
    main()
