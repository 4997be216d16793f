"""Every model for 200 steps in 16 bits: finite, and a reconstruction that improves.

python -m benchmarks.reliability.half_precision STEPS POLICY MODEL ...
"""

import sys

import numpy as np

from benchmarks.reliability import workers
from benchmarks.reliability.devices import MODELS

POLICIES = ("mixed_float16", "mixed_bfloat16")
#: Of the models whose loss is a game, a term that training must lower; `None`: there is none.
FALLING = {"LSTNet": "source_reconstruction_loss", "WaveGAN": None}


def measure(quick: bool) -> list[dict]:
    steps, models = (20, ("VAE", "LSTNet")) if quick else (200, MODELS)
    return [
        row
        for backend in workers.backends(quick)
        for policy in (POLICIES[:1] if quick else POLICIES)
        for row in workers.ask(__name__, backend, steps, policy, *models)
    ]


def worker(steps: int, policy: str, names: list[str]) -> list[dict]:
    import keras

    rows, cases = [], workers.cases()
    keras.config.set_dtype_policy(policy)
    for name in names:
        keras.utils.set_random_seed(0)
        case = cases[name]
        model = case.make()
        model.compile()
        epochs = steps * case.batch_size // 40
        history = model.fit(*case.data, epochs=epochs, **case.fit).history
        finite = all(np.isfinite(values).all() for values in history.values())
        finite &= all(np.isfinite(w).all() for w in model.get_weights())
        term = FALLING.get(name, "reconstruction_loss")
        term = term if term is None or term in history else "loss"
        first, last = ([], []) if term is None else (history[term][:5], history[term][-5:])
        measured, passed = ("finite" if finite else "not finite"), finite
        if term is not None:
            measured += f", {term} {np.mean(first):.4g} to {np.mean(last):.4g}"
            passed = finite and np.mean(last) < np.mean(first)
        rows.append(
            {
                "case": f"{name}, {policy}, {steps} steps",
                "measured": measured,
                "wanted": "finite" if term is None else "finite and falling",
                "passed": bool(passed),
            }
        )
    return rows


if __name__ == "__main__":
    workers.report(worker(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
