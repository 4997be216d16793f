"""BridgingVAE between written digits and spoken ones: tables 1 and 2.

A VAE models the spectrograms of the spoken digits, or a GAN their waveforms.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization
from keras_latent.src.applications.bridging import bridge, figures
from keras_latent.src.applications.bridging.base_models import cached, train_and_resume
from keras_latent.src.applications.bridging.bridge import INTERPOLATIONS, Side
from keras_latent.src.applications.bridging.image_pairs import base_options, image_side
from keras_latent.src.applications.bridging.speech_vae import draw_latents, speech_vae
from keras_latent.src.applications.running.evaluation import (
    accuracy,
    dtype_policy,
    floats,
    labelled,
)
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.applications.settings import GANS, SPEECH_PRESETS, SPEECH_VAE
from keras_latent.src.datasets.spectrograms import griffin_lim, log_mel

SAMPLE_RATE = datasets.SAMPLE_RATES["spoken_digit"]
#: A sound counts as recognized if the classifier gives one digit at least this probability.
RECOGNIZED = 0.9
#: Sounds of the generative model that the classifier hears.
GENERATED = 2000
#: Of Griffin and Lim.
ITERATIONS = 8

extend = bridge.extend


@dataclass(frozen=True)
class SpokenSide(Side):
    """A domain of sounds, of which the model makes spectrograms if it can encode."""

    def sounds(self, data: np.ndarray) -> np.ndarray:
        """Waveforms of what the model makes."""
        if not self.encodes:
            return data
        parts = [data[k : k + 500] for k in range(0, len(data), 500)]  # to save memory
        return np.concatenate([griffin_lim(x, SAMPLE_RATE, ITERATIONS) for x in parts])

    def made(self, latents: np.ndarray) -> np.ndarray:
        """Waveforms of decoded latents."""
        return self.sounds(self.model.decode(latents))

    def classify(self, data: np.ndarray) -> np.ndarray:
        return super().classify(self.sounds(data))


def run(arguments: argparse.Namespace, directory: RunDirectory) -> dict[str, Any]:
    """Trains (or loads) base models, classifiers and the bridge, evaluates and draws."""
    pair = datasets.load_pair(
        "mnist_spoken_digit", seed=arguments.seed, data_dir=arguments.data_dir
    )
    train, train_labels = (x[: arguments.limit] for x in labelled(pair, "source", "train"))
    test, test_labels = (x[: arguments.limit] for x in labelled(pair, "source"))
    if arguments.verbose:
        print("Evaluation classifier and base model of the written digits:", flush=True)
    labels = [train_labels, test_labels]
    written = image_side([train, test], labels, "mnist", 0, base_options(arguments))
    spoken, gan_facts = spoken_digits(pair, arguments)
    sides = {"source": written, "target": spoken}
    facts = figures.tested(sides, arguments.verbose, gan_facts)

    preset = SPEECH_PRESETS[arguments.preset]
    transfer, of_training = bridge.train_bridge(sides, arguments, preset, directory)
    facts |= figures.measure(transfer, sides, arguments.seed) | of_training
    draw(transfer, floats(test), test_labels, spoken, directory)
    return facts


def spoken_digits(
    pair: datasets.DomainPair, arguments: argparse.Namespace
) -> tuple[SpokenSide, dict[str, Any]]:
    """The side of sounds: a VAE with its latents, or a GAN with those that sound clearest."""
    if arguments.verbose:
        print("Evaluation classifier and generative model of the spoken digits:", flush=True)
    waveforms, labels = labelled(pair, "target", "train")
    epochs = {"epochs": arguments.classifier_epochs} if arguments.classifier_epochs else {}
    with dtype_policy():
        classifier = metrics.reference_audio_classifier(
            waveforms, labels, SAMPLE_RATE, verbose=arguments.verbose, **epochs
        )
    if arguments.gan == SPEECH_VAE:
        side, found = vae_side(classifier, pair, arguments)
    else:
        side, found = gan_side(classifier, pair, arguments)
    return side, {
        "gan": {"model": arguments.gan} | found,
        "judge_accuracy": {"target": accuracy(classifier, *reversed(labelled(pair, "target")))},
    }


def heard(classifier: keras.Model, sounds: np.ndarray) -> dict[str, Any]:
    """How surely a classifier recognizes sounds, and as which digits."""
    probabilities = keras.ops.softmax(classifier.predict(sounds, batch_size=250, verbose=0))
    probabilities = keras.ops.convert_to_numpy(probabilities)
    share = np.bincount(probabilities.argmax(1), minlength=10) / len(sounds)
    return {
        "recognised": round(float(np.mean(probabilities.max(1) >= RECOGNIZED)), 4),
        "mean_confidence": round(float(probabilities.max(1).mean()), 4),
        "digits": [round(float(s), 4) for s in share],
    }


def vae_side(
    classifier: keras.Model, pair: datasets.DomainPair, arguments: argparse.Namespace
) -> tuple[SpokenSide, dict[str, Any]]:
    """Spectrograms: a VAE, its latents of all sounds, and how test sounds are recognized."""
    parts = [labelled(pair, "target", part) for part in ("train", "test")]
    images = [log_mel(waveforms, SAMPLE_RATE) for waveforms, _ in parts]
    vae = speech_vae(images[0], epochs=arguments.gan_epochs, verbose=arguments.verbose)
    train, test = (
        np.stack(vae.encoder.predict(x, batch_size=512, verbose=0), axis=1) for x in images
    )
    side = SpokenSide(vae, classifier, train, parts[0][1], test, images[1], parts[1][1])
    seed = arguments.seed + 1
    found = heard(classifier, side.made(draw_latents(train[:, 0], GENERATED, seed)))
    for name, sounds in (
        ("prior", side.made(vae.prior(GENERATED, seed))),
        ("rebuilt", side.made(test[:, 0])),
        ("real", parts[1][0]),
    ):
        found[f"recognised_{name}"] = heard(classifier, sounds)["recognised"]
    return side, found


def gan_side(
    classifier: keras.Model, pair: datasets.DomainPair, arguments: argparse.Namespace
) -> tuple[SpokenSide, dict[str, Any]]:
    """Waveforms: a GAN, and the latents that the classifier is most sure of."""
    gan = trained_gan(pair.target_train, arguments)
    test_rows = max(1, arguments.per_class // 10)
    found = models.rejection_sample(
        gan,
        classifier,
        arguments.per_class + test_rows,
        max_draws=arguments.max_draws,
        seed=arguments.seed,
        allow_fewer=True,  # a GAN may not generate every digit, which the figures show
        verbose=min(arguments.verbose, 1),
    )
    # Rows are sorted by class and confidence. Test rows are drawn from all of them.
    rng = np.random.default_rng([arguments.seed, 11])
    is_test = np.zeros(len(found.labels), bool)
    for k in np.unique(found.labels):
        rows = np.flatnonzero(found.labels == k)
        is_test[rng.permutation(rows)[: min(test_rows, -(-len(rows) // 11))]] = True
    z, y = found.latents, found.labels
    real = labelled(pair, "target")
    side = SpokenSide(gan, classifier, z[~is_test], y[~is_test], z[is_test], *real)
    sounds = gan.generate(GENERATED, seed=arguments.seed + 1)
    return side, heard(classifier, sounds) | {
        "draws": int(found.draws),
        "kept": [int(n) for n in np.bincount(y, minlength=10)],
        "least_confidence": [
            round(float(found.confidence[y == k].min(initial=1.0)), 4) for k in range(10)
        ],
        "recognised_kept": round(float(np.mean(found.confidence >= RECOGNIZED)), 4),
    }


def trained_gan(waveforms: np.ndarray, arguments: argparse.Namespace) -> models.WaveGAN:
    """The GAN of `--gan`: loaded from a file, or trained and cached."""
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
        # A batch is divided among the critic's updates. An incomplete last batch is dropped.
        size = rows * gan.critic_steps
        whole = waveforms[: len(waveforms) // size * size]
        return train_and_resume(
            gan, whole, arguments.gan_epochs, folder, batch_size=size, verbose=arguments.verbose
        )

    return cached("wavegan", settings, waveforms, train, "GAN", arguments.verbose)


def draw(
    transfer: models.LatentDomainTransfer,
    images: np.ndarray,
    labels: np.ndarray,
    spoken: SpokenSide,
    directory: RunDirectory,
) -> None:
    """Figures 3 to 6 with sounds as spectrograms, and the sounds as files."""
    rows = [np.flatnonzero(labels == k) for k in range(10)]
    some = images[np.concatenate([r[:1] for r in rows])]
    sounds = spoken.sounds(transfer.transfer(some, to="target"))
    visualization.spectrogram_grid(
        [("digit", some), ("transferred to speech", sounds)],
        SAMPLE_RATE,
        directory / "source_to_target.png",
    )
    names = [f"digit_{k}" for k in range(10)]
    visualization.write_wavs(directory / "transferred", sounds, SAMPLE_RATE, names=names)
    latents = figures.points(spoken.test, False, 0)
    digits = spoken.classify(transfer.decode(latents, "target"))
    z = latents[np.unique(digits, return_index=True)[1]]
    visualization.spectrogram_grid(
        [
            ("generated", spoken.sounds(transfer.decode(z, "target"))),
            (
                "reconstruction",
                spoken.sounds(transfer.reconstruct(z, "target", latents=True)),
            ),
            ("transferred to MNIST", transfer.transfer(z, to="source", latents=True)),
        ],
        SAMPLE_RATE,
        directory / "target_to_source.png",
    )
    for where, a, b in (
        ("within", rows[3][0], rows[3][1]),
        ("between", rows[3][0], rows[8][0]),
    ):
        strips = []
        for title, kind in (("digits", "none"), *INTERPOLATIONS):
            data = transfer.interpolate(images[[a]], images[[b]], 8, transferred=kind)[0]
            strips.append((title, data if kind == "none" else spoken.sounds(data)))
        path = directory / f"interpolation_{where}.png"
        visualization.spectrogram_grid(strips, SAMPLE_RATE, path)


def report(found: dict[str, Any]) -> None:
    """Prints the tables."""
    figures.report(found)
    gan = found["gan"]
    print(
        f"Of {GENERATED} sounds of the generative model, {gan['recognised']:.1%} are recognized "
        f"as a digit with probability {RECOGNIZED:g} or more (accuracy of the classifier on real "
        f"sounds: {found['judge_accuracy']['target']:.4f}). Shares of the digits: {gan['digits']}"
    )
