"""Speed of DualVAE's `fit`, which updates the encoder twice per step, compared with a plain VAE.

    KERAS_BACKEND=tensorflow python -m benchmarks.speed_dual_vae --width 16
    KERAS_BACKEND=jax python -m benchmarks.speed_dual_vae --width 16

Uses 64x64x3 images, batches of 64, 40 attributes and the same networks for both. Both updates of
DualVAE share one encoder pass; the remaining overhead is the second backward pass and the second
Adam. The plain VAE is also compared with itself, which shows the precision of the ratio. Writes
`results/speed_dual_vae.json` and keeps the rows of other backends and widths.
"""

import argparse

import numpy as np

from benchmarks import results
from benchmarks.peers import turns
from benchmarks.speed_vbta import BACKEND, EpochSeconds
from keras_latent import models
from keras_latent.src.models.dual_vae.networks import dual_vae

SHAPE, ATTRIBUTES = (64, 64, 3), 40
#: A step of DualVAE may take 1.25 times as long.
TARGET = 0.8


def fitting(model, x, y, batch):
    """Return a runner that measures seconds per step over an epoch of `fit`."""
    model.compile()
    clock = EpochSeconds()

    def run(steps):
        rows = slice(steps * batch)
        labels = None if y is None else y[rows]
        model.fit(x[rows], labels, batch_size=batch, shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds / steps

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=16, help="filters of the first convolution")
    parser.add_argument("--latent-dim", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20, help="steps per turn")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    batch, rows = arguments.batch, arguments.batch * arguments.steps
    rng = np.random.default_rng(0)
    x = rng.random((rows, *SHAPE), "float32")
    y = rng.integers(-1, 2, (rows, ATTRIBUTES), "int32")

    def networks():
        return dual_vae(SHAPE, arguments.latent_dim, arguments.width)

    runners = {
        "DualVAE": fitting(models.DualVAE(**networks(), attributes=ATTRIBUTES), x, y, batch),
        "VAE of the same networks": fitting(models.VAE(**networks()), x, None, batch),
        "the same VAE again": fitting(models.VAE(**networks()), x, None, batch),
    }
    seconds = turns.in_turns(runners, dict.fromkeys(runners, arguments.steps), arguments.rounds)
    setting = {"backend": BACKEND, "batch": batch, "width": arguments.width}
    setting["latent_dim"] = arguments.latent_dim
    ours, peer, again = seconds.values()
    rows = [
        turns.row("VAE of the same networks", setting, ours, peer, "steps/s") | {"target": TARGET},
        turns.row("VAE against itself", setting | {"model": "VAE"}, again, peer, "steps/s"),
    ]
    for row in rows:
        print(row)
    same = results.of_this_backend(width=arguments.width, batch=batch)
    print(results.write("speed_dual_vae", "benchmarks.speed_dual_vae", rows, replaces=same))


if __name__ == "__main__":
    main()
