"""VBTA's step handwritten in PyTorch, eager or with `torch.compile`.

    python -m benchmarks.peers.vbta_torch FILE.npz BATCH eager|compile [fused]

The file contains images of both domains and the weights of our model. The peer reports its loss on
the first batch at mean latents, which must equal ours.
"""

import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.turns import THREADS, serve

LOG_2_PI = 1.8378770664093453


class VBTA(nn.Module):
    def __init__(self, pixels: int, hidden: int, latent: int):
        super().__init__()
        self.encoders = nn.ModuleList(nn.Linear(pixels, hidden) for _ in range(2))
        self.z_mean = nn.Linear(hidden, latent)
        self.z_variance = nn.Linear(hidden, latent)
        self.shared_decoder = nn.Linear(latent, hidden)
        self.decoders = nn.ModuleList(nn.Linear(hidden, pixels) for _ in range(2))

    def load(self, weights):
        """Return weights by their names in `benchmarks.speed_vbta`; kernels are (in, out)."""
        layers = {
            "source_encoder": self.encoders[0],
            "target_encoder": self.encoders[1],
            "z_mean": self.z_mean,
            "z_log_var": self.z_variance,
            "shared_decoder": self.shared_decoder,
            "source_decoder": self.decoders[0],
            "target_decoder": self.decoders[1],
        }
        with torch.no_grad():
            for name, layer in layers.items():
                layer.weight.copy_(torch.from_numpy(weights[f"{name}/kernel"].T.copy()))
                layer.bias.copy_(torch.from_numpy(weights[f"{name}/bias"]))

    def forward(self, source, target, paired, draw: bool = True):
        loss, posteriors = 0.0, []
        for x, encoder, decoder in zip((source, target), self.encoders, self.decoders, strict=True):
            h = functional.relu(encoder(x))
            mean, variance = self.z_mean(h), functional.softplus(self.z_variance(h))
            z = mean + variance.sqrt() * torch.randn_like(mean) if draw else mean
            image = decoder(functional.relu(self.shared_decoder(z)))
            kl = 0.5 * (variance + mean**2 - 1.0 - variance.log()).sum(1)
            nll = 0.5 * ((x - image) ** 2 + LOG_2_PI).sum(1)
            loss = loss + (kl + nll).mean()
            posteriors.append((mean, variance))
        return loss + triplet_loss(*posteriors, paired)


def triplet_loss(source, target, paired):
    """Return softplus(d_ij - d_ik); j is the pair of i, k the nearest other row."""
    (m, v), (n, w) = source, target
    # 4 d = sum v/w + w/v - 2 + (m - n)^2 (1/v + 1/w), multiplied out.
    d = (v + m**2) @ (1 / w).T + (1 / v) @ (w + n**2).T - 2 * (m / v) @ n.T - 2 * m @ (n / w).T
    d = 0.25 * (d + (m**2 / v - 1).sum(1)[:, None] + (n**2 / w - 1).sum(1)[None, :])
    nearest = d.masked_fill(torch.eye(len(d), dtype=torch.bool), torch.inf).amin(1)
    losses = functional.softplus(d.diagonal() - nearest) * paired
    return losses.sum() / paired.sum().clamp(min=1.0)


def main():
    path, batch, mode, *fused = sys.argv[1:]
    batch = int(batch)
    torch.set_num_threads(THREADS)
    file = np.load(path)
    source, target = (torch.from_numpy(file[d]) for d in ("source", "target"))
    paired = torch.ones(len(source))
    hidden, latent = file["z_mean/kernel"].shape
    model = VBTA(source.shape[1], hidden, latent)
    model.load(file)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=bool(fused) or None)
    objective = torch.compile(model) if mode == "compile" else model

    def run(steps):
        start, total = time.perf_counter(), 0.0
        for rows in torch.randperm(len(source))[: steps * batch].split(batch):
            optimizer.zero_grad()
            loss = objective(source[rows], target[rows], paired[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        total.item()
        return (time.perf_counter() - start) / steps

    with torch.no_grad():
        loss = model(source[:batch], target[:batch], paired[:batch], draw=False).item()
    serve(run, loss=loss)


if __name__ == "__main__":
    main()
