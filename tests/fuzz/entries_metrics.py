"""Metrics, and the classifiers that some of them use."""

import functools
import tempfile

import keras
import numpy as np
from arguments import (
    Argument,
    between,
    choice,
    floats,
    function,
    images,
    labels,
    network,
    non_negative,
    paths,
    positive,
    rows,
    seed,
    size,
    sizes,
)
from cases import entry
from keras import layers

from keras_latent import metrics, models

FOLDER = tempfile.TemporaryDirectory()
IMAGES = images(12, 4, 4, 1)
BYTES = IMAGES.but("bytes 0 to 255")
CACHE = paths(lambda: FOLDER.name).but("none")


@functools.cache
def classifier() -> keras.Model:
    """Images of 4x4 to probabilities of three classes, untrained."""
    return keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")]
    )


@functools.cache
def vae() -> models.VAE:
    """A VAE of images of 4x4."""
    pixels = keras.Input((4, 4, 1))
    flat = layers.Flatten()(pixels)
    encoder = keras.Model(pixels, [layers.Dense(2)(flat), layers.Dense(2)(flat)])
    decoder = keras.Sequential(
        [keras.Input((2,)), layers.Dense(16), layers.Reshape((4, 4, 1))],
    )
    return models.VAE(encoder, decoder)


CLASSIFIER = network(classifier)
CLASSES = labels(12).but("far too large")  # any integers
OUTPUTS = labels(12).also(beyond=np.arange(12))  # the classifier's, of which there are three


