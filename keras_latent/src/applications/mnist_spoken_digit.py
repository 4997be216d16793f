"""BridgingVAE between written digits (a VAE) and spoken ones (a GAN): tables 1 and 2."""

import argparse
from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications import bridging, image_bridge
from keras_latent.src.applications.base_models import kept, train_and_resume
from keras_latent.src.applications.bridging import Side
from keras_latent.src.applications.judging import accuracy, float32, floats
from keras_latent.src.applications.run_directory import RunDirectory
from keras_latent.src.cli.options import bridging as bridging_options
from keras_latent.src.cli.options.mnist_spoken_digit import GANS

PRESETS = bridging_options.PRESETS | {
    "paper": bridging_options.PRESETS["paper"] | {"preset": "bridging_speech"}
}
SAMPLE_RATE = datasets.SAMPLE_RATES["spoken_digit"]
#: A sound counts as recognised if the judge is at least so sure of one digit.
RECOGNISED = 0.9

prolong = bridging.prolong


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict:
    """Trains or loads the base models and judges, trains the bridge, measures and draws.

    Returns:
        The figures of `metrics.json`.
    """
    pair = datasets.load_pair(
        "mnist_spoken_digit", seed=arguments.seed, data_dir=arguments.data_dir
    )
    limit = slice(arguments.limit)
    images = [x[limit] for x in (pair.source_train, pair.source_test)]
    labels = [y[limit] for y in (pair.source_train_labels, pair.source_test_labels)]
    if arguments.verbose:
        print("Evaluation classifier and base model of the written digits:", flush=True)
    written = image_bridge.image_side(
        images,
        labels[0],
        "mnist",
        0,
        arguments.classifier_epochs,
        arguments.base_epochs,
        arguments.base_precision,
        arguments.verbose,
    )
    spoken, gan_facts = spoken_digits(pair, arguments)
    sides = {"source": written, "target": spoken}

    settings = PRESETS[arguments.preset]
    bridge, facts = bridging.train_bridge(sides, arguments, settings, directory)
    transfer = models.LatentDomainTransfer(written.model, bridge, spoken.model)
    figures = bridging.measure(transfer, sides, arguments.seed) | facts | gan_facts
    bridging.save(transfer, directory)
    visualization.training_curves(directory.history("history.csv"), directory / "training.png")
    draw(transfer, floats(images[1]), labels[1], spoken, directory)
    return figures


