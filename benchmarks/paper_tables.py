"""The papers' tables beside our results, as Markdown, for the papers' pages on the site.

`PAPER_TABLES` maps the name of each table to the result files that it needs and the function that
renders it.
"""

from collections.abc import Callable, Iterable

from benchmarks import markdown as text
from benchmarks import results
from benchmarks.markdown import percent

PRINTED = "paper, as printed"
DIRECTIONS = {"target_to_source": "y to x", "source_to_target": "x to y"}
VARIANTS = {
    "vae": "unconditional VAE",
    "conditional": "conditional VAE",
    "full": "conditional VAE and SWD",
}


def markdown(head: str, found: dict[str, dict[str, str]], columns: Iterable[str] = ()) -> str:
    """Render lines, each a dict of cells; the given columns come first."""
    columns = list(dict.fromkeys([*columns, *(c for line in found.values() for c in line)]))
    columns = [c for c in columns if any(line.get(c) for line in found.values())]
    body = [[name, *(line.get(c, "") for c in columns)] for name, line in found.items()]
    return text.lines([[head, *columns], *body])


def tvae_table() -> str:
    """Table 1 of TVAE, with a line per configuration."""
    names = {
        "VAE": "VAE",
        "paper": "TVAE, the paper's configuration",
        "VAE of ours": "VAE of ours",
        "ours": "TVAE, ours",
    }
    found: dict[str, dict[str, str]] = {name: {} for name in names.values()}
    for row in results.printed("tvae_table1"):
        found[names[row["configuration"]]][PRINTED] = percent(row)
    for row in results.rows("tvae_table1"):
        line = found[names[row["configuration"]]]
        if row["metric"] == "triplet_accuracy":
            line[f"margin {row['setting']['margin']:g}"] = percent(row)
        elif row["metric"] == "nearest_neighbor_accuracy":
            line["1-nearest neighbor"] = percent(row)
        else:
            line["reconstruction, mean squared error"] = text.number(row["value"])
        line["epochs"] = str(row["setting"]["epochs"])
    columns = (PRINTED, "margin 0", "margin 1")
    return markdown("", {name: line for name, line in found.items() if line}, columns)


def tvae_choice() -> str:
    """Accuracy and, in parentheses, reconstruction error on held-out images, by both settings."""
    found: dict[str, dict[str, str]] = {}
    for name, title in (("paper", "the paper's configuration"), ("ours", "ours")):
        of = {"configuration": name}
        accuracies = results.rows("tvae_choice", **of, metric="triplet_accuracy", margin=0.0)
        errors = results.rows("tvae_choice", **of, metric="reconstruction_mse")
        for accuracy, error in zip(accuracies, errors, strict=True):
            setting = accuracy["setting"]
            line = found.setdefault(f"{title}, variance {setting['observation_variance']:g}", {})
            line[f"weight {setting['triplet_weight']:g}"] = (
                f"{percent(accuracy)} ({text.number(error['value'])})"
            )
    return markdown("", found)


def vbta_table() -> str:
    """Table 1 of VBTA, translations from y to x, with a line per number of known pairs."""
    found: dict[str, dict[str, str]] = {}
    measured = results.rows("vbta_table1", direction="target_to_source")
    for row in [*measured, *results.printed("vbta_table1")]:
        if "match" not in row["configuration"]:
            line = found.setdefault(str(row["setting"]["paired"]), {})
            line[row["configuration"]] = percent(row)
    return markdown("known pairs", found, (PRINTED, "paper", "ours"))


def vbta_matched() -> str:
    """Translations from y to x with matched pairs: VBTA's, and those of a linear map."""
    found: dict[str, dict[str, str]] = {}
    for row in results.rows("vbta_table1", direction="target_to_source"):
        name, disjoint, _ = row["configuration"].partition(", disjoint")
        if "match" in name and row["setting"]["paired"] == 0:
            name = "matching + VBTA" if name.startswith("ours") else name
            column = f"{'no' if disjoint else 'each'} image in both domains"
            found.setdefault(name, {})[column] = percent(row)
    return markdown("no known pairs", found)


