"""The papers' tables with ours beside them, as Markdown, for the pages of the papers.

`PAPER_TABLES` holds, by name, the result files that a table needs and the function that renders
it. What a paper prints is cited: in the result file where its benchmark writes it, else here.
"""

import json
from collections.abc import Callable, Iterable

from benchmarks import results, tables

#: Table 1 of the TVAE paper; it states no margin.
TVAE_PRINTED = {"VAE": 0.7508, "paper": 0.9560}
#: Table 2 of the VBTA paper, log p(x) and log p(y); its JMVAE is that of another paper.
VBTA_PRINTED = {
    "VAE": (-81.13, -81.01),
    "JMVAE": (-85.35, -85.44),
    "paper": (-80.92, -80.91),
}
VARIANTS = {
    "vae": "unconditional VAE",
    "conditional": "conditional VAE",
    "full": "conditional VAE and SWD",
}
DIRECTIONS = {"target_to_source": "y to x", "source_to_target": "x to y"}


def read(name: str) -> list[dict]:
    """Rows of a result file, the longest trainings last."""
    rows = json.loads((results.RESULTS / f"{name}.json").read_text())["rows"]
    return sorted(rows, key=lambda row: row["setting"].get("steps", 0))


def percent(row: dict) -> str:
    """A share, with the spread over seeds where there are several."""
    spread = f" ± {100 * row['std']:.2f}" if row.get("std") else ""
    return f"{100 * row['value']:.2f}{spread} %"


