"""Speed of `fit` of TVAE and VAE, compared with pythae's VAE and trainer.

    KERAS_BACKEND=jax python -m benchmarks.speed_tvae --peer-python PATH

All models have pythae's default networks, 784-512-20 and back. TVAE also mines triplets and trains
on them; pythae has no such model. Ours run whole epochs of `fit` on MNIST arrays; pythae runs its
own epochs with fewer batches.

`pythae` may need a separate environment; `--peer-python` is its interpreter. Writes
`results/speed_tvae.json` and keeps the rows of other backends.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from benchmarks import results
from benchmarks.peers import turns
from benchmarks.speed_vbta import BACKEND, EpochSeconds
from keras_latent import datasets, models
from keras_latent.src.models.vae.networks import vae_mlp

BATCH, STEPS, LATENT = 50, 300, 20
ROWS = BATCH * STEPS
MODELS = {"VAE": models.VAE, "TVAE": models.TVAE}


def fitting(name, images, labels, steps_per_execution):
    """Return a runner that measures seconds per step over an epoch of `fit`."""
    model = MODELS[name](**vae_mlp((28, 28, 1), hidden=512, latent_dim=LATENT))
    model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=steps_per_execution)
    clock = EpochSeconds()
    data = (images, labels) if name == "TVAE" else (images,)

    def run(steps):
        model.fit(*data, batch_size=BATCH, verbose=0, callbacks=[clock])
        return clock.seconds / steps

    return run, model.count_params()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps-per-execution", type=int, default=1, help="for our models")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer-steps", type=int, default=200, help="steps per turn of the peer")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter of pythae")
    arguments = parser.parse_args()

    images, labels = (x[:ROWS] for x in datasets.load_arrays("mnist")[0])
    images = images.reshape(ROWS, 28, 28, 1).astype("float32") / 255
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mnist.npz"
        np.savez(path, images=images.reshape(ROWS, 1, 28, 28), labels=labels)
        peer = turns.Peer(
            "vae_pythae",
            path,
            BATCH,
            arguments.peer_steps,
            LATENT,
            python=arguments.peer_python,
        )
        runners, steps = {"peer": peer}, {"peer": arguments.peer_steps}
        for name in MODELS:
            runners[name], parameters = fitting(name, images, labels, arguments.steps_per_execution)
            steps[name] = STEPS
            assert parameters == peer.facts["parameters"]
        seconds = turns.in_turns(runners, steps, arguments.rounds)
        peer.close()
    rows = []
    for name in MODELS:
        setting = {"model": name, "batch": BATCH, "latents": LATENT, "backend": BACKEND}
        setting["steps_per_execution"] = arguments.steps_per_execution
        rows.append(
            turns.row("pythae VAE trainer", setting, seconds[name], seconds["peer"], "steps/s")
        )
        print(rows[-1])
    name = "speed_tvae"
    same = results.of_this_backend(steps_per_execution=arguments.steps_per_execution)
    print(results.write(name, f"benchmarks.{name}", rows, replaces=same))


if __name__ == "__main__":
    main()