def vbta_likelihoods() -> str:
    """Table 2 of VBTA: log-likelihoods of both domains, with standard errors."""
    names = {"paper": "VBTA"}
    symbols = {"source": "x", "target": "y"}
    found: dict[str, dict[str, str]] = {}

    def add(row: dict, value: str, end: str) -> None:
        line = found.setdefault(names.get(row["configuration"], row["configuration"]), {})
        line[f"log p({symbols[row['setting']['domain']]}), {end}"] = value

    for row in results.printed("vbta_table2"):
        add(row, f"{row['value']:.2f}", "as printed")
    for row in results.rows("vbta_table2"):
        how = {"threshold": "thresholded", "draw": "drawn"}[row["setting"]["binarisation"]]
        add(row, f"{row['value']:.2f} ± {row['standard_error']:.2f}", how)
        if row["configuration"] == "paper" and "minus_vae" in row:
            line = found.setdefault("VBTA - VAE, paired", {})
            line[f"log p({symbols[row['setting']['domain']]}), {how}"] = (
                f"{row['minus_vae']:.2f} ± {row['standard_error_of_difference']:.2f}"
            )
    curves = {
        f"{names.get(row['configuration'], row['configuration'])}, "
        f"{symbols[row['setting']['domain']]}, {row['setting']['binarisation']}": {
            f"{int(samples):,}": f"{value:.2f}" for samples, value in row["curve"].items()
        }
        for row in results.rows("vbta_table2")
        if "curve" in row
    }
    return "\n\n".join(
        [markdown("", found), *([markdown("by number of samples", curves)] if curves else [])]
    )


def vbta_ablation() -> str:
    """From the paper's configuration of VBTA to ours, at 100 known pairs."""
    steps = [
        *results.rows("vbta_table1", configuration="paper", paired=100),
        *results.rows("vbta_ablation", paired=100),
        *results.rows("vbta_table1", configuration="ours", paired=100),
    ]
    found: dict[str, dict[str, str]] = {}
    for row in steps:
        name = row["configuration"]
        name = "ours: and cross-reconstruction" if name == "ours" else name
        found.setdefault(name, {})[DIRECTIONS[row["setting"]["direction"]]] = percent(row)
    return markdown("100 known pairs", found)


def lstnet_table() -> str:
    """Table 2 of LSTNet, with a line per method or run, and a column per test set."""
    found: dict[str, dict[str, str]] = {}
    for row in results.rows("lstnet_table2"):
        name, setting = row["configuration"], row["setting"]
        if preset := setting.get("preset"):
            name = f"{name}: preset `{preset}`, {setting['epochs']} epochs"
        column = f"test images of {setting['test_images']}, labels of {setting['labels']}"
        found.setdefault(name, {})[column] = percent(row)
    return markdown("", found)


#: Ends of the lines of the tables of latent domain transfer, by metric.
BRIDGED = {
    "accuracy": "same class",
    "accuracy in training": "same class, 1,000 training rows",
    "true label": "true label",
    "fid": "distance of probabilities",
    "fid_features": "distance of features",
}


def bridging_table(number: int, key: str) -> Callable[[], str]:
    """Return a renderer of this table of latent domain transfer, with a line per score."""
    whose = {"paper": "paper's configuration", "ours": "ours"}

    def rendered() -> str:
        name = f"bridging_table{number}"
        found: dict[tuple, dict[str, str]] = {}
        for row in [*results.printed(name), *results.rows(name)]:
            setting, column = row["setting"], row["configuration"]
            if setting.get("latents") == "collapse":
                column = "ten images"
            elif column in whose:
                column = f"{whose[column]}, {setting['latents']}"
            distance = row["metric"].startswith("fid")
            line = found.setdefault((setting[key], row["metric"]), {})
            line[column] = distance_of(row) if distance else percent(row)
            if "steps" in setting:
                steps = {*line.get("steps", "").split(" / "), f"{setting['steps']:,}"} - {""}
                line["steps"] = " / ".join(sorted(steps))
        places = list(dict.fromkeys(value for value, _ in found))
        metrics = list(BRIDGED)
        lines = {
            f"{VARIANTS.get(value, value)}: {BRIDGED[metric]}": found[value, metric]
            for value, metric in sorted(
                found, key=lambda k: (places.index(k[0]), metrics.index(k[1]))
            )
        }
        columns = [f"{who}, {latents}" for who in whose.values() for latents in ("sampled", "mean")]
        printed = dict.fromkeys(row["configuration"] for row in results.printed(name))
        return markdown(key, lines, [*printed, *columns, "base model", "ten images", "steps"])

    return rendered


