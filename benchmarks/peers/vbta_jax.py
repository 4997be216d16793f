"""VBTA's step handwritten in JAX: a jitted function of a dict of parameters.

    python -m benchmarks.peers.vbta_jax FILE.npz BATCH

Like `vbta_torch`, with a custom Adam and donated parameters.
"""

import functools
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.turns import serve

LOG_2_PI = 1.8378770664093453


def dense(p, name, x):
    return x @ p[f"{name}/kernel"] + p[f"{name}/bias"]


def objective(p, batch, noise):
    loss, posteriors = 0.0, []
    for domain, epsilon in zip(("source", "target"), noise, strict=True):
        x = batch[domain]
        h = jax.nn.relu(dense(p, f"{domain}_encoder", x))
        mean, variance = dense(p, "z_mean", h), jax.nn.softplus(dense(p, "z_log_var", h))
        z = mean + jnp.sqrt(variance) * epsilon
        image = dense(p, f"{domain}_decoder", jax.nn.relu(dense(p, "shared_decoder", z)))
        kl = 0.5 * (variance + mean**2 - 1.0 - jnp.log(variance)).sum(1)
        nll = 0.5 * ((x - image) ** 2 + LOG_2_PI).sum(1)
        loss += (kl + nll).mean()
        posteriors.append((mean, variance))
    return loss + triplet_loss(*posteriors, batch["paired"])


def triplet_loss(source, target, paired):
    """Return softplus(d_ij - d_ik); j is the pair of i, k the nearest other row."""
    (m, v), (n, w) = source, target
    # 4 d = sum v/w + w/v - 2 + (m - n)^2 (1/v + 1/w), multiplied out.
    d = (v + m**2) @ (1 / w).T + (1 / v) @ (w + n**2).T - 2 * (m / v) @ n.T - 2 * m @ (n / w).T
    d = 0.25 * (d + (m**2 / v - 1).sum(1)[:, None] + (n**2 / w - 1).sum(1)[None, :])
    nearest = jnp.where(jnp.eye(len(d), dtype=bool), jnp.inf, d).min(1)
    losses = jax.nn.softplus(jnp.diag(d) - nearest) * paired
    return losses.sum() / jnp.maximum(paired.sum(), 1.0)


def adam(p, gradients, state, rate=1e-3, b1=0.9, b2=0.999, epsilon=1e-8):
    count, m, v = state
    count += 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, gradients)
    rate *= jnp.sqrt(1 - b2**count) / (1 - b1**count)
    p = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + epsilon), p, m, v)
    return p, (count, m, v)


@functools.partial(jax.jit, donate_argnums=(0, 1, 2))
def step(p, state, key, batch):
    key, *keys = jax.random.split(key, 3)
    shape = len(batch["source"]), p["z_mean/bias"].size
    noise = [jax.random.normal(k, shape) for k in keys]
    loss, gradients = jax.value_and_grad(objective)(p, batch, noise)
    p, state = adam(p, gradients, state)
    return p, state, key, loss


def main():
    path, size = sys.argv[1], int(sys.argv[2])
    file = dict(np.load(path))
    data = {"source": file.pop("source"), "target": file.pop("target")}
    data["paired"] = np.ones(len(data["source"]), "float32")
    rng = np.random.default_rng(0)
    p = {name: jnp.asarray(value) for name, value in file.items()}
    first = {name: value[:size] for name, value in data.items()}
    loss = float(objective(p, first, (0.0, 0.0)))
    zeros = jax.tree.map(jnp.zeros_like, p)
    carry = [p, (0.0, zeros, jax.tree.map(jnp.copy, zeros)), jax.random.key(0)]

    def run(steps):
        nonlocal carry
        start, total = time.perf_counter(), 0.0
        for rows in rng.permutation(len(data["source"]))[: steps * size].reshape(steps, size):
            *carry, loss = step(*carry, {name: value[rows] for name, value in data.items()})
            total += loss
        float(total)
        return (time.perf_counter() - start) / steps

    serve(run, loss=loss)


if __name__ == "__main__":
    main()
