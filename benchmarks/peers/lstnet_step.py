"""LSTNet's step handwritten in PyTorch, which translates separately for each optimizer.

python -m benchmarks.peers.lstnet_step WIDTH BATCH float32|bfloat16
"""

import contextlib
import sys
import time

import torch

from benchmarks.peers.lstnet_torch import LSTNet
from benchmarks.peers.turns import THREADS, serve
from keras_latent.src.models.lstnet import networks

TABLES = {
    "source_encoder": networks.MNIST_ENCODER,
    "target_encoder": networks.USPS_ENCODER,
    "shared_encoder": networks.SHARED_ENCODER,
    "source_generator": networks.MNIST_GENERATOR,
    "target_generator": networks.USPS_GENERATOR,
    "shared_generator": networks.SHARED_GENERATOR,
    "source_discriminator": networks.MNIST_DISCRIMINATOR,
    "target_discriminator": networks.USPS_DISCRIMINATOR,
    "latent_discriminator": networks.LATENT_DISCRIMINATOR,
}


def main():
    width, batch, precision = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(THREADS)
    model = LSTNet(TABLES, {"source": (28, 28, 1), "target": (16, 16, 1)}, width)
    source = torch.rand(batch, 1, 28, 28) * 2 - 1
    target = torch.rand(batch, 1, 16, 16) * 2 - 1
    lower = contextlib.nullcontext
    if precision == "bfloat16":
        lower = lambda: torch.autocast("cpu", torch.bfloat16)  # noqa: E731

    def run(steps):
        start = time.perf_counter()
        for _ in range(steps):
            with lower():
                model.step(source, target)
        return (time.perf_counter() - start) / steps

    serve(run, parameters=sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    main()
