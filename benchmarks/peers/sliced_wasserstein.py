"""The sliced Wasserstein distance of POT, or with `torch.sort`, forward and backward.

python -m benchmarks.peers.sliced_wasserstein POT|torch.sort BATCH DIM PROJECTIONS
"""

import sys
import time

import numpy as np
import ot
import torch

from benchmarks.peers.turns import THREADS, serve


def samples(batch: int, dim: int, num: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return two batches `(batch, dim)` and unit directions `(num, dim)`, float32."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(i, size=(batch, dim)).astype("float32") for i in (0, 1))
    projections = rng.normal(size=(num, dim)).astype("float32")
    return x, y, projections / np.linalg.norm(projections, axis=1, keepdims=True)


def main():
    peer, case = sys.argv[1], map(int, sys.argv[2:5])
    torch.set_num_threads(THREADS)
    x, y, projections = (torch.from_numpy(a) for a in samples(*case))
    x.requires_grad_()
    directions = projections.T.contiguous()

    def distance():
        if peer == "POT":
            return ot.sliced_wasserstein_distance(x, y, projections=directions, p=2) ** 2
        x_sorted, y_sorted = ((projections @ a.T).sort(dim=-1).values for a in (x, y))
        return (x_sorted - y_sorted).square().mean()

    def step():
        value = distance()
        return value, torch.autograd.grad(value, x)[0]

    def run(steps):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        return (time.perf_counter() - start) / steps

    value, gradient = step()
    serve(run, value=value.item(), gradient=gradient.norm().item())


if __name__ == "__main__":
    main()
