"""Trains in one process, then in two: `python two_processes.py FOLDER` (PyTorch).

Writes `one.npz`, `first.npz` and `second.npz`: the weights and the logs of each training.
"""

import datetime
import os
import sys
from pathlib import Path

import keras
import numpy as np
import torch
from keras import layers, ops
from small_networks import lstnet_mlp, vae
from torch import distributed

from keras_latent import training

#: The rows of a batch of 20 that each process gets: not equally many.
PARTS = {"one": slice(0, 20), "first": slice(0, 12), "second": slice(12, 20)}


class Parts(training.PortableModel):
    """Two losses of one pass; moments of a batch, beside two weights that nothing uses."""

    trackers = ("first", "second")

    def __init__(self):
        super().__init__()
        self.dense, self.other = layers.Dense(1), layers.Dense(1)
        self.moments = layers.BatchNormalization(momentum=0.5)
        for layer in (self.dense, self.other, self.moments):
            layer.build((None, 4))
        self.built = True

    def optimizer_groups(self):
        return {"first": [self.dense, self.moments], "second": [self.other]}

    def both(self, x):
        self.moments(x, training=True)
        squares = [ops.mean(ops.square(layer(x) - 1.0)) for layer in (self.dense, self.other)]
        return dict(zip(self.trackers, squares, strict=True)), {}

    @training.portable
    def train_step(self, data):
        x = self.unpack(data)
        losses, _ = self.minimize_each(self.both, x)
        return self.track(ops.shape(x)[0], **losses)


def without_noise():
    model = vae()
    model.sample = lambda mean, log_var: mean
    return model


def scaled():
    keras.config.set_dtype_policy("mixed_float16")
    model = lstnet_mlp(source=(4, 4, 1), target=(3, 3, 1))
    keras.config.set_dtype_policy("float32")
    return model


def parts():
    model = Parts()
    # A weight whose gradient is 0, rather than `None`, would decay.
    model.compile({n: keras.optimizers.AdamW(0.01, weight_decay=0.1) for n in model.trackers})
    return model


def train(name, folder):
    """Three steps of each model, from weights that differ between processes."""
    rng = np.random.default_rng(0)
    kept = {}
    for make, shapes in {
        without_noise: (8, 8, 1),
        scaled: {"source": (4, 4, 1), "target": (3, 3, 1)},
        parts: (4,),
    }.items():
        draw = {
            key: rng.random((3, 20, *shape), "float32")
            for key, shape in (shapes.items() if isinstance(shapes, dict) else [("x", shapes)])
        }
        keras.utils.set_random_seed(int(name == "second"))
        model = make()
        if not model.compiled:
            model.compile()
        for step in range(3):
            batch = {key: values[step, PARTS[name]] for key, values in draw.items()}
            batch = batch if isinstance(shapes, dict) else batch["x"]
            logs = model.train_on_batch(batch, return_dict=True)
        for i, variable in enumerate(model.weights):
            kept[f"{make.__name__} {i} {variable.name}"] = ops.convert_to_numpy(variable)
        kept |= {f"{make.__name__} {key}": value for key, value in logs.items()}
    model = vae()
    if name != "one":
        model.compile()
        model.fit(rng.random((4, 8, 8, 1), "float32"), verbose=0)
        kept["noise"] = model.sample(*ops.zeros((2, 1, 4))).detach().numpy()
        if name == "first":  # evaluation does not wait for others
            model.evaluate(rng.random((4, 8, 8, 1), "float32"), verbose=0)
    np.savez(folder / f"{name}.npz", **kept)


def main():
    folder = Path(sys.argv[1])
    sys.modules["tensorflow"] = None  # which Keras would import for seconds, to seed it
    torch.set_num_threads(1)
    train("one", folder)
    child = os.fork()
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/store",
        rank=0 if child else 1,
        world_size=2,
        timeout=datetime.timedelta(seconds=30),
    )
    train("first" if child else "second", folder)
    distributed.destroy_process_group()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
