"""Speed of VBTA's `fit` at batch size 50, compared with MultiVae's JMVAE and handwritten steps.

    KERAS_BACKEND=jax python -m benchmarks.speed_vbta --peer-python PATH

"Ours" is `model.fit(pair.train)` with the library's own input: whole epochs of 300 batches of MNIST
and its transpose. The handwritten steps in PyTorch and JAX have the same networks and objective,
and must have the same loss as ours on the same weights and batch. JMVAE, in MultiVae's own trainer,
is a different model of two modalities with layers of the same width.

The lower limit of a step is the time of its matrix products alone in PyTorch's BLAS; the share
shows how close ours comes. The time that Adam needs for the parameters is listed too.

`multivae` may need a separate environment; `--peer-python` is its interpreter. Writes
`results/speed_vbta.json` and keeps the rows of other backends.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops as kops

from benchmarks import results
from benchmarks.peers import turns
from keras_latent import datasets, models

BACKEND = keras.backend.backend()
BATCH, STEPS = 50, 300
ROWS = BATCH * STEPS
# Layers: inputs, outputs, uses per step, and whether the layer is the first.
LAYERS = [[784, 512, 1, True]] * 2 + [[512, 128, 2, False], [64, 512, 2, False]]
LAYERS += [[512, 784, 1, False]] * 2
# Name in the results, module and options of each peer.
PEERS = {
    "jmvae": ["MultiVae JMVAE trainer", "jmvae"],
    "eager": ["hand-written PyTorch, eager", "vbta_torch", "eager"],
    "compile": ["hand-written PyTorch, torch.compile", "vbta_torch", "compile"],
    "fused": ["hand-written PyTorch, torch.compile, fused Adam", "vbta_torch", "compile", "fused"],
    "jax": ["hand-written JAX, jitted", "vbta_jax"],
}


class EpochSeconds(keras.callbacks.Callback):
    """Measures the last epoch, without the overhead of `fit` before it."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.start


def fitting(model, data):
    """Return a runner that measures seconds per step over an epoch of `fit`."""
    clock = EpochSeconds()

    def run(steps):
        model.fit(data, verbose=0, callbacks=[clock])
        return clock.seconds / steps

    return run


def export(path, model, source, target):
    """Write images and weights for the peers; return our first loss at mean latents."""
    weights = {}
    for part in ("source_encoder", "target_encoder", "shared_decoder", "shared_encoder"):
        for variable in getattr(model, part).weights:
            layer, kind = variable.path.split("/")[-2:]
            weights[f"{layer if part == 'shared_encoder' else part}/{kind}"] = variable
    for part in ("source_decoder", "target_decoder"):
        weights |= {f"{part}/{v.path.split('/')[-1]}": v for v in getattr(model, part).weights}
    flat = {"source": source.reshape(ROWS, -1), "target": target.reshape(ROWS, -1)}
    np.savez(path, **flat, **{k: kops.convert_to_numpy(v) for k, v in weights.items()})
    x = {"source": source[:BATCH], "target": target[:BATCH], "paired": np.ones(BATCH, bool)}
    at_the_mean = models.VBTA.from_config(model.get_config())
    at_the_mean.set_weights(model.get_weights())
    at_the_mean.sample = lambda z_mean, z_log_var: z_mean
    loss, _ = at_the_mean.negative_elbo({k: kops.convert_to_tensor(v) for k, v in x.items()})
    return float(kops.convert_to_numpy(loss))


def start_peers(path, loss, arguments):
    """Return runners by row name."""
    peers = {}
    for key in arguments.peers:
        name, module, *options = PEERS[key]
        if key == "jmvae":
            options, python = [arguments.peer_steps], arguments.peer_python
        else:
            python = sys.executable
        peer = peers[name] = turns.Peer(module, path, BATCH, *options, python=python)
        if "loss" in peer.facts:  # JMVAE has a different loss
            np.testing.assert_allclose(peer.facts["loss"], loss, rtol=1e-4, err_msg=name)
    return peers


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps-per-execution", type=int, default=1, help="for our models")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-steps", type=int, default=150, help="steps per turn of a peer")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter of multivae")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    arguments = parser.parse_args()

    images = datasets.load_arrays("mnist")[0][0][:ROWS]
    pair = datasets.pair_from_arrays(images, images.swapaxes(1, 2), batch_size=BATCH)
    model = models.VBTA.from_preset("vbta_mnist_transpose", load_weights=False)
    model.compile(steps_per_execution=arguments.steps_per_execution)
    source = images.reshape(ROWS, 28, 28, 1).astype("float32") / 255
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vbta.npz"
        loss = export(path, model, source, source.swapaxes(1, 2))
        peers = start_peers(path, loss, arguments)
        limit = turns.Peer("limit", BATCH, json.dumps(LAYERS))
        runners = {"ours": fitting(model, pair.train), **peers, "limit": limit}
        steps = dict.fromkeys(runners, arguments.peer_steps) | {"ours": STEPS}
        seconds = turns.in_turns(runners, steps, arguments.rounds)
        for peer in (*peers.values(), limit):
            peer.close()

    setting = {"batch": BATCH, "backend": BACKEND}
    setting["steps_per_execution"] = arguments.steps_per_execution
    rows = [turns.row(n, setting, seconds["ours"], seconds[n], "steps/s") for n in peers]
    products, adam = (statistics.median(s) for s in zip(*seconds["limit"], strict=True))
    rows.append(
        {
            "configuration": "limit: matrix products",
            "setting": setting,
            "unit": "ms",
            "ours": round(1e3 * statistics.median(seconds["ours"]), 3),
            "limit": round(1e3 * products, 3),
            "share": round(products / statistics.median(seconds["ours"]), 3),
            "gflops": round(limit.facts["flops"] / 1e9, 3),
            "gflops_per_second": round(limit.facts["flops"] / products / 1e9, 1),
            "adam": round(1e3 * adam, 3),
        }
    )
    for row in rows:
        print(row)
    name = "speed_vbta"
    same = results.of_this_backend(steps_per_execution=arguments.steps_per_execution)
    print(results.write(name, f"benchmarks.{name}", rows, replaces=same))


if __name__ == "__main__":
    main()
