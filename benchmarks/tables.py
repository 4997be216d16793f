"""Renders the results as Markdown tables.

    python -m benchmarks.tables

Writes `benchmarks/TABLES.md` and the table of models in README.md. Do not edit either by hand.
"""

import re
from pathlib import Path

from benchmarks import results
from benchmarks.markdown import lines
from benchmarks.paper_tables import PAPER_TABLES
from keras_latent.src.utils.files import replaced_when_complete

TABLES = Path(__file__).parent / "TABLES.md"
README = Path(__file__).parents[1] / "README.md"
INTRODUCTION = """# Results

A table for each table of the papers: the printed figures beside those of the paper's configuration
and ours. [The papers' pages](../docs/papers/index.md) explain them. All rows, with settings, seeds,
dates and environments, are in `benchmarks/results/*.json`.

`python -m benchmarks.tables` renders this page."""
SPEED = """## Speed

How many times as fast as the peer this library is: the ratio of the medians of two measurements
that alternate within a run, or the range of these ratios over the measured cases. Above 1, this
library is faster. All were measured with two CPU cores."""
#: What the result files about speed measure.
MEASURED = {
    "speed_vbta": "`VBTA.fit`",
    "speed_tvae": "`TVAE.fit`",
    "speed_lstnet": "a step of `LSTNet`",
    "speed_bridging": "`BridgingVAE.fit`",
    "speed_dual_vae": "`DualVAE.fit`",
    "speed_sliced_wasserstein": "sliced Wasserstein distance, with gradients",
    "speed_triplets": "triplet mining and loss, with gradients",
    "speed_faces_input": "input of faces",
    "speed_input_pipeline_jax": "`VBTA.fit` on the input pipeline",
    "speed_input_pipeline_tensorflow": "`VBTA.fit` on the input pipeline",
    "speed_input_pipeline_torch": "`VBTA.fit` on the input pipeline",
}
BACKENDS = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}


def render() -> str:
    """Render the tables of the papers and of speed."""
    parts = [INTRODUCTION]
    for name, (files, rendered) in PAPER_TABLES.items():
        if all(map(results.read, files)):
            parts += [f"## {name}", rendered()]
    return "\n\n".join([*parts, SPEED, speed_table()]) + "\n"


def speed_table() -> str:
    """Render the ratios to each peer: a line per peer, a column per backend."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for name, measured in MEASURED.items():
        for row in (results.read(name) or {"rows": []})["rows"]:
            peer = row.get("configuration", "").removeprefix("peer:") or row["peer"]
            backend = row.get("setting", {}).get("backend") or name.rsplit("_", 1)[-1]
            if row.get("ratio") is not None and "itself" not in peer:
                line = found.setdefault((measured, peer), {})
                line.setdefault(backend, []).append(row["ratio"])
    table = [["", "compared with", *BACKENDS.values()]]
    for key, line in found.items():
        table.append([*key, *(_range(line.get(backend, [])) for backend in BACKENDS)])
    return lines(table)


def _range(ratios: list[float]) -> str:
    edges = [edge(ratios, default=0) for edge in (min, max)]
    low, high = (format(ratio, ".0f" if ratio >= 10 else ".2g") for ratio in edges)
    return "" if not ratios else low if low == high else f"{low} to {high}"


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
        {"configuration": "paper, as printed", "paired": 100},
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
        "CIS of 40 attributes of faces (not comparable with the printed one, which is of other "
        "images and by another classifier)",
        "dualvae_table1",
        {"method": "dualvae", "domains": 40},
        {"domains": 40, "transfer": "dual", "of_draws": True, "metric": "cis"},
    ),
    (
        "LSTNet",
        "[Latent Space Translation Network](docs/papers/lstnet.md) (Friedjungová et al., 2020): "
        "adversarial translation through a discriminated shared latent space",
        "two domains",
        "test images of USPS, labels of MNIST",
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
