"""Speed and scaling of the sliced Wasserstein distance, compared with POT and `torch.sort`.

    KERAS_BACKEND=jax python -m benchmarks.speed_sliced_wasserstein

Each step computes W_2^2 and its gradient with respect to x, compiled. The value and the norm of the
gradient must equal the peer's. Rows of `peer:none` show how time and memory scale with the batch.

Writes `results/speed_sliced_wasserstein.json` and keeps the rows of other backends.
"""

import argparse
import statistics
import time

import keras
import numpy as np

from benchmarks import results
from benchmarks.peers import turns
from benchmarks.peers.sliced_wasserstein import samples
from keras_latent import ops

BACKEND = keras.backend.backend()
CASES = [(*shape, num) for shape in ((128, 8), (128, 100), (512, 64)) for num in (50, 1000)]
GROWTH = [(batch, 64, 50) for batch in (32, 128, 512, 2048, 8192)]
PEERS = ("POT", "torch.sort")
BUDGET = 0.3  # seconds per turn


def compiled_step(case):
    """Return a step that waits for value and gradient, and its memory in bytes (JAX)."""
    x, y, projections = (keras.ops.convert_to_tensor(a) for a in samples(*case))
    if BACKEND == "jax":
        import jax

        step = jax.value_and_grad(ops.sliced_wasserstein)
        step = jax.jit(step).lower(x, y, projections).compile()
        scratch = step.memory_analysis().temp_size_in_bytes
        return lambda: jax.block_until_ready(step(x, y, projections)), scratch
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def step(x, y, projections):
        with tf.GradientTape() as tape:
            tape.watch(x)
            distance = ops.sliced_wasserstein(x, y, projections)
        return distance, tape.gradient(distance, x)

    return lambda: [tensor.numpy() for tensor in step(x, y, projections)], None


def seconds_of(step, steps):
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps


def setting_of(case):
    return dict(zip(("batch", "dim", "projections"), case, strict=True)) | {"backend": BACKEND}


def beside_peers(case, rounds):
    step, _ = compiled_step(case)
    value, gradient = (np.asarray(tensor) for tensor in step())
    peers = {name: turns.Peer("sliced_wasserstein", name, *case) for name in PEERS}
    for name, peer in peers.items():
        found, expected = (value, np.linalg.norm(gradient)), peer.facts
        expected = expected["value"], expected["gradient"]
        np.testing.assert_allclose(found, expected, rtol=1e-3, err_msg=name)
    runners = {"ours": lambda n: seconds_of(step, n), **peers}
    steps = {name: max(1, int(BUDGET / run(3))) for name, run in runners.items()}
    seconds = turns.in_turns(runners, steps, rounds)
    for peer in peers.values():
        peer.close()
    return [
        turns.row(name, setting_of(case), seconds["ours"], seconds[name], "ms") for name in PEERS
    ]


def growth(case):
    start = time.perf_counter()
    step, scratch = compiled_step(case)
    step()
    compiling = time.perf_counter() - start
    steps = max(1, int(BUDGET / seconds_of(step, 2)))
    seconds = statistics.median(seconds_of(step, steps) for _ in range(3))
    return {
        "configuration": "peer:none",
        "setting": setting_of(case),
        "ours": round(1e3 * seconds, 3),
        "unit": "ms",
        "compile_seconds": round(compiling, 1),
        "scratch_mib": None if scratch is None else round(scratch / 2**20, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    rows = [row for case in CASES for row in beside_peers(case, arguments.rounds)]
    rows += [growth(case) for case in GROWTH]
    for row in rows:
        print(row)
    name = "speed_sliced_wasserstein"
    print(results.write(name, f"benchmarks.{name}", rows, replaces=results.of_this_backend()))


if __name__ == "__main__":
    main()
