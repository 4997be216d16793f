"""Speed of an LSTNet step compared with a PyTorch step that translates for each optimizer.

    KERAS_BACKEND=tensorflow python -m benchmarks.speed_lstnet [--mixed-precision mixed_bfloat16]

Uses the paper's networks at `--width` 16 (a quarter), 64 images per domain and random data in
memory. On TensorFlow, `--xla` also measures ours compiled with XLA; on CPUs, oneDNN is the default.
Writes `results/speed_lstnet.json` and keeps the rows of other backends and precisions.
"""

import argparse
import time

import keras
import numpy as np

from benchmarks import results
from benchmarks.peers import turns
from keras_latent import models
from keras_latent.src.models.lstnet.networks import lstnet_conv

BACKEND = keras.backend.backend()
BATCH = 64


def stepping(width, jit_compile):
    """Return a runner that measures seconds per training step, and the number of parameters."""
    model = models.LSTNet(**lstnet_conv(width), seed=0)
    model.compile(jit_compile=jit_compile)
    rng = np.random.default_rng(0)
    shapes = {"source": (28, 28, 1), "target": (16, 16, 1)}
    batch = {d: rng.random((BATCH, *shape), "float32") for d, shape in shapes.items()}

    def run(steps):
        start = time.perf_counter()
        for _ in range(steps):
            model.train_on_batch(batch)
        return (time.perf_counter() - start) / steps

    return run, sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6, help="steps per turn")
    parser.add_argument(
        "--mixed-precision", choices=("float32", "mixed_bfloat16"), default="float32"
    )
    parser.add_argument("--xla", action="store_true", help="on TensorFlow, also measure XLA")
    arguments = parser.parse_args()
    keras.config.set_dtype_policy(arguments.mixed_precision)

    runners, facts = {}, {}
    for precision in ("float32", "bfloat16"):
        peer = turns.Peer("lstnet_step", arguments.width, BATCH, precision)
        runners[f"PyTorch, eager, {precision}"], facts[precision] = peer, peer.facts
    peers = dict(runners)
    variants = {"auto": "default"} | ({True: "XLA"} if arguments.xla else {})
    ours = {}
    for jit_compile, name in variants.items():
        ours[name], parameters = stepping(arguments.width, jit_compile)
        runners[name] = ours[name]
        # The peer's batch normalization and convolutions have the same parameters.
        assert parameters == facts["float32"]["parameters"], (parameters, facts)
    seconds = turns.in_turns(runners, dict.fromkeys(runners, arguments.steps), arguments.rounds)
    rows = []
    for peer in peers:
        peers[peer].close()
        for name in ours:
            setting = {"width": arguments.width, "batch": BATCH, "backend": BACKEND}
            setting |= {"precision": arguments.mixed_precision, "compilation": name}
            rows.append(turns.row(peer, setting, seconds[name], seconds[peer], "ms"))
            print(rows[-1])
    same = results.of_this_backend(precision=arguments.mixed_precision, width=arguments.width)
    print(results.write("speed_lstnet", "benchmarks.speed_lstnet", rows, replaces=same))


if __name__ == "__main__":
    main()
