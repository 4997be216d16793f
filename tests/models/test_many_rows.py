"""More rows than Keras's `predict` is given at a time, and calls from several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from small_networks import batch, digits, vae, vbta

from keras_latent.src.models.base import programs


def test_blocks_do_not_change_the_answer(monkeypatch):
    x, model = batch(103)["source"], vbta()
    verbs = {
        "encode": lambda: model.encode(x, batch_size=4),
        "sample": lambda: model.encode(x, sample=True, seed=1, batch_size=4),
        "translate": lambda: model.translate(x, batch_size=4),
        "decode": lambda: model.decode(np.ones((103, 4), "float32"), batch_size=4),
    }
    want = {name: verb() for name, verb in verbs.items()}
    calls = []
    predict = keras.Model.predict
    monkeypatch.setattr(
        keras.Model, "predict", lambda self, x, **k: calls.append(len(x)) or predict(self, x, **k)
    )
    monkeypatch.setattr(programs, "VALUES_AT_A_TIME", 1000)
    for name, verb in verbs.items():
        calls.clear()
        got = verb()
        assert sum(calls) == 103 and len(calls) > 5 and set(calls[:-1]) < {4, 8, 12}, calls
        np.testing.assert_allclose(got, want[name], atol=1e-6)
        assert got.dtype == want[name].dtype


@pytest.mark.each_backend
def test_threads_share_a_model():
    """On JAX, `predict` takes the weights out of the variables while it runs."""
    x, model, together = digits(40)[0], vae(), threading.Barrier(8)
    verbs = [model.encode, model.reconstruct] * 4

    def call(i):
        together.wait()  # nothing is built yet
        return [verbs[i](x[i:], batch_size=8) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(call, range(8)))
    for i, got in enumerate(results):
        np.testing.assert_allclose(got, [verbs[i](x[i:], batch_size=8)] * 3, atol=1e-6)
