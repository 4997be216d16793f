"""The same seed in two new processes: are the weights after a short training equal, bit by bit?

python -m benchmarks.reliability.determinism MODEL ...
"""

import hashlib
import sys

from benchmarks.reliability import workers
from benchmarks.reliability.devices import MODELS


def measure(quick: bool) -> list[dict]:
    models = ("VAE", "WaveGAN") if quick else MODELS
    rows = []
    for backend in workers.backends(quick):
        processes = [workers.started(__name__, backend, *models) for _ in range(2)]
        runs = [workers.answer(process) for process in processes]
        for first, second in zip(*runs, strict=True):
            equal = first["digest"] == second["digest"]
            rows.append(
                {
                    "case": f"{backend}: {first['case']}: two processes with the same seed",
                    "measured": "equal" if equal else "different",
                    "wanted": "equal",
                    "passed": equal,
                }
            )
    return rows


def worker(names: list[str]) -> list[dict]:
    import keras

    rows, cases = [], workers.cases()
    for name in names:
        keras.utils.set_random_seed(0)
        case = cases[name]
        model = case.make()
        model.compile()
        model.fit(*case.data, batch_size=case.batch_size, epochs=5, verbose=0)  # shuffled
        content = b"".join(weight.tobytes() for weight in model.get_weights())
        rows.append({"case": name, "digest": hashlib.sha256(content).hexdigest()})
    return rows


if __name__ == "__main__":
    workers.report(worker(sys.argv[1:]))
