"""Two processes of PyTorch train as one, on the batch that is joined from theirs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_networks

pytestmark = pytest.mark.once


def test_two_processes_equal_one_with_the_joint_batch(tmp_path):
    pytest.importorskip("torch")
    script = Path(__file__).with_name("two_processes.py")
    modules = str(Path(small_networks.__file__).parent)
    path = os.pathsep.join([modules, *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run(
        [sys.executable, script, tmp_path],
        env=os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": path},
        check=True,
        timeout=120,
    )
    one, first, second = (np.load(tmp_path / f"{n}.npz") for n in ("one", "first", "second"))
    assert len(one) > 40
    for name in one:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        if name.endswith(("_spread", "moving_variance")):
            continue  # a variance over each process's own rows
        np.testing.assert_allclose(first[name], one[name], rtol=1e-4, atol=1e-5, err_msg=name)
    # Each process draws its own noise, though all seeds are equal.
    assert np.abs(first["noise"] - second["noise"]).min() > 1e-4
