"""What a bridge keeps, and whether its base models made anything worth keeping."""

from typing import Any

import numpy as np

from keras_latent import models
from keras_latent.src.applications.bridging.bridge import Side
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.applications.running.spread import (
    collapsed,
    shown,
    spread,
    warn_of_collapse,
)
from keras_latent.src.utils.domains import DOMAINS, OTHER

LATENTS = ("sampled", "mean")
#: A VAE is bad if the labels of images are recognized in its reconstructions less often than this
#: share of how often they are in real images.
LABELS_KEPT = 0.75
#: A GAN is bad if fewer of its sounds are recognized.
RECOGNIZED_SOUNDS = 0.5


def tested(
    sides: dict[str, Side], verbose: int, facts: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Tests the base models before the bridge is trained, and adds what it finds to the facts."""
    facts = (facts or {}) | {"base_model": of_base_models(sides)}
    if verbose:
        report_base_models(facts)
    return facts


def of_base_models(sides: dict[str, Side]) -> dict[str, dict[str, Any]]:
    """The test of the base models, by domain, which says whether the other figures mean anything.

    `label_kept` is the share of test rows whose label the classifier sees in their reconstruction
    by the base model, `real` the same for the rows themselves, and `spread` that of what the model
    generates. Models that cannot encode only have a spread.
    """
    found = {}
    for d, side in sides.items():
        made = side.model.decode(points(side.test, False, 0))
        seen, real = side.classify(made), floats(side.real)
        found[d] = {"spread": spread(made, real, seen, side.real_labels)}
        if side.encodes:
            for name, classes in (("label_kept", seen), ("real", side.classify(real))):
                found[d][name] = round(float(np.mean(classes == side.real_labels)), 6)
    return found


def measure(
    transfer: models.LatentDomainTransfer, sides: dict[str, Side], seed: int
) -> dict[str, Any]:
    """Tables 1 and 2: is the class of decoded latents kept?

    `class_kept` is the share of test rows whose decoded latents and whose reconstruction or
    transfer have the same class according to the classifiers: with samples of `z` and `z'`, and
    with means. The paper calls it accuracy. It compares with what the base model makes, not with
    the test data. `label_kept` is the share in which the classifier sees the label of the test row;
    there is none for models that cannot encode.
    """
    paths = (*DOMAINS, *(f"{d}_to_{to}" for d, to in OTHER.items()))
    names = ("class_kept", "label_kept", "spread")
    figures: dict[str, Any] = {name: {k: {} for k in paths} for name in names}
    figures["test_rows"] = {d: len(side.test) for d, side in sides.items()}
    for d, side in sides.items():
        for kind in LATENTS:
            sample = kind == "sampled"
            z = points(side.test, sample, seed)
            before = side.classify(transfer.decode(z, d))
            for to in (d, OTHER[d]):
                moved = transfer.transfer_latents(z, d, to, sample=sample, seed=seed + 1)
                made = transfer.decode(moved, to)
                after = sides[to].classify(made)
                key = d if to == d else f"{d}_to_{to}"
                share = round(float(np.mean(before == after)), 6)
                figures["class_kept"][key][kind] = share
                if side.encodes:
                    right = float(np.mean(after == side.real_labels))
                    figures["label_kept"][key][kind] = round(right, 6)
                figures["spread"][key][kind] = spread(
                    made, floats(sides[to].real), after, sides[to].real_labels
                )
    return figures


def points(latents: np.ndarray, sample: bool, seed: int) -> np.ndarray:
    """Latents `(rows, dim)`: samples or means of `(rows, 2, dim)`; others are unchanged."""
    if latents.ndim == 2:
        return latents
    z_mean, z_log_var = latents[:, 0], latents[:, 1]
    if not sample:
        return z_mean
    noise = np.random.default_rng(seed).standard_normal(z_mean.shape, "float32")
    return z_mean + np.exp(0.5 * z_log_var) * noise


def class_kept(figures: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The figure of that name, also from a `metrics.json` that has it under its former names."""
    if "class_kept" in figures:
        return figures["class_kept"]
    return figures["reconstruction_accuracy"] | figures["transfer_accuracy"]


def report(figures: dict[str, Any]) -> None:
    """Prints the tables, and warns if they mean little."""
    print("Share of test rows of which the bridge keeps the class that the base model shows:")
    spreads = figures.get("spread", {})
    for key, values in class_kept(figures).items():
        labels = figures.get("label_kept", {}).get(key, {})
        shares = ", ".join(
            f"{values[kind]:.4f} ({kind} latents; {shown(spreads.get(key, {}).get(kind))}"
            + (f"; the label of the test row: {labels[kind]:.4f})" if labels else ")")
            for kind in LATENTS
        )
        rows = figures["test_rows"][key.split("_to_")[0]]
        name = key.replace("_", " ") if "_to_" in key else f"{key} reconstructed"
        print(f"  {name}: {shares}, {rows} test rows")
    for d in DOMAINS:
        if found := figures.get(f"propagated_labels_{d}"):
            print(f"accuracy of propagated labels, {d}: {found['accuracy']:.4f}")
    for name, of in (("fid", "class probabilities"), ("fid_features", "features")):
        for which, value in figures.get(name, {}).items():
            print(f"Frechet distance of {of}, {which}: {value:.4f}")
    bad = report_base_models(figures)
    warn_of_collapse(
        {
            key.replace("_", " "): values["mean"]
            for key, values in spreads.items()
            if not bad & set(key.split("_to_"))  # which is why
        },
        "Look at the pictures. Try another `--seed`, more `--steps`, or more `--labels`.",
    )


def report_base_models(figures: dict[str, Any]) -> set[str]:
    """Prints the test of the base models, warns of bad ones, and returns their domains."""
    bad = set()
    for d, found in figures.get("base_model", {}).items():
        if "label_kept" in found:
            print(
                f"Base model of the {d}: {found['label_kept']:.4f} of its reconstructions show the "
                f"label of the test row (the rows themselves: {found['real']:.4f}), "
                f"{shown(found['spread'])}"
            )
        if reasons := _reasons(d, found, figures):
            bad.add(d)
            option = "--base-epochs" if "label_kept" in found else "--gan-epochs"
            print(
                f"WARNING: the base model of the {d} domain is bad: {' and '.join(reasons)}. "
                "Figures of the bridge mean little, since it connects what this model makes. Look "
                f"at the pictures, and train it longer (`{option}`)."
            )
    return bad


def _reasons(domain, found, figures):
    """Why a base model is bad; empty if it is not."""
    reasons = []
    if found.get("label_kept", 1.0) < LABELS_KEPT * found.get("real", 1.0):
        reasons.append(
            f"only {found['label_kept']:.1%} of its reconstructions show the label of the test row"
        )
    recognized = figures.get("gan", {}).get("recognised", 1.0)
    if domain == "target" and recognized < RECOGNIZED_SOUNDS:
        reasons.append(f"only {recognized:.1%} of its sounds are recognized")
    if collapsed(found["spread"]):
        reasons.append(f"within a class, its outputs hardly differ ({shown(found['spread'])})")
    return reasons
