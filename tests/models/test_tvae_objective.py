"""TVAE's triplet term, held against pytorch-metric-learning and plain NumPy."""

import keras
import numpy as np
import pytest
import torch
from helpers import compiled, gradients
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer
from scipy.spatial.distance import cdist
from small_networks import labelled_digits, quick_compile, to_numpy, tvae, vae

from keras_latent import models, ops
from keras_latent.src.models.base import blocks
from keras_latent.src.models.tvae.tvae import MINING

DISTANCE = LpDistance(normalize_embeddings=False)


def batch(rng, rows=30, missing=5):
    z, labels = rng.normal(size=(rows, 4)), rng.integers(0, 3, rows)
    labels[rng.permutation(rows)[:missing]] = -1
    return z.astype("float32"), labels.astype("int32")


def hinge(model, z, labels):
    """The triplet term as the model computes it: mean, share of active triplets, number."""
    d_positive, d_negative, weight = model.triplet_distances(z, labels)
    losses = ops.triplet_hinge(d_positive, d_negative, model.margin)
    return [
        float(to_numpy(t))
        for t in (
            ops.weighted_mean(losses, weight),
            ops.weighted_mean(keras.ops.cast(losses > 0, "float32"), weight),
            keras.ops.sum(weight),
        )
    ]


def loss_of(model, z, labels):
    d_positive, d_negative, weight = model.triplet_distances(z, labels)
    return ops.weighted_mean(ops.triplet_hinge(d_positive, d_negative, model.margin), weight)


def with_one_draw(model):
    """The same random choices at every call, which change no state inside compiled code."""
    model.miner.seed_generator = 3
    return model


def oracle(z, labels, margin, miner=None):
    """pytorch-metric-learning's mean over triplets, on the rows that have a label."""
    loss = TripletMarginLoss(margin, distance=DISTANCE, reducer=MeanReducer())
    rows = [torch.as_tensor(x[labels >= 0]) for x in (z, labels)]
    return loss(*rows, miner(*rows) if miner else None).item()


@pytest.mark.parametrize("margin", [0.0, 0.5, 3.0])
def test_hard_and_all_match_pytorch_metric_learning(rng, margin):
    z, labels = batch(rng)
    hard = hinge(tvae(mining="hard", margin=margin), z, labels)
    assert hard[0] == pytest.approx(oracle(z, labels, margin, BatchHardMiner(distance=DISTANCE)))
    every = hinge(tvae(mining="all", margin=margin), z, labels)
    assert every[0] == pytest.approx(oracle(z, labels, margin), rel=1e-5)
    assert every[2] > hard[2] == 25


def test_random_has_the_mean_of_all(rng):
    z, labels = batch(rng)
    model, every = tvae(), hinge(tvae(mining="all"), z, labels)
    draws = np.array([hinge(model, z, labels) for _ in range(60)])
    assert (draws[:, 2] == 25).all() and draws[:, 0].std() > 0
    # Triplets of each anchor count alike here, those of each triplet in "all".
    np.testing.assert_allclose(draws[:, :2].mean(0), every[:2], rtol=0.1)


def addons_semi_hard(distances, labels, a, p, margin):
    """TensorFlow Addons' rule for one pair: the nearest negative beyond, else the farthest."""
    negatives = [distances[a, n] for n in np.flatnonzero((labels >= 0) & (labels != labels[a]))]
    beyond = [d for d in negatives if d > distances[a, p]]
    d_negative = min(beyond) if beyond else max(negatives)
    return max(0.0, distances[a, p] - d_negative + margin), d_negative


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_semi_hard_is_that_of_tensorflow_addons(rng, margin):
    z, labels = batch(rng)
    z[0] += 50.0  # all its negatives are nearer than any positive, or so it is for its class
    labels[:3] = [0, 0, 1]
    model, distances = tvae(mining="semi_hard", margin=margin), cdist(z, z)
    d_positive, d_negative, weight = to_numpy(model.triplet_distances(z, labels))
    np.testing.assert_array_equal(weight, labels >= 0)
    for a in np.flatnonzero(labels >= 0):
        p = np.argmin(np.abs(distances[a] - d_positive[a]))
        assert labels[p] == labels[a] and p != a
        want = addons_semi_hard(distances, labels, a, p, margin)[1]
        assert d_negative[a] == pytest.approx(want, rel=1e-4)


def test_semi_hard_trains_an_anchor_whose_negatives_are_all_too_near():
    z, labels = np.float32([[0.0], [9.0], [1.0], [2.0]]), np.int32([0, 0, 1, 2])
    model = tvae(mining="semi_hard", margin=0.5)
    d_positive, d_negative, weight = to_numpy(model.triplet_distances(z, labels))
    assert (d_positive[0], d_negative[0], weight[0]) == (9.0, 2.0, 1.0)


