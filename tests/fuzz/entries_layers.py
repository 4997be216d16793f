"""Layers, losses and the parts of train steps: how they are made and called."""

import keras
import numpy as np
from arguments import (
    Argument,
    choice,
    function,
    keras_object,
    labels,
    pairs,
    positive,
    seed,
    size,
    tensors,
)
from cases import entry

from keras_latent import layers, losses, training

X = tensors(4, 3)
WAVES = tensors(4, 12, 3).called("time")
P = choice(2).also(fraction=1.5)
SEED = seed().also(beyond_uint32=2**32)
INITIALIZER = keras_object("zeros")
WEIGHTS = tensors(4).but("integers", "bools", "number", "one axis more")
LABELS = labels(4)
#: The second set of embeddings may have any number of rows.
OTHER = tensors(5, 3).called("b", "mean_b")
# Labels of losses may be of any type.
TARGETS = X.but("integers", "bools")

mix, polyphase, transpose = (
    layers.GatedMixingLayer(2),
    layers.PolyphaseConv1D(2, 5, strides=4),
    layers.PolyphaseConv1DTranspose(2, 5, strides=4),
)
mix(np.zeros((4, 3), "float32"), np.zeros((4, 3), "float32"))
polyphase(np.zeros((4, 12, 3), "float32"))
transpose(np.zeros((4, 12, 3), "float32"))
shuffle, miner = layers.PhaseShuffle(2), layers.TripletMiner("semi-hard")
kl_miner = layers.TripletMiner("hard", "symmetric_kl")


def _members() -> dict[str, keras.optimizers.Optimizer]:
    return {"a": keras.optimizers.SGD(), "b": keras.optimizers.Adam()}


MEMBERS = Argument(
    _members,
    {
        "none": lambda: None,
        "empty": dict,
        "list": lambda: list(_members().values()),
        "unknown name": lambda: {"a": "no optimizer"},
        "number": lambda: {"a": 3},
        "None in it": lambda: {"a": None},
        "learning rate": lambda: 0.1,
        "names of numbers": lambda: {1: keras.optimizers.SGD()},
    },
)

ENTRIES = [
    entry(
        "layers.GatedMixingLayer",
        layers.GatedMixingLayer,
        units=size(3),
        **{
            f"{part}_{kind}": keras_object(None if kind != "initializer" else "zeros")
            for part in ("kernel", "bias")
            for kind in ("initializer", "regularizer", "constraint")
        },
        activity_regularizer=keras_object(None),
    ),
    entry("GatedMixingLayer()", lambda hidden, skip: mix(hidden, skip), hidden=X, skip=X),
    entry("layers.GaussianSampling", layers.GaussianSampling, seed=SEED),
    entry(
        "GaussianSampling()",
        layers.GaussianSampling(),
        inputs=pairs(4, 3).called("mean", "log_var"),
    ),
    entry("layers.PhaseShuffle", layers.PhaseShuffle, radius=size(2, least=0), seed=SEED),
    entry(
        "PhaseShuffle()",
        lambda inputs: shuffle(inputs, training=True),
        inputs=tensors(4, 12, 3, last=False),
    ),
    *(
        entry(
            f"layers.{kind.__name__}",
            kind,
            filters=size(2),
            kernel_size=size(5),
            strides=size(4),
            kernel_initializer=INITIALIZER,
            bias_initializer=INITIALIZER,
        )
        for kind in (layers.PolyphaseConv1D, layers.PolyphaseConv1DTranspose)
    ),
    entry("PolyphaseConv1D()", polyphase, inputs=WAVES),
    entry("PolyphaseConv1DTranspose()", transpose, inputs=WAVES),
    entry(
        "layers.SlicedWasserstein",
        layers.SlicedWasserstein,
        num_projections=size(4),
        p=P,
        seed=SEED,
    ),
    entry("layers.SlicedWasserstein()", layers.SlicedWasserstein(4), x=X, y=tensors(5, 3)),
    entry(
        "layers.TripletMiner",
        layers.TripletMiner,
        strategy=choice("semi-hard"),
        distance=choice("euclidean"),
        margin=positive(1.0).but("infinity"),
        seed=SEED,
    ),
    entry(
        "TripletMiner()",
        lambda embeddings, labels: miner(embeddings, labels),
        embeddings=tensors(4, 3, last=False),
        labels=LABELS,
    ),
    entry(
        "TripletMiner() of two sets",
        lambda embeddings, labels, other_embeddings, other_labels: miner(
            embeddings, labels, other_embeddings, other_labels
        ),
        embeddings=X,
        labels=LABELS,
        other_embeddings=tensors(5, 3),
        other_labels=labels(5),
    ),
    entry(
        "TripletMiner() of Gaussians",
        lambda embeddings, labels: kl_miner(embeddings, labels),
        embeddings=pairs(4, 3),
        labels=LABELS,
    ),
    entry(
        "losses.MaskedBinaryCrossentropy",
        losses.MaskedBinaryCrossentropy,
    ),
    entry(
        "MaskedBinaryCrossentropy()",
        losses.MaskedBinaryCrossentropy(),
        y_true=TARGETS,
        y_pred=X,
        sample_weight=WEIGHTS.but("none"),
    ),
    entry(
        "losses.SlicedWasserstein",
        losses.SlicedWasserstein,
        num_projections=size(4),
        p=P,
        seed=SEED,
    ),
    entry(
        "losses.SlicedWasserstein()",
        losses.SlicedWasserstein(4),
        y_true=tensors(5, 3),
        y_pred=X,
        sample_weight=WEIGHTS.but("none"),
    ),
    entry("training.OptimizerGroup", training.OptimizerGroup, members=MEMBERS),
    entry("training.portable", training.portable, step=function(lambda self, data: {})),
    entry(
        "training.input_gradients",
        training.input_gradients,
        fn=function(lambda x: keras.ops.sum(x * x)),
        x=tensors(4, 3, last=False).but("one axis more", "one axis fewer", "number", "list"),
    ),
]
