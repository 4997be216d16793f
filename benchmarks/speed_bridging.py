"""Speed of BridgingVAE's `fit` compared with the same step in PyTorch; minutes of a real bridge.

    KERAS_BACKEND=jax python -m benchmarks.speed_bridging
    python -m benchmarks.speed_bridging minutes RUN

"Ours" is `model.fit` of the preset `bridging_mnist` on `datasets.LatentBatches` with all labels,
with `compile()` and with `compile(steps_per_execution=50)`. Latents are given as distributions,
from which every step samples, in ours and in the peers. The peers have the same networks and
objective, and must have the same loss as ours on the same weights, batch and directions at mean
latents. Two of them encode all rows at once, as ours does. The third follows the paper's reference
code, with a pass per domain and term. Writes `results/speed_bridging.json` and keeps the rows of
other backends and batch sizes.

`minutes` writes `results/bridging_minutes.json`: the time that a finished run of the application
`mnist-fashion` took to train its bridge.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from keras import layers
from keras import ops as kops

from benchmarks import results
from benchmarks.peers import turns
from benchmarks.speed_vbta import BACKEND, EpochSeconds
from keras_latent import datasets, models, ops

PRESET, ROWS, CLASSES = "bridging_mnist", 20_000, 10
STEPS_PER_EXECUTION = (1, 50)
#: Options of each peer, and the ratio that ours should reach.
PEERS = {
    "hand-written PyTorch, eager": (("one", "eager"), 1.3),
    "hand-written PyTorch, torch.compile": (("one", "compile"), 1.2),
    "hand-written PyTorch, a pass for each term, eager": (("three", "eager"), 1.8),
}
TARGET_SECONDS = 900.0


def random_latents(model, rows: int = ROWS):
    """Return latents `(rows, 2, dim)` and labels `(rows,)` of each domain."""
    rng = np.random.default_rng(0)
    latents, labels = {}, {}
    for domain, dim in model.latent_dims.items():
        mean = rng.standard_normal((rows, dim), "float32")
        latents[domain] = np.stack([mean, rng.uniform(-4.0, 0.0, (rows, dim))], 1, dtype="float32")
        labels[domain] = rng.integers(0, CLASSES, rows)
    return latents, labels


def export(path, model, latents, labels, batch):
    """Write data, weights and directions for the peers; return our loss at mean latents.

    The model does not sample afterwards.
    """
    swd = model.sliced_wasserstein
    rng = np.random.default_rng(1)
    projections = rng.standard_normal((swd.num_projections, model.latent_dim), "float32")
    projections /= np.linalg.norm(projections, axis=1, keepdims=True)
    file = {"projections": projections, "order": swd.p}
    file["betas"] = [model.beta_kl, model.beta_swd, model.beta_cls]
    for domain in model.domains:
        file |= {f"{domain}_latents": latents[domain], f"{domain}_labels": labels[domain]}
    weights = {f"classifier/{v.name}": v for v in model.classifier.weights}
    for name, network in (("encoder", model.encoder), ("decoder", model.decoder)):
        dense = [layer for layer in network.layers if isinstance(layer, layers.Dense)]
        others = [layer for layer in network.layers if layer.weights and layer not in dense]
        parts = [*enumerate(dense), *((layer.name, layer) for layer in others)]
        weights |= {f"{name}/{part}/{v.name}": v for part, layer in parts for v in layer.weights}
    np.savez(path, **file, **{k: kops.convert_to_numpy(v) for k, v in weights.items()})

    model.sample = lambda z_mean, z_log_var: z_mean
    model.sliced_wasserstein = lambda x, y: ops.sliced_wasserstein(x, y, projections, swd.p)
    first = tuple({d: rows[d][:batch] for d in model.domains} for rows in (latents, labels))
    return float(kops.convert_to_numpy(model.bridging_loss(*model.unpack(first))[0]))


def start_peers(path, loss, parameters, batch):
    """Return runners by row name, without peers that do not compile here."""
    peers = {}
    for name, (options, _) in PEERS.items():
        try:
            peer = turns.Peer("bridging_torch", path, batch, *options)
        except RuntimeError as error:
            if "compile" not in options:
                raise
            print(f"No row of '{name}' at batch {batch}, it did not compile:\n{error}")
            continue
        np.testing.assert_allclose(peer.facts["loss"], loss, rtol=1e-4, err_msg=name)
        assert peer.facts["parameters"] == parameters, (name, peer.facts, parameters)
        peers[name] = peer
    return peers


def fitting(latents, labels, batch, steps, steps_per_execution):
    """Return a runner that measures seconds per step over an epoch of `fit`."""
    model = models.BridgingVAE.from_preset(PRESET, load_weights=False, seed=0)
    model.compile(steps_per_execution=steps_per_execution)
    batches = datasets.LatentBatches(latents, labels, batch_size=batch, steps=steps)
    clock = EpochSeconds()

    def run(steps):
        model.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds / steps

    return run


def speed(batch: int, steps: int, rounds: int) -> list[dict]:
    """Return the rows of one batch size."""
    model = models.BridgingVAE.from_preset(PRESET, load_weights=False)
    latents, labels = random_latents(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bridging.npz"
        loss = export(path, model, latents, labels, batch)
        peers = start_peers(path, loss, model.count_params(), batch)
        ours = {n: fitting(latents, labels, batch, steps, n) for n in STEPS_PER_EXECUTION}
        runners = ours | peers
        seconds = turns.in_turns(runners, dict.fromkeys(runners, steps), rounds)
        for peer in peers.values():
            peer.close()
    rows = []
    for n in ours:
        setting = {"batch": batch, "backend": BACKEND, "steps_per_execution": n}
        for name in peers:
            row = turns.row(name, setting, seconds[n], seconds[name], "steps/s")
            rows.append(row | {"target": PEERS[name][1]})
            print(rows[-1], flush=True)
    return rows


def minutes(run: Path) -> dict:
    """Return the row of a finished run with the training time of its bridge.

    Raises:
        ValueError: If the run does not contain the time.
    """
    metrics = json.loads((run / "metrics.json").read_text())
    configuration, figures = metrics["configuration"], metrics["figures"]
    seconds = figures.get("bridge_seconds")
    if seconds is None:
        raise ValueError(f"{run} was resumed, or is too old: it has no seconds of its bridge.")
    keys = ("application", "labels", "variant", "batch_size", "backend")
    return {
        "configuration": configuration["preset"],
        "setting": {key: configuration[key] for key in keys} | {"steps": figures["steps"]},
        "metric": "seconds of the bridge's training",
        "value": seconds,
        "target": TARGET_SECONDS,
        "run_seconds": metrics["wall_seconds"],
        "share": round(seconds / metrics["wall_seconds"], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", nargs="?", choices=("speed", "minutes"), default="speed")
    parser.add_argument("run", nargs="?", type=Path, help="folder of the run, for `minutes`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100, help="steps per turn")
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 512], help="rows per domain")
    arguments = parser.parse_args()
    if (arguments.action == "minutes") != (arguments.run is not None):
        parser.error("`minutes` takes the folder of one run, and `speed` none")
    module = "benchmarks.speed_bridging"
    if arguments.action == "minutes":
        row = minutes(arguments.run)
        print(row)
        print(results.write("bridging_minutes", module, [row], measured_here=False))
        return
    for batch in arguments.batch:
        rows = speed(batch, arguments.steps, arguments.rounds)
        same = results.of_this_backend(batch=batch)
        print(results.write("speed_bridging", module, rows, replaces=same))


if __name__ == "__main__":
    main()
