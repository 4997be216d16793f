"""More rows than Keras's `predict` is given at a time."""

import keras
import numpy as np
from small_networks import batch, vbta

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