def attributes() -> Argument:
    """A table of 1, 0 and -1."""
    table = (np.arange(36).reshape(12, 3) // 2) % 2
    wrong = dict(floats(12, 3).wrong)
    del wrong["integers"], wrong["bools"]
    wrong |= {"floats": lambda: table + 0.5, "seven": lambda: table * 7}
    return Argument(table.copy, wrong)


def names(*valid: str) -> Argument:
    """A list of different names."""
    wrong = size(1).wrong | {"texts": lambda: "abc", "twice": lambda: ["a"] * len(valid)}
    wrong |= {"few": lambda: valid[1:], "number in it": lambda: [1, *valid[1:]]}
    return Argument(lambda: list(valid), wrong)


def updated(metric, **values):
    metric.update_state(**values)
    return metric.result()


def neighbors(labels, embeddings):
    metric = metrics.NearestNeighborAccuracy()
    metric.adapt(labels, embeddings)
    return updated(metric, labels=labels, embeddings=embeddings)


def neighbors_of(labels, embeddings):
    metric = metrics.NearestNeighborAccuracy()
    metric.adapt(np.arange(4) % 2, np.eye(4, 3))
    return updated(metric, labels=labels, embeddings=embeddings)


def score() -> metrics.ConditionalInceptionScore:
    return metrics.ConditionalInceptionScore(classifier(), 3)


def transfer(x):
    return keras.ops.stack([x, x, x], axis=1)


def measured(**arguments):
    return score().measure(**{"transfer": transfer, **arguments})


def draws(**arguments):
    metric = score()
    x = IMAGES.valid()
    metric.update_state(x, np.stack([x] * 3, axis=1))
    return metric.result_of_draws(**arguments)


WEIGHTS = floats(12, finite=True).but("none", "integers", "bools")

ENTRIES = [
    entry(
        "FrechetDistance",
        metrics.FrechetDistance,
        feature_extractor=CLASSIFIER.but("other input"),
    ),
    entry(
        "FrechetDistance.update_state",
        lambda **values: updated(metrics.FrechetDistance(classifier()), **values),
        # The feature extractor may scale pixels itself, or take tokens.
        y_true=IMAGES.but("0 to 255", "integers", "bytes 0 to 255"),
        y_pred=IMAGES.but("0 to 255", "integers", "bytes 0 to 255"),
    ),
    entry(
        "log_likelihood",
        metrics.log_likelihood,
        model=network(vae),
        x=IMAGES,
        samples=size(3),
        domain=choice(None).but("none"),
        seed=size(1, least=0),
        batch_size=size(6),
        chunk=size(3).but("none"),
    ),
    entry("NearestNeighborAccuracy", metrics.NearestNeighborAccuracy, neighbors=size(2)),
    entry(
        "NearestNeighborAccuracy.adapt",
        neighbors,
        labels=CLASSES,
        embeddings=rows(12, 3).but("larger last axis"),
    ),
    entry(
        "NearestNeighborAccuracy.update_state",
        neighbors_of,
        labels=CLASSES,
        embeddings=rows(12, 3),
    ),
    entry("TransferAccuracy", metrics.TransferAccuracy, classifier=CLASSIFIER),
    entry(
        "TransferAccuracy.update_state",
        lambda **values: updated(metrics.TransferAccuracy(classifier()), **values),
        y_true=OUTPUTS,
        y_pred=IMAGES.but("0 to 255"),
        sample_weight=WEIGHTS,
    ),
    entry(
        "TripletAccuracy",
        metrics.TripletAccuracy,
        margin=non_negative(0.1),
        num_triplets=size(10),
        seed=seed().also(none=None),
    ),
    entry(
        "TripletAccuracy.update_state",
        lambda **values: updated(metrics.TripletAccuracy(num_triplets=10), **values),
        labels=CLASSES,
        embeddings=rows(12, 3).but("larger last axis"),
    ),
    entry(
        "ConditionalInceptionScore",
        metrics.ConditionalInceptionScore,
        classifier=CLASSIFIER,
        domains=names("a", "b", "c"),
        columns=sizes(0, 2, 1).but("none").also(beyond=(0, 1, 3), twice=(0, 0, 1)),
    ),
    entry(
        "ConditionalInceptionScore.update_state",
        lambda **values: updated(score(), **values),
        x=IMAGES.called("transferred"),
        transferred=images(12, 3, 4, 4, 1),
    ),
    entry(
        "ConditionalInceptionScore.measure",
        measured,
        transfer=function(transfer),
        inputs=IMAGES,
        batch_size=size(12),
    ),
    entry(
        "ConditionalInceptionScore.result_of_draws",
        draws,
        size=size(5).also(images=13),
        draws=size(2, least=2),
        seed=seed().also(none=None),
    ),
    entry(
        "attribute_report",
        metrics.attribute_report,
        classifier=CLASSIFIER.called("images"),
        images=BYTES,
        attributes=attributes(),
        names=names("a", "b", "c").but("texts"),
        batch_size=size(12),
    ),
    entry(
        "build_classifier",
        metrics.build_classifier,
        image_shape=sizes(4, 4, 1),
        classes=size(2),
        seed=seed(),
    ),
    entry(
        "reference_classifier",
        metrics.reference_classifier,
        images=BYTES.but("larger", "larger last axis"),
        labels=labels(12),
        epochs=size(1),
        max_shift=size(1, least=0),
        softness=between(0.5, 0, 1),
        label_smoothing=between(0.1, 0, 0.99),
        batch_size=size(12),
        seed=seed().also(none=None),
        cache_dir=CACHE,
        verbose=choice(0).but("true"),
    ),
    entry(
        "build_audio_classifier",
        metrics.build_audio_classifier,
        samples=size(512).also(short=100),
        sample_rate=size(4000),
        classes=size(2),
        seed=seed(),
    ),
    entry(
        "reference_audio_classifier",
        metrics.reference_audio_classifier,
        waveforms=floats(12, 512, 1, finite=True).also(loud=np.full((12, 512, 1), 2.0)),
        labels=labels(12),
        sample_rate=size(4000),
        epochs=size(1),
        max_shift=non_negative(0.01),
        batch_size=size(12),
        seed=seed().also(none=None),
        cache_dir=CACHE,
        verbose=choice(0).but("true"),
    ),
    entry(
        "attribute_classifier",
        metrics.attribute_classifier,
        images=BYTES.called("validation"),
        attributes=attributes(),
        kind=choice("small"),
        validation=Argument(lambda: (IMAGES.valid(), np.ones((12, 3), "int8")), size(1).wrong).but(
            "none"
        ),
        epochs=size(1),
        max_shift=size(1, least=0),
        softness=between(0.5, 0, 1),
        batch_size=size(12),
        learning_rate=positive(0.01).but("none"),
        weights=choice(None).but("none"),
        seed=seed().also(none=None),
        cache_dir=CACHE,
        verbose=choice(0).but("true"),
    ),
]
