"""Runs the tests on every installed backend: `python tests/all_backends.py [pytest options]`.

What does not depend on the backend runs once. Several processes run side by side, one for each
core; JAX and TensorFlow spend most of their time in compiling, which uses one.
"""

import concurrent.futures
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The first that is installed runs what does not depend on the backend: it starts fastest.
BACKENDS = ("torch", "jax", "tensorflow")
#: XLA compiles quickly, rather than well: in half the time, though convolutions take several times
#: as long to run.
XLA_FLAGS = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false"
)
SETTINGS = {
    # What JAX has compiled once is read by the next run.
    "JAX_COMPILATION_CACHE_DIR": str(ROOT / ".pytest_cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "XLA_FLAGS": XLA_FLAGS,
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # A thread for each process. PyTorch's would wait busily for each other, and for the rest.
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
}
#: Folders of the longest tests that run once: two processes share them.
LONG = ("tests/applications", "tests/guides", "tests/docs")
#: Why a test may be left out. Another reason fails the run.
KNOWN_SKIPS = (
    r"TFDS_DATA_DIR does not offer .*",
    r"of TensorFlow",
    r"of JAX",
    r"PyTorch .*",
    r"could not import '(pythae|umap|mlflow.*|wandb|IPython.*)'.*",
    r"could not import '(huggingface_hub|kagglehub)'.*",
)


def jobs(installed: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Name of each process to its backend and pytest options, the longest first."""
    found = {
        "once, applications": (installed[0], ["-m", "once", *LONG]),
        "once, library": (installed[0], ["-m", "once", *(f"--ignore={path}" for path in LONG)]),
    }
    for backend in ("tensorflow", "jax", "torch"):
        if backend in installed:
            found[backend] = (backend, ["-m", "not once"])
    return found


def run(backend: str, options: list[str]) -> tuple[int, str, float]:
    """Exit status, output and seconds of one pytest."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", *options, *sys.argv[1:]],
        cwd=ROOT,
        env={**SETTINGS, **os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout, time.perf_counter() - start


def workers() -> int:
    """One process for each core, and 4 GiB of memory for each."""
    if not hasattr(os, "sysconf"):
        return 2
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(os.cpu_count() or 1, memory // 2**32))


def skips(output: str) -> Counter:
    """Reasons for which tests were left out, and of how many."""
    found = Counter()
    for number, reason in re.findall(r"^SKIPPED \[(\d+)\] \S+: (.*)$", output, re.M):
        found[reason] += int(number)
    return found


def main() -> int:
    installed = [b for b in BACKENDS if importlib.util.find_spec(b)]
    if not installed:
        print(f"No backend is installed. Install one of {', '.join(BACKENDS)}.")
        return 1
    summary, failed, skipped = [], [], Counter()
    with concurrent.futures.ThreadPoolExecutor(workers()) as pool:
        running = {pool.submit(run, *job): name for name, job in jobs(installed).items()}
        for future in concurrent.futures.as_completed(running):
            name = running[future]
            status, output, seconds = future.result()
            print(f"\n===== {name}\n{output}", flush=True)
            skipped += skips(output)
            last = output.rstrip().rpartition("\n")[2].strip("= ")
            summary.append(f"{name:20} {seconds:5.0f} s  {last}")
            if status not in (0, 5):  # 5: the options leave nothing of this part
                failed.append(name)
    print("\n===== All backends", *summary, sep="\n")
    for reason, number in sorted(skipped.items()):
        known = any(re.fullmatch(pattern, reason) for pattern in KNOWN_SKIPS)
        print(f"skipped {number}: {reason}" + ("" if known else "  <- unknown reason"))
        if not known:
            failed.append(f"skipped: {reason}")
    print(f"Backends tested: {', '.join(installed)}. Failed: {', '.join(failed) or 'none'}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