def markdown(head: str, found: dict[str, dict[str, str]], columns: Iterable[str] = ()) -> str:
    """A table of lines, each a dict of cells; columns in the given order, then as they come."""
    columns = list(dict.fromkeys([*columns, *(c for line in found.values() for c in line)]))
    columns = [c for c in columns if any(line.get(c) for line in found.values())]
    lines = [[head, *columns], ["---"] * (1 + len(columns))]
    lines += [[name, *(line.get(c, "") for c in columns)] for name, line in found.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def tvae_table() -> str:
    """Table 1 of TVAE: a line for each configuration."""
    names = {
        "VAE": "VAE",
        "paper": "TVAE, the paper's configuration",
        "VAE of ours": "VAE of ours",
        "ours": "TVAE, ours",
    }
    found: dict[str, dict[str, str]] = {name: {} for name in names.values()}
    for configuration, value in TVAE_PRINTED.items():
        found[names[configuration]]["paper, as printed"] = f"{100 * value:.2f} %"
    for row in read("tvae_table1"):
        line = found[names[row["configuration"]]]
        if row["metric"] == "triplet_accuracy":
            line[f"margin {row['setting']['margin']:g}"] = percent(row)
        elif row["metric"] == "nearest_neighbor_accuracy":
            line["1-nearest neighbour"] = percent(row)
        else:
            line["reconstruction, mean squared error"] = tables.number(row["value"])
        line["epochs"] = str(row["setting"]["epochs"])
    columns = ("paper, as printed", "margin 0", "margin 1")
    return markdown("", {name: line for name, line in found.items() if line}, columns)


def vbta_likelihoods() -> str:
    """Table 2 of VBTA: log-likelihoods of both domains, with standard errors."""
    names = {"VAE": "VAE", "JMVAE": "JMVAE", "paper": "VBTA"}
    found: dict[str, dict[str, str]] = {}
    for configuration, (x, y) in VBTA_PRINTED.items():
        printed = {"log p(x), as printed": f"{x:.2f}", "log p(y), as printed": f"{y:.2f}"}
        found[names[configuration]] = printed
    for row in read("vbta_table2"):
        symbol = {"source": "x", "target": "y"}[row["setting"]["domain"]]
        line = found.setdefault(names.get(row["configuration"], row["configuration"]), {})
        line[f"log p({symbol})"] = f"{row['value']:.2f} ± {row['standard_error']:.2f}"
    return markdown("", found)


def vbta_ablation() -> str:
    """From the paper's configuration of VBTA to ours, at 100 known pairs."""
    steps = [
        *(r for r in read("vbta_table1") if r["configuration"] == "paper"),
        *read("vbta_ablation"),
        *(r for r in read("vbta_table1") if r["configuration"] == "ours"),
    ]
    found: dict[str, dict[str, str]] = {}
    for row in steps:
        if row["setting"]["paired"] == 100:
            name = row["configuration"]
            name = "ours: and cross-reconstruction" if name == "ours" else name
            line = found.setdefault(name, {})
            line[DIRECTIONS[row["setting"]["direction"]]] = percent(row)
    return markdown("100 known pairs", found)


def bridging_table(number: int, key: str) -> Callable[[], str]:
    """A table of latent domain transfer, a line for each value of its setting `key`."""
    whose = {"paper": "paper's configuration", "ours": "ours"}

    def rendered() -> str:
        found: dict[str, dict[str, str]] = {}
        for row in read(f"bridging_table{number}"):
            setting = row["setting"]
            name = VARIANTS.get(setting[key], str(setting[key]))
            if number == 5:
                name = f"{name}: {'Frechet distance' if row['metric'] == 'fid' else 'accuracy'}"
            column = row["configuration"]
            if column in whose:
                column = f"{whose[column]}, {setting['latents']}"
            value = tables.number(row["value"]) if row["metric"] == "fid" else percent(row)
            line = found.setdefault(name, {})
            line[column] = value
            if row["configuration"] in whose:
                line[f"steps, {whose[row['configuration']]}"] = f"{setting['steps']:,}"
        columns = [f"{who}, {latents}" for who in whose.values() for latents in ("mean", "sampled")]
        return markdown(key, found, ["paper, as printed", *columns])

    return rendered


def dualvae_sparsity() -> str:
    """Figure 6 of DualVAE in numbers: a line for each share of missing labels and transfer."""
    found: dict[str, dict[str, str]] = {}
    for row in read("dualvae_sparsity"):
        setting = row["setting"]
        if setting["of_draws"]:
            continue
        key = "dualvae", setting["transfer"], not setting.get("consistency")
        kind = tables.METHODS.get(key, setting["transfer"])
        line = found.setdefault(f"{100 * setting['missing']:g} % missing, {kind}", {})
        line[row["metric"].upper() if row["metric"] == "cis" else row["metric"]] = (
            f"{row['value']:.3f}"
        )
    return markdown("", found, ("ts", "rs", "CIS"))


#: Metric, and where there are several of it whose, to the line of the table of faces.
OF_FACES = {
    ("target_gender_accuracy", ""): "seen as the other gender: {}",
    ("attribute_agreement", "reconstruction"): "other attributes as in the reconstruction: {}",
    ("attribute_agreement", "real"): "other attributes as in the real face: {}",
    ("attribute_agreement", "chance"): "other attributes as in another face",
    ("gender_accuracy", "reconstruction"): "seen as their own gender: reconstructions",
    ("gender_accuracy", "real"): "seen as their own gender: real faces",
    ("reconstruction_error", "vbta"): "squared error of reconstructions",
    ("reconstruction_error", "vae"): "the same of a plain VAE",
    ("spread", "real"): "spread: real faces",
    ("spread", "reconstruction"): "spread: reconstructions",
    ("spread", "translation"): "spread: {}",
}


def men_women() -> str:
    """Faces of men and women, test images: a line for each measure, a column for whose faces."""
    whose = {"source": "of men", "target": "of women"}
    places = {key: number for number, key in enumerate(OF_FACES)}
    found: dict[tuple, dict[str, str]] = {}
    for row in read("celeba_men_women"):
        setting, metric = row["setting"], row["metric"]
        if setting["split"] != "test":
            continue
        strength = setting.get("strength")
        which = next((setting[k] for k in ("with_the", "of", "model") if k in setting), "")
        if metric == "spread" and strength is not None:
            which = "translation"
        share = metric not in ("reconstruction_error", "spread")
        value = percent(row) if share else tables.number(row["value"])
        if strength is not None and metric == "target_gender_accuracy":
            value += f" (by {strength:g} of the difference)"
        domain = setting.get("domain") or setting["direction"].split("_")[0]
        line = places[metric, which], strength is not None, row["configuration"]
        found.setdefault(line, {})[whose[domain]] = value
    kinds, texts = ("translations", "translations, moved"), list(OF_FACES.values())
    lines = {
        f"{configuration}: {texts[place].format(kinds[moved])}": found[place, moved, configuration]
        for place, moved, configuration in sorted(found)
    }
    return markdown("test images", lines, whose.values())


PAPER_TABLES: dict[str, tuple[tuple[str, ...], Callable[[], str]]] = {
    "TVAE, table 1": (("tvae_table1",), tvae_table),
    "VBTA, table 1": (("vbta_table1",), tables.vbta_table),
    "VBTA, table 2": (("vbta_table2",), vbta_likelihoods),
    "VBTA, ablation": (("vbta_table1", "vbta_ablation"), vbta_ablation),
    "VBTA, men and women": (("celeba_men_women",), men_women),
    "Latent domain transfer, table 1": (("bridging_table1",), bridging_table(1, "domain")),
    "Latent domain transfer, table 2": (("bridging_table2",), bridging_table(2, "pair")),
    "Latent domain transfer, table 3": (("bridging_table3",), bridging_table(3, "labels")),
    "Latent domain transfer, table 4": (("bridging_table4",), bridging_table(4, "variant")),
    "Latent domain transfer, table 5": (("bridging_table5",), bridging_table(5, "pair")),
    "DualVAE, table 1": (("dualvae_table1",), tables.dualvae_table),
    "DualVAE, figure 6": (("dualvae_sparsity",), dualvae_sparsity),
    "LSTNet, table 2": (("lstnet_table2",), tables.lstnet_table),
}
