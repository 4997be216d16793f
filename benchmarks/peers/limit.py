"""A lower limit of the time per step: its matrix products, and Adam's pass over the parameters.

    python -m benchmarks.peers.limit BATCH '[[in, out, times, is_first], ...]'

Measures the products of a dense layer's forward and backward pass in the step's shapes with
PyTorch's BLAS, and PyTorch's fused Adam on as many parameters.
"""

import json
import sys
import time

import torch

from benchmarks.peers.turns import THREADS, serve


def products(batch: int, layers: list) -> list[tuple]:
    """Return operands and result of each product; a first layer needs no input gradient."""
    result = []
    for n_in, n_out, times, is_first in layers:
        for _ in range(times):
            x, y, w = torch.rand(batch, n_in), torch.rand(batch, n_out), torch.rand(n_in, n_out)
            result += [(x, w, torch.empty_like(y)), (x.T, y, torch.empty_like(w))]
            if not is_first:
                result.append((y, w.T, torch.empty_like(x)))
    return result


def main():
    batch, layers = int(sys.argv[1]), json.loads(sys.argv[2])
    torch.set_num_threads(THREADS)
    operands = products(batch, layers)
    flops = sum(2 * a.shape[0] * a.shape[1] * b.shape[1] for a, b, _ in operands)
    # Shared layers are used twice but updated once.
    weights = [torch.rand(n_in + 1, n_out, requires_grad=True) for n_in, n_out, *_ in layers]
    for weight in weights:
        weight.grad = torch.rand_like(weight)
    adam = torch.optim.Adam(weights, lr=1e-3, fused=True)

    def run(steps):
        start = time.perf_counter()
        for _ in range(steps):
            for a, b, out in operands:
                torch.mm(a, b, out=out)
        middle = time.perf_counter()
        for _ in range(steps):
            adam.step()
        return [(middle - start) / steps, (time.perf_counter() - middle) / steps]

    serve(run, flops=flops)


if __name__ == "__main__":
    main()
