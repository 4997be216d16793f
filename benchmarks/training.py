"""A training that can be killed, in a folder of its own."""

import json
import time
from pathlib import Path

import keras

from keras_latent import callbacks
from keras_latent.src.utils.files import replaced_when_complete


def train(model: keras.Model, data, epochs: int, folder: Path, **fit) -> float | None:
    """Trains, goes on where a killed run stopped, or loads what is finished.

    Args:
        model: A compiled model, whose weights are set.
        data: What `fit` takes, or a function of the epoch that goes on with, that returns it.
        epochs: Epochs in all.
        folder: Holds the state after each epoch, and at the end the weights.
        **fit: Further arguments of `fit`.

    Returns:
        Seconds of the training; `None` if it was resumed, since those are not known.
    """
    weights, log = folder / "model.weights.h5", folder / "training.json"
    if log.exists():
        model.load_weights(weights)
        return json.loads(log.read_text())["seconds"]
    folder.mkdir(parents=True, exist_ok=True)
    resume = callbacks.Resume(folder / "state")
    done = resume.restore(model)
    start = time.perf_counter()
    model.fit(
        data(done) if callable(data) else data,
        epochs=epochs,
        initial_epoch=done,
        verbose=2,
        callbacks=[keras.callbacks.TerminateOnNaN(), resume],
        **fit,
    )
    seconds = None if done else round(time.perf_counter() - start, 1)
    model.save_weights(weights)
    with replaced_when_complete(log) as temporary:
        temporary.write_text(json.dumps({"seconds": seconds}))
    return seconds
