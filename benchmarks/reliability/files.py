"""Hostile and damaged files: how much memory and time they take, and whether damage is noticed."""

import gzip
import io
import json
import multiprocessing
import os
import resource
import struct
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.reliability.damage import flips, truncations, zip_as_in_python_3_12
from keras_latent import callbacks, datasets, models
from keras_latent.src.presets import registry
from keras_latent.src.utils.optional import import_extra

MEBI = 1 << 20
SECONDS, MEGABYTES = 10, 300
#: A child process that takes more memory than this beyond its start gets a `MemoryError`.
LIMIT = 12 << 30
#: Bytes at the end of a `.keras` file that list what is in it.
DIRECTORY = 200
#: Python reports these when code from a file is run.
CODE = {"pickle.find_class", "function.__new__", "code.__new__", "os.system", "subprocess.Popen"}


def measure(quick: bool) -> list[dict]:
    """Return a row per kind of file; see `benchmarks.reliability`."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_bombs(Path(folder), quick), *_damage(Path(folder), quick)]


# Bombs -----------------------------------------------------------------------------------


def _bombs(folder: Path, quick: bool) -> Iterator[dict]:
    size = 300 * MEBI if quick else 3000 * MEBI
    for case, read in _cases(folder, size).items():
        said, seconds, megabytes = _in_child(read)
        yield {
            "case": case,
            "measured": f"{said}, {seconds:.1f} s, {megabytes:.0f} MB",
            "wanted": f"an error of the library within {SECONDS} s and {MEGABYTES} MB",
            "passed": said == "error" and seconds < SECONDS and megabytes < MEGABYTES,
        }


def _cases(folder: Path, size: int) -> dict[str, Callable[[], Any]]:
    """Functions that read what must be refused, by a description."""
    import_extra("tensorflow_datasets", "data", "This measurement")
    from keras_latent.src.datasets.sources import sc09, usps

    def npz(name: str, header: bytes, zeros: int) -> Callable[[], Any]:
        (folder / name).mkdir()
        with zipfile.ZipFile(folder / name / "mnist.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            for key in ("x_train", "x_test"):
                with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
                    file.write(header)
                    for _ in range(zeros // MEBI if key == "x_train" else 0):
                        file.write(bytes(MEBI))
            for key in ("y_train", "y_test"):
                archive.writestr(f"{key}.npy", _npy((1,), "<i8") + bytes(8))
        return lambda: datasets.load_arrays("mnist", folder / name)

    def no_file(name: str, make: Callable[[Path], Any]) -> Callable[[], Any]:
        (folder / name).mkdir()
        make(folder / name / "mnist.npz")
        return lambda: datasets.load_arrays("mnist", folder / name)

    def wav(name: str, content: bytes, length: int) -> Callable[[], Any]:
        (folder / name).write_bytes(content)
        os.truncate(folder / name, length)
        return lambda: datasets.read_wav(folder / name, 8000)

    # Files in which one compressed mebibyte occurs again and again.
    text = gzip.compress(b"0 " * (MEBI // 2))
    (folder / "usps.gz").write_bytes(text * (size // MEBI))
    member = tarfile.TarInfo("testing_list.txt")
    member.size = size
    listing = gzip.compress(member.tobuf()) + gzip.compress(bytes(MEBI)) * (size // MEBI)
    (folder / "sc09.tar.gz").write_bytes(listing)
    chunks = b"RIFF\0\0\0\0WAVE" + b"LIST\0\0\0\0" * 1_000_000
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    start = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + form + b"data"
    images = size // 784 // MEBI * MEBI
    named = f"{size >> 20} MiB"
    return {
        f"npz: {named} of zeros, as images": npz(
            "zeros", _npy((images, 28, 28), "|u1"), images * 784
        ),
        f"npz: {named} of zeros, as doubles": npz("doubles", _npy((size // 8,), "<f8"), size),
        "npz: 10 GB declared, none there": npz("empty", _npy((10**7, 32, 32), "|u1"), 0),
        "npz: a folder": no_file("folder", Path.mkdir),
        "npz: a pipe": no_file("pipe", os.mkfifo),
        "npz: a dangling link": no_file("link", lambda path: path.symlink_to("gone.npz")),
        f"USPS: {named} of text": lambda: usps.read_digits(folder / "usps.gz", 7_291),
        f"SC09: a list of {named}": lambda: sc09.read_splits(folder / "sc09.tar.gz"),
        "wav: /dev/zero": lambda: datasets.read_wav("/dev/zero", 8000),
        "wav: a million empty chunks": wav("chunks.wav", chunks, len(chunks)),
        "wav: 3 GB of samples": wav(
            "long.wav", start + struct.pack("<I", 3 * 10**9), len(start) + 4 + 3 * 10**9
        ),
    }


def _npy(shape: tuple[int, ...], dtype: str) -> bytes:
    file = io.BytesIO()
    description = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, description)
    return file.getvalue()


def _in_child(read: Callable[[], Any]) -> tuple[str, float, float]:
    """What came out, in which time, and with how many megabytes more than at the start."""

    def run() -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + LIMIT
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        start = time.perf_counter()
        try:
            read()
            said = "no error"
        except ValueError:
            said = "error"
        except BaseException as error:
            said = type(error).__name__
        seconds = time.perf_counter() - start
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
        sender.send((said, seconds, more / 1024))

    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=run)
    start = time.perf_counter()
    process.start()
    sender.close()
    try:
        if not receiver.poll(6 * SECONDS):
            return "no end", time.perf_counter() - start, float("nan")
        return receiver.recv()
    except EOFError:
        return "killed", time.perf_counter() - start, float("nan")
    finally:
        process.kill()
        process.join()


# Damage ----------------------------------------------------------------------------------


def _damage(folder: Path, quick: bool) -> Iterator[dict]:
    model = models.VAE.from_preset("vae_digits", load_weights=False, seed=0)
    model.compile()
    (images, labels), _ = datasets.load_arrays("digits")
    resume = callbacks.Resume(folder / "states")
    model.fit(images[:64] / np.float32(255), callbacks=[resume], verbose=0)
    model.save(folder / "model.keras")
    model.save_to_preset(folder / "preset")
    arrays = {"x": images[:50], "y": labels[:50]}
    arrays = {f"{key}_{part}": rows for key, rows in arrays.items() for part in ("train", "test")}
    np.savez_compressed(folder / "mnist.npz", **arrays)

    def shipped() -> Any:
        return _state(models.TVAE.from_preset("tvae_digits"))

    def preset() -> Any:
        return _state(models.VAE.from_preset(folder / "preset"))

    def whole_model() -> Any:
        return _state(keras.saving.load_model(folder / "model.keras"))

    def checkpoint() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it looks for an earlier one
            resume.restore(model)
        return _state(model)

    count = 40 if quick else 500
    (state,) = (folder / "states").iterdir()
    yield _row("checkpoint of a training", state, checkpoint, count)
    yield _row(".keras file", folder / "model.keras", whole_model, count)
    if sys.version_info < (3, 12):
        with zip_as_in_python_3_12():
            title = ".keras file, read as in Python 3.12"
            yield _row(title, folder / "model.keras", whole_model, count)
    title = ".keras file, its directory"
    yield _row(title, folder / "model.keras", whole_model, count // 2, last=DIRECTORY)
    for name in ("model.weights.h5", "config.json", "metadata.json"):
        yield _row(f"preset, {name}", folder / "preset" / name, preset, count // 2)
    with _copy_of_shipped("tvae_digits", folder / "shipped") as copy:
        yield _row("preset of the package", copy / registry.WEIGHTS, shipped, count // 2)
    yield _row("npz", folder / "mnist.npz", lambda: datasets.load_arrays("mnist", folder), count)


def _row(
    title: str, path: Path, read: Callable[[], Any], count: int, last: int | None = None
) -> dict:
    """Damage a file in many ways, and count what reading it gives. It is restored at the end."""
    content, wanted = path.read_bytes(), _comparable(read())
    found: Counter[str] = Counter()
    damaged = [*flips(content, count, 0, last), *truncations(content, count // 10, seed=1)]
    with _code_is_counted(found):
        for _, changed in damaged:
            path.write_bytes(changed)
            try:
                same = _comparable(read()) == wanted
            except Exception:
                found["errors"] += 1
            else:
                found["equal" if same else "wrong"] += 1
    path.write_bytes(content)
    return {
        "case": f"{title}: {count} flipped bits, {count // 10} truncations",
        "measured": ", ".join(f"{found[key]} {key}" for key in ("errors", "equal", "wrong", "ran")),
        "wanted": "0 wrong, 0 that ran code",
        "passed": not found["wrong"] and not found["ran"],
    }


def _state(model: Any) -> Any:
    optimizer = model.optimizer.variables if model.compiled else []
    arrays = [keras.ops.convert_to_numpy(v) for v in (*model.variables, *optimizer)]
    configurations = model.get_config(), model.get_compile_config()
    return json.dumps(configurations, default=str, sort_keys=True), arrays


def _comparable(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_comparable(item) for item in value]
    return (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


#: Where code that runs is counted; the last one counts.
_counters: list[Counter[str]] = []


def _count_code(event: str, arguments: tuple) -> None:
    if _counters and event in CODE:
        _counters[-1]["ran"] += 1


@cache
def _listen() -> None:
    sys.addaudithook(_count_code)  # Python cannot remove it.


@contextmanager
def _code_is_counted(found: Counter[str]) -> Iterator[None]:
    _listen()
    _counters.append(found)
    try:
        yield
    finally:
        _counters.pop()


@contextmanager
def _copy_of_shipped(name: str, folder: Path) -> Iterator[Path]:
    (folder / name).mkdir(parents=True)
    for file in (registry.CARD, registry.WEIGHTS):
        (folder / name / file).write_bytes((registry.TRAINED / name / file).read_bytes())
    shipped, registry.TRAINED = registry.TRAINED, folder
    try:
        yield folder / name
    finally:
        registry.TRAINED = shipped
