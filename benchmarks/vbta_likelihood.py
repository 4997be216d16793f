"""Table 2 of the VBTA paper: log p(x) and log p(y) of binarized digits by importance sampling.

All models use the same protocol: 50,000 training and 10,000 test images; images binarized once, at
a threshold of 0.5 or by drawing each pixel (fixed seeds); Bernoulli likelihood; the networks of the
paper, Adam 1e-3, batch size 50; VBTA with all pairs; weights of the last epoch; the same test rows
and noise. Estimates grow with the number of samples, so each row has the curve. The standard error
of the difference between VBTA and the VAE is that of the mean of the differences per test row.
"""

import keras
import numpy as np

from benchmarks import results
from benchmarks.training import train
from keras_latent import datasets, metrics, models

SPLITS = {"mnist": "paper", "digits": "keras"}
#: Numbers of samples at which the estimate is reported beside the final one.
CURVE = (1, 10, 100, 1000)


def binarised(images: np.ndarray, how: str, seed: int) -> np.ndarray:
    """Return uint8 images as float32 zeros and ones."""
    grey = images / np.float32(255)
    level = 0.5 if how == "threshold" else np.random.default_rng(seed).random(grey.shape, "float32")
    return (grey > level).astype("float32")


def table2(arguments) -> None:
    """Train a VAE per domain and VBTA, and estimate their likelihoods."""
    loaded = datasets.load_pair(
        f"{arguments.dataset}_transpose", split=SPLITS[arguments.dataset], format="numpy"
    )
    x = binarised(loaded.source_train, arguments.binarise, 0)
    x_test = binarised(loaded.source_test, arguments.binarise, 1)[: arguments.rows]
    test = {"source": x_test, "target": x_test.swapaxes(1, 2)}
    rows = []
    of_vae = {}

    def estimate(configuration, model, domain, seconds):
        of = {"domain": domain} if isinstance(model, models.VBTA) else {}
        curve = {}
        for samples in sorted({s for s in CURVE if s < arguments.samples} | {arguments.samples}):
            result = metrics.log_likelihood(model, test[domain], samples, **of)
            curve[samples] = result.mean
            print(configuration, domain, result, flush=True)
        difference = result.values - of_vae.setdefault(domain, result.values)
        rows.append(
            {
                "configuration": configuration,
                "setting": {
                    "domain": domain,
                    "samples": arguments.samples,
                    "test_rows": len(x_test),
                    "binarisation": arguments.binarise,
                    "epochs": arguments.epochs,
                },
                "metric": "log_likelihood",
                "value": result.mean,
                "standard_error": result.standard_error,
                "monte_carlo_error": result.monte_carlo_error,
                "median_effective_sample_size": float(np.median(result.effective_sample_size)),
                "curve": curve,
                "minus_vae": float(difference.mean()),
                "standard_error_of_difference": float(
                    difference.std(ddof=1) / len(difference) ** 0.5
                ),
                "seeds": 1,
                "wall_seconds": seconds,
            }
        )

    def trained(name, model, data, **fit):
        model.compile(keras.optimizers.Adam(1e-3))
        folder = f"table2-{arguments.dataset}-{arguments.binarise}-{arguments.epochs}-{name}"
        return train(model, data, arguments.epochs, arguments.runs / folder, **fit)

    for domain, images in (("source", x), ("target", x.swapaxes(1, 2))):
        keras.utils.set_random_seed(0)
        vae = models.VAE.from_preset(
            arguments.preset[0], load_weights=False, likelihood="bernoulli", seed=0
        )
        images = np.ascontiguousarray(images)
        seconds = trained(f"vae-{domain}", vae, images, batch_size=50)
        estimate("VAE", vae, domain, seconds)

    keras.utils.set_random_seed(0)
    vbta = models.VBTA.from_preset(
        arguments.preset[1], load_weights=False, likelihood="bernoulli", seed=0
    )

    def batches(done):
        pair = datasets.pair_from_arrays(x, x.swapaxes(1, 2), paired="all", batch_size=50)
        pair.skip_epochs(done)
        return pair.train

    seconds = trained("vbta", vbta, batches, shuffle=False)
    for domain in test:
        estimate("paper", vbta, domain, seconds)
    name = "vbta_table2" + ("" if arguments.dataset == "mnist" else f"_{arguments.dataset}")
    print(
        results.write(
            name,
            "benchmarks.vbta",
            rows,
            replaces=lambda row: row["setting"]["binarisation"] == arguments.binarise,
        )
    )
