"""Runs the tests on every installed backend: `python tests/all_backends.py [pytest options]`."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")
#: Most of the time is spent in compiling tiny networks: quickly, rather than well. At level 0,
#: convolutions take several times as long to run, and few tests get by without.
XLA_FLAGS = "--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true"
#: What JAX has compiled once is read by the other processes, and by the next run.
JAX_CACHE = {
    "JAX_COMPILATION_CACHE_DIR": str(Path(__file__).parents[1] / ".pytest_cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def main() -> int:
    installed = [b for b in BACKENDS if importlib.util.find_spec(b)]
    if not installed:
        print(f"No backend is installed. Install one of {', '.join(BACKENDS)}.")
        return 1
    failed = []
    for backend in installed:
        print(f"\n===== KERAS_BACKEND={backend}", flush=True)
        status = subprocess.call(
            # A process for each core, a thread for each process: most of the time is spent
            # in tracing and compiling, which use one.
            [sys.executable, "-m", "pytest", "-n", "auto", *sys.argv[1:]],
            cwd=Path(__file__).parents[1],
            env={
                **JAX_CACHE,
                **os.environ,
                "KERAS_BACKEND": backend,
                "OMP_NUM_THREADS": "1",
                "XLA_FLAGS": os.environ.get("XLA_FLAGS", XLA_FLAGS),
                "TF_CPP_MIN_LOG_LEVEL": "2",
            },
        )
        if status:
            failed.append(backend)
    print(f"\nBackends tested: {', '.join(installed)}. Failed: {', '.join(failed) or 'none'}.")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
