"""Speed and scaling of TripletMiner and triplet loss, compared with pytorch-metric-learning.

    KERAS_BACKEND=jax python -m benchmarks.speed_triplets

Each step mines triplets and computes the hinge loss and its gradient with respect to the
embeddings, compiled. With `hard`, both sides select the same triplets and their losses are
compared. With `semi-hard` they differ: the peer takes every semi-hard triplet, ours takes one per
anchor. Rows of `peer:none` show how time and memory scale with the batch.

Writes `results/speed_triplets.json` and keeps the rows of other backends.
"""

import argparse
import statistics
import sys
import time

import keras
import numpy as np
from keras import ops as kops

from benchmarks import results
from benchmarks.peers import turns
from keras_latent import layers, ops

BACKEND = keras.backend.backend()
MARGIN = 0.2
SIZES = ((128, 20), (512, 64))
GROWTH = (32, 128, 512, 2048, 8192)
BUDGET = 0.4  # seconds per turn


def triplet_loss(miner, z, labels):
    anchor, positive, negative, weight = miner(z, labels)
    rows, take = kops.take(z, anchor, axis=0), kops.take
    d_positive = ops.euclidean(rows, take(z, positive, axis=0))
    d_negative = ops.euclidean(rows, take(z, negative, axis=0))
    return ops.weighted_mean(ops.triplet_hinge(d_positive, d_negative, MARGIN), weight)


def compiled_step(strategy: str, rows: int, dim: int):
    """Return a step that waits for loss and gradient, and its memory in bytes."""
    miner = layers.TripletMiner(strategy, margin=MARGIN, seed=0)
    z, labels = embeddings = [kops.convert_to_tensor(x) for x in turns.embeddings(rows, dim)]
    if BACKEND == "jax":
        import jax

        def stateless(z, labels):
            with keras.StatelessScope():
                return triplet_loss(miner, z, labels)

        step = jax.jit(jax.value_and_grad(stateless)).lower(*embeddings).compile()
        analysis = step.memory_analysis()
        scratch = analysis.temp_size_in_bytes + analysis.output_size_in_bytes
        return lambda: jax.block_until_ready(step(z, labels))[0], scratch
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def step(z, labels):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = triplet_loss(miner, z, labels)
        return loss, tf.convert_to_tensor(tape.gradient(loss, z))

    return lambda: step(z, labels)[0].numpy(), None


def seconds_of(step, steps):
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps


def beside_peer(strategy, peer_name, rows, dim, arguments):
    peer = turns.Peer("metric_learning", strategy, rows, dim, MARGIN, python=arguments.peer_python)
    step, _ = compiled_step(strategy, rows, dim)
    loss = float(np.asarray(step()))
    if strategy == "hard":
        np.testing.assert_allclose(loss, peer.facts["loss"], rtol=1e-4)
    runners = {"ours": lambda n: seconds_of(step, n), "peer": peer}
    steps = {name: max(1, int(BUDGET / run(2))) for name, run in runners.items()}
    seconds = turns.in_turns(runners, steps, arguments.rounds)
    peer.close()
    setting = {"strategy": strategy, "batch": rows, "dim": dim, "backend": BACKEND}
    row = turns.row(peer_name, setting, seconds["ours"], seconds["peer"], "ms")
    row["triplets"] = {"ours": rows, "peer": peer.facts["triplets"]}
    return row


def growth(strategy, rows, dim=64):
    step, scratch = compiled_step(strategy, rows, dim)
    steps = max(1, int(BUDGET / 4 / seconds_of(step, 2)))
    seconds = statistics.median(seconds_of(step, steps) for _ in range(3))
    return {
        "configuration": "peer:none",
        "setting": {"strategy": strategy, "batch": rows, "dim": dim, "backend": BACKEND},
        "ours": round(1e3 * seconds, 3),
        "unit": "ms",
        "scratch_mib": None if scratch is None else round(scratch / 2**20, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer-python", default=sys.executable, help="peer's interpreter")
    arguments = parser.parse_args()
    rows = [
        beside_peer("hard", "pytorch-metric-learning BatchHardMiner", *size, arguments)
        for size in SIZES
    ]
    name = "pytorch-metric-learning TripletMarginMiner(semihard)"
    rows += [beside_peer("semi-hard", name, *size, arguments) for size in SIZES]
    rows += [growth(strategy, n) for strategy in ("hard", "semi-hard") for n in GROWTH]
    for row in rows:
        print(row)
    name = "speed_triplets"
    print(results.write(name, f"benchmarks.{name}", rows, replaces=results.of_this_backend()))


if __name__ == "__main__":
    main()