@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("labels", [[-1] * 6, [0] * 6, [0, 1, 2, 3, 4, 5], [0, -1, 1, -1, 2, -1]])
def test_no_valid_triplet_gives_zero(mining, labels):
    model, labels = with_one_draw(tvae(mining=mining)), np.int32(labels)
    z = np.random.default_rng(0).normal(size=(6, 3))
    for rows in (z, z * 0.0):
        tensors = [keras.ops.convert_to_tensor(t) for t in (rows.astype("float32"), labels)]
        assert float(to_numpy(compiled(lambda z, y: loss_of(model, z, y))(*tensors))) == 0.0
        assert (gradients(lambda z: loss_of(model, z, labels), rows)[0] == 0).all()


@pytest.mark.parametrize("mining", MINING)
def test_gradient_is_finite_where_means_coincide(mining):
    labels = np.int32([0, 0, 1, 1, -1, 2])
    z = np.ones((6, 3))
    model = with_one_draw(tvae(mining=mining))
    assert (gradients(lambda z: loss_of(model, z, labels), z)[0] == 0).all()
    z[1:] += np.arange(15).reshape(5, 3) % 4
    z[2] = z[0]
    gradient = gradients(lambda z: loss_of(model, z, labels), z)[0]
    assert np.isfinite(gradient).all() and (gradient != 0).any()
    np.testing.assert_array_equal(gradient[4], 0)  # its label is missing


def test_the_loss_is_the_elbo_and_the_weighted_term(monkeypatch):
    x, labels = labelled_digits(40)
    model = tvae(triplet_weight=2.5, beta=0.5, mining="hard", observation_variance=0.1)
    plain = vae(beta=0.5, observation_variance=0.1)
    plain.set_weights(model.get_weights())
    for m in (model, plain):
        monkeypatch.setattr(m, "sample", lambda z_mean, z_log_var: z_mean)
    loss, terms = to_numpy(model.tvae_loss(x, labels))
    elbo, elbo_terms = to_numpy(plain.negative_elbo(x))
    assert terms["reconstruction_loss"] == pytest.approx(elbo_terms["reconstruction_loss"])
    assert terms["kl_loss"] == pytest.approx(elbo_terms["kl_loss"])
    z = model.encode(x)
    want = oracle(z, labels, 1.0, BatchHardMiner(distance=DISTANCE))
    assert terms["triplet_loss"] == pytest.approx(want, rel=1e-4)
    assert loss == pytest.approx(elbo + 2.5 * want, rel=1e-5)
    spread = np.linalg.norm(z - z.mean(0), axis=1).mean()
    assert terms["embedding_spread"] == pytest.approx(spread, rel=1e-4)


def test_missing_labels_leave_the_elbo_alone(monkeypatch):
    x, labels = labelled_digits(40)
    half = np.where(np.arange(40) % 2, -1, labels)
    model = tvae(mining="all")
    monkeypatch.setattr(model, "sample", lambda z_mean, z_log_var: z_mean)
    (_, full), (_, part) = (to_numpy(model.tvae_loss(x, y)) for y in (labels, half))
    assert full["kl_loss"] == part["kl_loss"]
    assert full["reconstruction_loss"] == part["reconstruction_loss"]
    assert full["active_triplets"][1] > part["active_triplets"][1] > 0
    # As if the rows without a label were not there.
    assert part["triplet_loss"] == pytest.approx(oracle(model.encode(x), half, 1.0), rel=1e-4)


@pytest.mark.parametrize("mining", MINING)
def test_a_collapsed_encoder_shows(mining):
    x, labels = labelled_digits(40)
    model = tvae(mining=mining, margin=0.7)
    healthy = to_numpy(model.tvae_loss(x, labels)[1])
    assert healthy["embedding_spread"] > 0.1 and 0 <= healthy["active_triplets"][0] <= 1
    for variable in model.encoder.trainable_variables:
        variable.assign(variable * 0.0)
    collapsed = to_numpy(model.tvae_loss(x, labels)[1])
    assert collapsed["embedding_spread"] == pytest.approx(0.0, abs=1e-6)
    assert collapsed["active_triplets"][0] == 1.0
    assert collapsed["triplet_loss"] == pytest.approx(0.7)


def test_active_triplets_are_counted_by_triplet():
    """A batch without triplets does not dilute the share; hinges that are zero do."""
    x = keras.Input((2,))
    encoder = keras.Model(x, (x + 0.0, x * 0.0))
    model = models.TVAE(encoder, blocks.linear_decoder(2, (2,), "d"), mining="hard", margin=1.0)
    model.compile(keras.optimizers.SGD(0.0), jit_compile=quick_compile())
    rows = np.float32([[0, 0], [0, 1], [0, 9], [0, 9.5]] * 2)
    labels = np.int32([0, 0, 1, 1, -1, -1, -1, -1])
    logs = model.fit(rows, labels, batch_size=4, shuffle=False, verbose=0).history
    assert logs["active_triplets"] == [0.0]
    labels[:4] = [0, 1, 0, 1]
    logs = model.fit(rows, labels, batch_size=4, shuffle=False, verbose=0).history
    assert logs["active_triplets"] == [1.0]
    assert logs["embedding_spread"][0] == pytest.approx(np.abs(rows[:4, 1] - 4.875).mean())
