"""The versions and the hardware of a run."""

import importlib.metadata
import os
import platform

import keras_latent


def describe_environment() -> dict[str, str]:
    """Versions and hardware, for `metrics.json`."""
    import keras

    from keras_latent.src import backend

    versions = {}
    for package in ("keras", "numpy", "tensorflow", "jax", "torch"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "backend": backend.NAME,
        "dtype_policy": keras.config.dtype_policy().name,
        "keras_latent": keras_latent.__version__,
        "python": platform.python_version(),
        **versions,
        "hardware": _hardware(backend.accelerators()),
    }


def _hardware(accelerators: list[str]) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([f"{cores} CPU cores", platform.machine(), *accelerators])