def distance_of(row: dict) -> str:
    """Format a distance, with its standard deviation over seeds if known."""
    spread = f" ± {row['std']:.4f}" if row.get("std") else ""
    return f"{row['value']:.4f}{spread}"


DUALVAE_METHODS = {
    "cvae": "CVAE",
    "fader": "Fader Network",
    "stargan": "StarGAN",
    "dualvae": "DualVAE",
}


def dualvae_table() -> str:
    """Table 1 of DualVAE: CIS on sets of 160 test faces, with a line per method.

    In the paper's configuration, a baseline sets the attribute to 1. Ours is the kind of transfer
    that is best on validation faces.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in DUALVAE_METHODS.values()}
    measured = results.rows("dualvae_table1", metric="cis", of_draws=True)
    for row in [*results.printed("dualvae_table1"), *measured]:
        setting, whose = row["setting"], row["configuration"]
        baseline, kind = whose.startswith("peer:"), setting.get("transfer")
        if whose == "printed":
            column = "as printed"
        elif whose == "paper" or (baseline and kind == "set"):
            column = "paper's configuration"
        elif setting["chosen"] and (baseline or whose == "ours"):
            column = "ours"
        else:
            continue
        line = found[DUALVAE_METHODS[setting["method"]]]
        line[f"{setting['domains']} attributes, {column}"] = _cis(row)
    ends = ("as printed", "paper's configuration", "ours")
    return markdown("", found, [f"{n} attributes, {end}" for n in (20, 40) for end in ends])


def _cis(row: dict) -> str:
    return f"{row['value']:.3f}" + ("" if row.get("std") is None else f" ± {row['std']:.3f}")


def dualvae_sparsity() -> str:
    """Figure 6 of DualVAE in numbers: CIS on all test faces by the share of missing labels."""
    found: dict[str, dict[str, str]] = {}
    measured = results.rows("dualvae_sparsity", of_draws=False, metric="cis")
    for row in sorted(measured, key=lambda row: row["setting"]["missing"]):
        setting, whose = row["setting"], row["configuration"]
        line = found.setdefault(f"{100 * setting['missing']:g} % missing", {})
        if whose == "paper":
            line["paper's configuration"] = _cis(row)
        elif whose == "ours" and setting["chosen"]:
            line["ours, missing labels predicted" if setting["filled"] else "ours"] = _cis(row)
    columns = ("paper's configuration", "ours", "ours, missing labels predicted")
    return markdown("", found, columns)


#: Lines of the table of faces, by metric and, where several rows have it, by what it is about.
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
    """Faces of men and women, test images: a line per measure, a column per domain."""
    whose = {"source": "of men", "target": "of women"}
    places = {key: number for number, key in enumerate(OF_FACES)}
    found: dict[tuple, dict[str, str]] = {}
    for row in results.rows("celeba_men_women", split="test"):
        setting, metric = row["setting"], row["metric"]
        strength = setting.get("strength")
        which = next((setting[k] for k in ("with_the", "of", "model") if k in setting), "")
        if metric == "spread" and strength is not None:
            which = "translation"
        share = metric not in ("reconstruction_error", "spread")
        value = percent(row) if share else text.number(row["value"])
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
    "TVAE, unstated settings": (("tvae_choice",), tvae_choice),
    "VBTA, table 1": (("vbta_table1",), vbta_table),
    "VBTA, matched pairs": (("vbta_table1",), vbta_matched),
    "VBTA, table 2": (("vbta_table2",), vbta_likelihoods),
    "VBTA, ablation": (("vbta_table1", "vbta_ablation"), vbta_ablation),
    "VBTA, men and women": (("celeba_men_women",), men_women),
    "Latent domain transfer, table 1": (("bridging_table1",), bridging_table(1, "domain")),
    "Latent domain transfer, table 2": (("bridging_table2",), bridging_table(2, "pair")),
    "Latent domain transfer, table 3": (("bridging_table3",), bridging_table(3, "labels")),
    "Latent domain transfer, table 4": (("bridging_table4",), bridging_table(4, "variant")),
    "Latent domain transfer, table 5": (("bridging_table5",), bridging_table(5, "pair")),
    "DualVAE, table 1": (("dualvae_table1",), dualvae_table),
    "DualVAE, figure 6": (("dualvae_sparsity",), dualvae_sparsity),
    "LSTNet, table 2": (("lstnet_table2",), lstnet_table),
}
