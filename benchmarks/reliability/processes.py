"""Two processes of PyTorch that train together, against one with the joint batch.

torchrun --nproc-per-node 2 -m benchmarks.reliability.processes FOLDER EPOCHS MODEL ...
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.reliability import devices, workers

#: Rows of `workers.cases()` that both processes share equally.
ROWS = 40


def measure(quick: bool) -> list[dict]:
    if importlib.util.find_spec("torch") is None:
        return []
    models = ("VAE", "LSTNet") if quick else devices.MODELS
    with tempfile.TemporaryDirectory() as folder:
        command = ("torch.distributed.run", "torch")
        options = ("--standalone", "--nproc-per-node", 2, "-m", __name__, folder, 3, *models)
        process = workers.started(*command, *options, OMP_NUM_THREADS="1")
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"torchrun ended with {process.returncode}: {errors[-300:]}")
        rows = []
        for name in models:
            first, second = (weights(folder, name, rank) for rank in ("0", "1"))
            rows.append(row(f"{name}: weights of both processes", first, second, 0.0))
        for name in devices.PLAIN if not quick else ("VAE",):
            together, alone = (weights(folder, f"{name} plain", r) for r in ("0", "one"))
            label = f"{name}, plain means without noise: two processes against one"
            rows.append(row(label, together, alone, 1e-3))
        return rows


def weights(folder: str, name: str, rank: str) -> list[np.ndarray]:
    with np.load(Path(folder) / f"{name} {rank}.npz") as arrays:
        return [arrays[key].astype("float64") for key in arrays.files]


def row(case: str, left: list, right: list, limit: float) -> dict:
    apart = max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))
    return {
        "case": case,
        "measured": f"within {apart:.0e}" if apart else "equal",
        "wanted": f"within {limit:.0e}" if limit else "equal",
        "passed": apart <= limit,
    }


def worker(folder: Path, epochs: int, names: list[str]) -> None:
    import keras
    from torch import distributed

    cases = workers.cases()

    def train(make, case, rank, processes, label):
        keras.utils.set_random_seed(rank)  # the weights of the first process win
        model = make()
        model.compile()
        data = keras.tree.map_structure(lambda a: a[rank:ROWS:processes], case.data)
        size = case.batch_size // processes
        model.fit(*data, batch_size=size, shuffle=False, epochs=epochs, verbose=0)
        np.savez(folder / label, *model.get_weights())

    rank = int(os.environ["RANK"])
    plain = {name: devices.plain(name) for name in names if name in devices.PLAIN}
    if rank == 0:
        for name, make in plain.items():
            train(make, cases[name], 0, 1, f"{name} plain one.npz")
    distributed.init_process_group("gloo")
    for name in names:
        train(cases[name].make, cases[name], rank, 2, f"{name} {rank}.npz")
    for name, make in plain.items():
        train(make, cases[name], rank, 2, f"{name} plain {rank}.npz")
    distributed.destroy_process_group()


if __name__ == "__main__":
    worker(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
