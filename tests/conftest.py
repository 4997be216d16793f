import os
import sys
from pathlib import Path

# Two devices on one machine, for the tests of data parallelism; read when JAX starts.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
)
# Threads of PyTorch that wait busily starve every other process; read when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

TESTS = Path(__file__).parent
# Small models for other folders' tests too, imported under one name: their classes are
# registered with Keras once.
sys.path.insert(0, str(TESTS / "models"))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

pytest.register_assert_rewrite("run_model")

#: Folders whose tests do not depend on the backend, but for those marked `each_backend`.
ONCE = (
    "applications",
    "callbacks",
    "datasets",
    "docs",
    "guides",
    "models",
    "utils",
    "visualization",
)
#: Folders whose tests are over in a minute.
QUICK = ("ops", "layers", "losses", "training", "utils")

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
    tf.config.set_logical_device_configuration(cpu, two)


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items):
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in ONCE and not item.get_closest_marker("each_backend"):
            item.add_marker("once")
        if folder in QUICK:
            item.add_marker("quick")


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=0, help="of what the tests draw (default: 0)")


@pytest.fixture(autouse=True)
def seeded(request):
    keras.utils.set_random_seed(request.config.getoption("--seed"))
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def mirrored():
    """One strategy for the process: a second one reuses the collectives of the first."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def eagerly():
    """TensorFlow runs uncompiled: it traces for seconds what runs for milliseconds."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def rng(request):
    return np.random.default_rng(request.config.getoption("--seed"))
