"""Eight threads that call the methods of one model at once."""

import sys
import threading

import numpy as np

from benchmarks.reliability import workers

THREADS = 8


def measure(quick: bool) -> list[dict]:
    rounds = 2 if quick else 10
    return [r for b in workers.backends(quick) for r in workers.ask(__name__, b, rounds)]


def at_once(calls: list) -> tuple[list, list]:
    """Run each call in its own thread, all released together; return results and errors."""
    results: list = [None] * len(calls)
    errors: list = []
    barrier = threading.Barrier(len(calls))

    def run(i):
        barrier.wait()
        try:
            results[i] = calls[i]()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}"[:100])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, errors


def verbs(model, x) -> list:
    """Eight calls, of four kinds."""
    other = {"source": "target", "target": "source"}
    calls = []
    for i, domain in enumerate([*other, *other]):
        part = x[domain][i * 8 :]
        calls.append(lambda p=part, d=domain: model.translate(p, to=other[d], batch_size=16))
        calls.append(lambda p=part, d=domain: model.encode(p, d, batch_size=16))
    return calls


def worker(rounds: int) -> list[dict]:
    case = workers.cases()["VBTA"]
    (x,) = case.data
    rows, wrong, failed = [], 0, []
    for _ in range(rounds):
        model = case.make()  # nothing is compiled yet: the first calls build it, all at once
        for _ in range(5):
            results, errors = at_once(verbs(model, x))
            failed += errors
            wanted = [call() for call in verbs(model, x)]
            wrong += sum(
                r is not None and not np.allclose(r, w, atol=1e-6)
                for r, w in zip(results, wanted, strict=True)
            )
    calls = rounds * 5 * THREADS
    for name, count in (("errors", len(failed)), ("results that differ", wrong)):
        rows.append(
            {
                "case": f"{name} in {calls} calls of `translate` and `encode` by eight threads",
                "measured": f"{count}"
                + (f", as {failed[0]}" if failed and name == "errors" else ""),
                "wanted": "0",
                "passed": count == 0,
            }
        )
    return rows


if __name__ == "__main__":
    workers.report(worker(int(sys.argv[1])))
