"""BridgingVAE's step handwritten in PyTorch, eager or with `torch.compile`.

    python -m benchmarks.peers.bridging_torch FILE.npz BATCH one|three eager|compile

`one` encodes and decodes all rows of both domains at once, with one sample per row, as ours does.
`three` follows the paper's reference code, with a pass and a sample per domain for each of the
three terms of the objective.

The file contains the latents of both domains, their labels, the weights of our model, and
directions. The peer reports its loss on the first batch at mean latents, which must equal ours.
"""

import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers.turns import THREADS, serve


def linear(file, kernel: str, bias: str) -> nn.Linear:
    """Apply a layer with weights from the file, whose kernels have the shape (in, out)."""
    layer = nn.Linear(*file[kernel].shape)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(file[kernel].T.copy()))
        layer.bias.copy_(torch.from_numpy(file[bias]))
    return layer


class GatedMixing(nn.Module):
    def __init__(self, file, name: str):
        super().__init__()
        self.hidden = linear(file, f"{name}/hidden_kernel", f"{name}/hidden_bias")
        self.skip = linear(file, f"{name}/skip_kernel", f"{name}/skip_bias")

    def forward(self, hidden, skip):
        update, gate = self.hidden(hidden).chunk(2, dim=1)
        return torch.lerp(self.skip(skip), update, gate.sigmoid())


class Network(nn.Module):
    """ReLU layers followed by heads that mix their output with the input."""

    def __init__(self, file, name: str, heads: list[str]):
        super().__init__()
        layers, i = [], 0
        while f"{name}/{i}/kernel" in file:
            layers += [linear(file, f"{name}/{i}/kernel", f"{name}/{i}/bias"), nn.ReLU()]
            i += 1
        self.layers = nn.Sequential(*layers)
        self.heads = nn.ModuleList(GatedMixing(file, f"{name}/{head}") for head in heads)

    def forward(self, x, one_hot):
        skip = torch.cat([x, one_hot], dim=1)
        hidden = self.layers(skip)
        return [head(hidden, skip) for head in self.heads]


def draw(mean, std):
    return mean + std * torch.randn_like(mean)


def kl_divergence(mean, std):
    return 0.5 * (std**2 + mean**2 - 1.0 - 2.0 * std.log()).sum(1).mean()


class Bridge(nn.Module):
    def __init__(self, file, batch: int):
        super().__init__()
        self.encoder = Network(file, "encoder", ["mean", "std"])
        self.decoder = Network(file, "decoder", ["output"])
        self.classifier = linear(file, "classifier/kernel", "classifier/bias")
        self.betas = tuple(file["betas"].tolist())
        self.order, self.shape = int(file["order"]), file["projections"].shape
        self.register_buffer("one_hot", torch.eye(2).repeat_interleave(batch, 0))

    def encode(self, z, one_hot):
        mean, raw = self.encoder(z, one_hot)
        return mean, functional.softplus(raw)

    def distance(self, both, directions):
        """Return W_p^p along the directions, between the two halves of the rows `both`."""
        if directions is None:
            directions = functional.normalize(torch.randn(self.shape), dim=1)
        columns = (directions @ both.T).unflatten(1, (2, -1)).sort(dim=2).values
        gaps = columns[:, 0] - columns[:, 1]
        return (gaps.abs() if self.order == 1 else gaps.square()).mean()

    def total(self, error, kl, distance, nll):
        beta_kl, beta_swd, beta_cls = self.betas
        return error + beta_kl * kl + beta_swd * distance + beta_cls * nll

    def one(self, given, y, directions=None):
        """Process the rows of both domains together; with directions, at mean latents."""
        mean, log_var = given[:, 0], given[:, 1]
        z = draw(mean, (0.5 * log_var).exp()) if directions is None else mean
        mean, std = self.encode(z, self.one_hot)
        shared = draw(mean, std) if directions is None else mean
        (output,) = self.decoder(shared, self.one_hot)
        # The domains have equal size, so the sum is twice the mean over all rows.
        error = 2.0 * functional.mse_loss(output, z)
        nll = 2.0 * functional.cross_entropy(self.classifier(shared), y)
        kl = 2.0 * kl_divergence(mean, std)
        return self.total(error, kl, self.distance(shared, directions), nll)

    def three(self, given, y, directions=None):
        """Process each domain and term separately, each with its own sample."""
        error, kl, nll, compared = 0.0, 0.0, 0.0, []
        halves = (tensor.chunk(2) for tensor in (given, y, self.one_hot))
        for rows, labels, one_hot in zip(*halves, strict=True):
            mean, log_var = rows[:, 0], rows[:, 1]
            z = draw(mean, (0.5 * log_var).exp()) if directions is None else mean

            def encoded(z=z, one_hot=one_hot):
                mean, std = self.encode(z, one_hot)
                return mean, std, draw(mean, std) if directions is None else mean

            mean, std, shared = encoded()
            (output,) = self.decoder(shared, one_hot)
            error = error + functional.mse_loss(output, z)
            kl = kl + kl_divergence(mean, std)
            compared.append(encoded()[2])
            nll = nll + functional.cross_entropy(self.classifier(encoded()[2]), labels)
        return self.total(error, kl, self.distance(torch.cat(compared), directions), nll)


def main():
    path, batch, passes, mode = sys.argv[1:]
    batch = int(batch)
    torch.set_num_threads(THREADS)
    with np.load(path) as npz:
        file = dict(npz)
    # One tensor for both domains, to gather a batch at once.
    latents, labels = (
        torch.from_numpy(np.concatenate([file[f"{d}_{kind}"] for d in ("source", "target")]))
        for kind in ("latents", "labels")
    )
    rows = len(latents) // 2
    bridge = Bridge(file, batch)
    eager = {"one": bridge.one, "three": bridge.three}[passes]
    objective = torch.compile(eager) if mode == "compile" else eager
    optimizer = torch.optim.Adam(bridge.parameters(), lr=1e-3)

    def order(steps):
        times = -(-steps * batch // rows)
        drawn = torch.cat([torch.randperm(rows) for _ in range(times)])
        return drawn[: steps * batch].reshape(steps, batch)

    def run(steps):
        start, total = time.perf_counter(), 0.0
        for index in torch.cat([order(steps), rows + order(steps)], dim=1):
            optimizer.zero_grad()
            loss = objective(latents[index], labels[index])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        total.item()
        return (time.perf_counter() - start) / steps

    with torch.no_grad():
        first = torch.cat([torch.arange(batch), rows + torch.arange(batch)])
        directions = torch.from_numpy(file["projections"])
        loss = eager(latents[first], labels[first], directions).item()
    # Compile before the first answer, so that failures are reported early.
    run(1)
    parameters = sum(p.numel() for p in bridge.parameters())
    serve(run, loss=loss, parameters=parameters)


if __name__ == "__main__":
    main()
