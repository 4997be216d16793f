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


def men_women() -> str:
    """Faces of men and women, test images: a line for each configuration and measure."""
    found: dict[str, dict[str, str]] = {}
    for row in read("celeba_men_women"):
        setting = row["setting"]
        if setting["split"] != "test":
            continue
        columns = [setting.get(k) for k in ("direction", "domain", "with_the", "of", "model")]
        name = f"{row['configuration']}: {row['metric'].replace('_', ' ')}"
        column = ", ".join(str(c).replace("_", " ") for c in columns if c)
        if setting.get("strength"):
            column += f", moved by {setting['strength']:g} offsets"
        elif "strength" in setting:
            continue  # not moved: the line is there already
        share = row["metric"] != "reconstruction_error" and row["metric"] != "spread"
        found.setdefault(f"{name}, {column}", {})["test images"] = (
            percent(row) if share else tables.number(row["value"])
        )
    return markdown("", found)


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
