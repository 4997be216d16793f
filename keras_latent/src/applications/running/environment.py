"""The versions and the hardware of a run."""

import importlib.metadata
import os
import platform

import keras_latent


def describe_environment() -> dict[str, str]:
    """Versions and hardware, for `metrics.json`."""
    import keras

    versions = {}
    for package in ("keras", "numpy", "tensorflow", "jax", "torch"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "backend": keras.backend.backend(),
        "dtype_policy": keras.config.dtype_policy().name,
        "keras_latent": keras_latent.__version__,
        "python": platform.python_version(),
        **versions,
        "hardware": _hardware(keras.backend.backend()),
    }


def _hardware(backend: str) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [f"{cores} CPU cores", platform.machine()]
    if backend == "jax":
        import jax

        parts += [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    elif backend == "torch":
        import torch

        parts += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    else:
        import tensorflow as tf

        details = tf.config.experimental.get_device_details
        gpus = tf.config.list_physical_devices("GPU")
        parts += [details(gpu).get("device_name", "GPU") for gpu in gpus]
    return ", ".join(parts)
