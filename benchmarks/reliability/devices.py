"""Each model on two devices against one: JAX's `DataParallel`, TensorFlow's `MirroredStrategy`.

    python -m benchmarks.reliability.devices EPOCHS MODEL ...

JAX computes all terms on the whole batch. Replicas of TensorFlow compute theirs on their parts, and
draw their own noise. A model without noise and without terms over several rows equals one device.
"""

import contextlib
import os
import sys

import numpy as np

from benchmarks.reliability import workers

MODELS = ("VAE", "TVAE", "VBTA", "LSTNet", "BridgingVAE")
MODELS += ("DualVAE", "CVAE", "FaderNetwork", "WaveGAN")
#: What is taken out of a model so that its objective is a plain mean over rows, without noise.
PLAIN = {
    "VAE": {},
    "TVAE": {"triplet_weight": 0.0},
    "VBTA": {"gamma": 0.0},
    "LSTNet": {"dense": True},
    "CVAE": {},
}
CAN_DIFFER = "draws, triplets and batch moments are of a replica"


def measure(quick: bool) -> list[dict]:
    rows = []
    for backend in workers.backends(quick):
        flags = os.environ.get("XLA_FLAGS", "")
        if backend == "jax":
            models = ("VAE",) if quick else MODELS
            two = f"{flags} --xla_force_host_platform_device_count=2"
            rows += workers.ask(__name__, backend, 3, *models, XLA_FLAGS=two)
        elif backend == "tensorflow":
            models = ("VAE",) if quick else MODELS
            rows += workers.ask(__name__, backend, 3, *models)
        else:
            rows.append(
                {"case": "torch: one process has one device", "measured": "see `processes`"}
            )
    return rows


@contextlib.contextmanager
def two_devices_of_jax():
    import keras

    keras.distribution.set_distribution(keras.distribution.DataParallel())
    try:
        yield
    finally:
        keras.distribution.set_distribution(None)


def two_devices_of_tensorflow():
    """Return the scope of a strategy with two logical CPUs."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
    tf.config.set_logical_device_configuration(cpu, two)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope


def plain(name: str):
    """Return a function that makes the model without noise, or `None` if it must have some."""
    if name not in PLAIN:
        return None

    def make():
        import small_networks as small

        options = dict(PLAIN[name])
        if options.pop("dense", False):
            return small.lstnet_mlp()
        model = workers.cases()[name].make(**options)
        model.sample = lambda mean, log_var: mean
        return model

    return make


def train(make, case, epochs: int, weights: list | None = None):
    """Train from these weights; return the model's losses and weights."""
    model = make()
    if weights is not None:
        model.set_weights(weights)
    model.compile()
    history = model.fit(*case.data, epochs=epochs, **case.fit).history
    return history, model.get_weights()


def compare(make, case, scope, epochs: int) -> tuple[float, float]:
    """Return the largest difference of weights, and that of the loss relative to one device's."""
    weights = make().get_weights()
    one, after_one = train(make, case, epochs, weights)
    with scope():
        two, after_two = train(make, case, epochs, weights)
    moved = max(
        float(np.abs(a.astype("float64") - b).max())
        for a, b in zip(after_one, after_two, strict=True)
    )
    name = "loss" if "loss" in one else next(iter(one))
    return moved, abs(one[name][-1] - two[name][-1]) / abs(one[name][-1])


def worker(epochs: int, names: list[str]) -> list[dict]:
    import keras

    on_jax = keras.backend.backend() == "jax"
    scope = two_devices_of_jax if on_jax else two_devices_of_tensorflow()
    rows, cases = [], workers.cases()
    for name in names:
        case = cases[name]
        settings = {name: case.make} if on_jax else {f"{name}, as it is": case.make}
        if not on_jax and plain(name):
            settings[f"{name}, plain means without noise"] = plain(name)
        for label, make in settings.items():
            keras.utils.set_random_seed(0)
            weights, loss = compare(make, case, scope, epochs)
            exact = on_jax or "plain" in label
            rows.append(
                {
                    "case": f"{label}: two devices against one, {epochs} epochs",
                    "measured": f"weights within {weights:.0e}, loss within {loss:.0e}",
                    "wanted": "weights within 1e-3" if exact else CAN_DIFFER,
                    "passed": weights < 1e-3 if exact else None,
                }
            )
    return rows


if __name__ == "__main__":
    workers.report(worker(int(sys.argv[1]), sys.argv[2:]))
