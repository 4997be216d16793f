"""Training that can be interrupted and resumed."""

import json
import time
from pathlib import Path

import keras

from keras_latent import callbacks
from keras_latent.src.utils.files import replaced_when_complete


def train(model: keras.Model, data, epochs: int, folder: Path, **fit) -> float | None:
    """Train a model, resume an interrupted training, or load the weights of a finished one.

    Args:
        model: A compiled model.
        data: The data for `fit`, or a function that returns it for a given initial epoch.
        epochs: Total number of epochs.
        folder: Stores the state after each epoch, and finally the weights.
        **fit: Other arguments of `fit`.

    Returns:
        Training time in seconds, or `None` if training was resumed.
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
        callbacks=[resume],
        **fit,
    )
    seconds = None if done else round(time.perf_counter() - start, 1)
    model.save_weights(weights)
    with replaced_when_complete(log) as temporary:
        temporary.write_text(json.dumps({"seconds": seconds}))
    return seconds
