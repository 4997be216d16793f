"""The scripts of `docs/reliability.md` that train in several processes, as the page shows them."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_latent import models

ROOT = Path(__file__).parents[2]
BLOCKS = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
SHORT = {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "2", "OMP_NUM_THREADS": "1"}


def start(backend, folder, *command, **settings):
    """A process that runs the page's script for this backend, in a folder."""
    pages = BLOCKS.findall((ROOT / "docs" / "reliability.md").read_text())
    (script,) = [text for text in pages if f'"KERAS_BACKEND"] = "{backend}"' in text]
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(script)
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, *command, "train.py"],
        cwd=folder,
        env=os.environ | SHORT | settings | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def printed(processes):
    try:
        outputs = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert not any(process.returncode for process in processes)
    return outputs


def loss_of(output):
    return float(re.search(r"loss ([\d.]+)", output)[1])


def quick_flags():
    """The tests' flags of XLA, without the second device of `conftest.py`."""
    flags = os.environ.get("XLA_FLAGS", "").split()
    return " ".join(flag for flag in flags if "device_count" not in flag)


def saved(path, kind):
    model = keras.saving.load_model(path)
    assert type(model) is kind
    return model


def test_torchrun(tmp_path):
    pytest.importorskip("torch")
    options = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    (output,) = printed([start("torch", tmp_path, *options)])
    assert "'loss'" in output  # of `evaluate`, by one of the processes
    assert np.isfinite(saved(tmp_path / "vae.keras", models.VAE).generate(2)).all()


def test_processes_of_jax_equal_one_with_the_joint_batch(tmp_path):
    pytest.importorskip("jax")

    def started(folder, number):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        names = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
        for rank in range(number):
            values = (address, str(number), str(rank))
            settings = {f"KERAS_DISTRIBUTION_{n}": v for n, v in zip(names, values, strict=True)}
            yield start("jax", tmp_path / folder, XLA_FLAGS=quick_flags(), **settings)

    one, first, second = printed([*started("one", 1), *started("two", 2)])
    assert loss_of(first) == loss_of(second)
    np.testing.assert_allclose(loss_of(first), loss_of(one), rtol=1e-5)
    alone, joint = (saved(tmp_path / n / "vbta.keras", models.VBTA) for n in ("one", "two"))
    for a, b in zip(alone.get_weights(), joint.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
