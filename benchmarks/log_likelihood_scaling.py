"""How time and memory of `translate` and `log_likelihood` scale from 1,000 to 1,000,000 rows.

    KERAS_BACKEND=jax python -m benchmarks.log_likelihood_scaling

Writes `results/speed_rows.json` and keeps the rows of other backends. Each size runs in its own
process. Memory is the peak of this process, including the framework, minus the input and output
arrays; it should be the same for all sizes. Time is that of a second call, after a first call on
1,000 rows that compiles.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks import results
from keras_latent import metrics, models

WARM = 1000
VERBS = ("translate", "log_likelihood")


def measure(verb: str, rows: int, preset: str, samples: int) -> dict:
    """Return a method's seconds, and its peak memory in MB without the arrays, on `rows` rows."""
    model = models.VBTA.from_preset(preset, load_weights=False)
    shape = model.event_shapes["source"]
    x = np.random.default_rng(0).random((rows, *shape), "float32")

    def run(x):
        if verb == "translate":
            return model.translate(x)
        return metrics.log_likelihood(model, x, samples, domain="source").values

    run(x[:WARM])
    start = time.perf_counter()
    result = run(x)
    seconds = time.perf_counter() - start
    arrays = x.nbytes + result.nbytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "megabytes": (peak - arrays) / 1e6, "arrays": arrays / 1e6}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**k for k in range(3, 7)])
    parser.add_argument("--preset", default="vbta_digits_transpose")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--measure", choices=VERBS, help="measure in this process and print")
    arguments = parser.parse_args()
    settings = ["--preset", arguments.preset, "--samples", str(arguments.samples)]
    if arguments.measure:
        got = measure(arguments.measure, arguments.rows[0], arguments.preset, arguments.samples)
        print(json.dumps(got))
        return

    table = []
    for verb in VERBS:
        for rows in arguments.rows:
            command = [sys.executable, "-m", "benchmarks.log_likelihood_scaling"]
            command += ["--measure", verb, "--rows", str(rows), *settings]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            got = json.loads(out.splitlines()[-1])
            setting = {"verb": verb, "rows": rows, "preset": arguments.preset}
            if verb == "log_likelihood":
                setting["samples"] = arguments.samples
            table.append(
                {
                    "configuration": "ours",
                    "setting": setting | {"backend": keras.backend.backend()},
                    "metric": "seconds",
                    "value": round(got["seconds"], 3),
                    "rows_per_second": round(rows / got["seconds"]),
                    "peak_megabytes": round(got["megabytes"]),
                    "array_megabytes": round(got["arrays"]),
                }
            )
            print(table[-1], flush=True)
    print(
        results.write(
            "speed_rows",
            "benchmarks.log_likelihood_scaling",
            table,
            replaces=results.of_this_backend(),
        )
    )


if __name__ == "__main__":
    main()