def spoken_digits(pair: datasets.DomainPair, arguments) -> tuple[Side, dict]:
    """The side of the sounds: latents of the GAN, of which the judge is most sure."""
    if arguments.verbose:
        print("Evaluation classifier and GAN of the spoken digits:", flush=True)
    with float32():
        epochs = {"epochs": arguments.classifier_epochs} if arguments.classifier_epochs else {}
        judge = metrics.reference_audio_classifier(
            pair.target_train,
            pair.target_train_labels,
            SAMPLE_RATE,
            verbose=arguments.verbose,
            **epochs,
        )
    gan = trained_gan(pair.target_train, arguments)
    test_rows = max(1, arguments.per_class // 10)
    found = models.rejection_sample(
        gan,
        judge,
        arguments.per_class + test_rows,
        max_draws=arguments.max_draws,
        seed=arguments.seed,
        allow_fewer=True,  # a GAN may not know every digit: that is for the figures to say
        verbose=min(arguments.verbose, 1),
    )
    # Rows come by class, the surest first: the test is drawn from all of them.
    rng = np.random.default_rng([arguments.seed, 11])
    is_test = np.zeros(len(found.labels), bool)
    for k in np.unique(found.labels):
        rows = np.flatnonzero(found.labels == k)
        is_test[rng.permutation(rows)[: min(test_rows, -(-len(rows) // 11))]] = True
    z, y = found.latents, found.labels
    side = Side(gan, judge, z[~is_test], y[~is_test], z[is_test], np.arange(10))

    sounds = gan.generate(2000, seed=arguments.seed + 1)
    probabilities = keras.ops.softmax(judge.predict(sounds, batch_size=250, verbose=0))
    probabilities = keras.ops.convert_to_numpy(probabilities)
    share = np.bincount(probabilities.argmax(1), minlength=10) / len(sounds)
    facts = {
        "gan": {
            "recognised": round(float(np.mean(probabilities.max(1) >= RECOGNISED)), 4),
            "mean_confidence": round(float(probabilities.max(1).mean()), 4),
            "digits": [round(float(s), 4) for s in share],
            "draws": int(found.draws),
            "kept": [int(n) for n in np.bincount(y, minlength=10)],
            "least_confidence": [
                round(float(found.confidence[y == k].min(initial=1.0)), 4) for k in range(10)
            ],
        },
        "judge_accuracy": {"target": accuracy(judge, pair.target_test_labels, pair.target_test)},
    }
    return side, facts


def trained_gan(waveforms: np.ndarray, arguments) -> models.WaveGAN:
    """The GAN of `--gan`: of a file, or trained and kept."""
    if arguments.gan.endswith(".keras"):
        return keras.saving.load_model(arguments.gan)
    _, rows, critic_rate, generator_rate = GANS[arguments.gan]
    settings = [arguments.gan, arguments.gan_epochs, rows, critic_rate, generator_rate]

    def train(folder: Path) -> models.WaveGAN:
        keras.utils.set_random_seed(0)
        gan = models.WaveGAN.from_preset(arguments.gan, load_weights=False, seed=0)
        optimizers = gan.default_optimizer()
        optimizers["critic"].learning_rate = critic_rate
        optimizers["generator"].learning_rate = generator_rate
        gan.compile(optimizers)
        # A batch is divided among the critic's updates: the rest of an epoch is left out.
        size = rows * gan.critic_steps
        whole = waveforms[: len(waveforms) // size * size]
        return train_and_resume(
            gan, whole, arguments.gan_epochs, folder, batch_size=size, verbose=arguments.verbose
        )

    return kept("wavegan", settings, waveforms, train, None, "GAN", arguments.verbose)


def draw(transfer, images, labels, spoken: Side, directory: RunDirectory) -> None:
    """Figures 3 to 6 with sounds as spectrograms, and the sounds themselves."""
    some = images[np.concatenate([np.flatnonzero(labels == k)[:1] for k in range(10)])]
    sounds = transfer.transfer(some, to="target")
    visualization.spectrogram_grid(
        [("digit", some), ("transferred to speech", sounds)],
        SAMPLE_RATE,
        directory / "source_to_target.png",
    )
    visualization.write_wavs(
        directory / "transferred",
        sounds,
        SAMPLE_RATE,
        names=[f"digit_{k}" for k in range(10)],
    )
    heard = spoken.seen(transfer.decode(spoken.test, "target"))
    z = spoken.test[np.concatenate([np.flatnonzero(heard == k)[:1] for k in np.unique(heard)])]
    visualization.spectrogram_grid(
        [
            ("generated", transfer.decode(z, "target")),
            ("reconstruction", transfer.reconstruct(z, "target", latents=True)),
            ("transferred to MNIST", transfer.transfer(z, to="source", latents=True)),
        ],
        SAMPLE_RATE,
        directory / "target_to_source.png",
    )
    rows = [np.flatnonzero(labels == k) for k in range(10)]
    for name, (a, b) in (
        ("within", (rows[3][0], rows[3][1])),
        ("between", (rows[3][0], rows[8][0])),
    ):
        strips = [
            (title, transfer.interpolate(images[[a]], images[[b]], 8, transferred=kind)[0])
            for title, kind in (
                ("digits", "none"),
                ("ends transferred", "ends"),
                ("all transferred", "all"),
            )
        ]
        visualization.spectrogram_grid(strips, SAMPLE_RATE, directory / f"interpolation_{name}.png")


def report(figures: dict) -> None:
    """Prints the tables."""
    bridging.report(figures)
    gan = figures["gan"]
    print(
        f"Of 2000 sounds of the GAN, the judge (accuracy on real ones: "
        f"{figures['judge_accuracy']['target']:.4f}) is at least {RECOGNISED:.0%} sure of a digit "
        f"in {gan['recognised']:.1%}; shares of the digits: {gan['digits']}"
    )
