"""The sliced Wasserstein distance, forward and backward, beside POT and a plain `torch.sort`.

    KERAS_BACKEND=tensorflow python -m benchmarks.sliced_wasserstein
    KERAS_BACKEND=jax python -m benchmarks.sliced_wasserstein

Both write `results/speed_sliced_wasserstein.json`, each its own backend's rows. Repetitions of ours
and the peers alternate, because other work on the machine comes and goes; the ratio is that of the
medians. Values are W_2^2 and gradients those with respect to x.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import keras
import numpy as np
import ot
import torch

from benchmarks import results
from keras_latent import ops

NAME = "speed_sliced_wasserstein"
CASES = [(*shape, num) for shape in ((128, 8), (128, 100), (512, 64)) for num in (50, 1000)]
GROWTH = [(batch, 64, 50) for batch in (32, 128, 512, 2048, 8192)]


def ours(x: np.ndarray, y: np.ndarray, projections: np.ndarray) -> tuple[Callable, float | None]:
    """A compiled step that waits for its gradient, and XLA's working memory in MiB (JAX)."""
    tensors = [keras.ops.convert_to_tensor(a) for a in (x, y, projections)]
    if keras.backend.backend() == "jax":
        import jax

        step = jax.jit(jax.value_and_grad(ops.sliced_wasserstein)).lower(*tensors).compile()
        memory = step.memory_analysis().temp_size_in_bytes / 2**20
        return lambda: jax.block_until_ready(step(*tensors)), memory
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=True)
        def step(x, y, projections):
            with tf.GradientTape() as tape:
                tape.watch(x)
                distance = ops.sliced_wasserstein(x, y, projections)
            return distance, tape.gradient(distance, x)

        return lambda: [tensor.numpy() for tensor in step(*tensors)], None
    raise ValueError(f"Set KERAS_BACKEND to tensorflow or jax. Received: {keras.backend.backend()}")


def peers(x: np.ndarray, y: np.ndarray, projections: np.ndarray) -> dict[str, Callable]:
    x, y = torch.tensor(x, requires_grad=True), torch.tensor(y)
    directions = torch.tensor(projections.T)

    def pot():
        distance = ot.sliced_wasserstein_distance(x, y, projections=directions, p=2) ** 2
        return distance, torch.autograd.grad(distance, x)[0]

    def plain():
        x_sorted, y_sorted = ((directions.T @ a.T).sort(dim=-1).values for a in (x, y))
        distance = (x_sorted - y_sorted).square().mean()
        return distance, torch.autograd.grad(distance, x)[0]

    return {"peer:POT": pot, "peer:torch.sort": plain}


def measure(case: tuple[int, int, int], repetitions: int) -> list[dict]:
    batch, dim, num = case
    rng = np.random.default_rng(0)
    x, y = (rng.normal(i, size=(batch, dim)).astype("float32") for i in (0, 1))
    projections = rng.normal(size=(num, dim)).astype("float32")
    projections /= np.linalg.norm(projections, axis=1, keepdims=True)

    start = time.perf_counter()
    step, memory = ours(x, y, projections)
    found = [np.asarray(tensor) for tensor in step()]
    compile_seconds = time.perf_counter() - start
    contenders = {"ours": step, **peers(x, y, projections)}
    for peer in list(contenders.values())[1:]:
        for mine, theirs in zip(found, peer(), strict=True):
            np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-3, atol=1e-6)

    seconds = {name: [] for name in contenders}
    for _ in range(repetitions):
        for name, contender in contenders.items():
            contender()  # the caches and threads of the one before are not this one's
            start = time.perf_counter()
            contender()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    setting = {"batch": batch, "dim": dim, "projections": num}
    setting |= {"backend": keras.backend.backend()}
    more = {"compile_seconds": round(compile_seconds, 1)}
    if memory is not None:
        more["memory_mib"] = round(memory, 2)
    return [
        {
            "configuration": name,
            "setting": setting,
            "unit": "ms",
            "ours": round(medians["ours"], 3),
            "peer": round(medians[name], 3),
            "ratio": round(medians[name] / medians["ours"], 2),
            "repetitions": repetitions,
            **more,
        }
        for name in medians
        if name != "ours"
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    rows = []
    for kind, cases in (("peers", CASES), ("growth", GROWTH)):
        for case in cases:
            for row in measure(case, arguments.repetitions):
                rows.append({"case": kind, **row})
                print(rows[-1], flush=True)
            results.write(
                NAME, "benchmarks.sliced_wasserstein", rows, replaces=results.of_this_backend
            )


if __name__ == "__main__":
    main()
