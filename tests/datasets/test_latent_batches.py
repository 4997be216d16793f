"""The rows and labels in the batches of `LatentBatches`."""

import numpy as np
import pytest

from keras_latent import datasets


def latents(rows):
    """Latents that show their row number."""
    return np.arange(rows, dtype="float32")[:, None] * np.ones(3, "float32")


Z = {"source": latents(40), "target": latents(25)}


def test_every_row_comes_once_and_the_smaller_domain_starts_over():
    batches = datasets.LatentBatches(Z, batch_size=8)
    assert len(batches) == 5
    rows = {d: np.concatenate([batches[i][0][d][:, 0] for i in range(5)]) for d in Z}
    assert sorted(rows["source"]) == list(range(40))
    assert np.bincount(rows["target"].astype(int), minlength=25).tolist().count(2) == 15
    assert batches[0][1] == {}


def test_labels_come_with_their_rows():
    labels = {"source": np.arange(40) % 7, "target": np.arange(25) % 5 - 1}
    z, y = datasets.LatentBatches(Z, labels, batch_size=8)[2]
    np.testing.assert_array_equal(y["source"], z["source"][:, 0] % 7)
    np.testing.assert_array_equal(y["target"], z["target"][:, 0] % 5 - 1)


def test_labelled_rows_are_balanced_and_keep_their_labels():
    labels = {"source": np.full(40, -1), "target": None}
    labels["source"][[3, 4, 5, 30]] = [2, 2, 2, 9]
    batches = datasets.LatentBatches(Z, labels, batch_size=8, labelled_per_batch=6)
    z, y = batches[0]
    assert set(z) == {"source", "target", "source_labelled"}
    assert sorted(y["source_labelled"]) == [2, 2, 2, 9, 9, 9]
    np.testing.assert_array_equal(
        labels["source"][z["source_labelled"][:, 0].astype(int)], y["source_labelled"]
    )
    # The three rows of class 2 alternate.
    assert sorted(z["source_labelled"][y["source_labelled"] == 2, 0]) == [3, 4, 5]


def test_order_is_of_seed_and_epoch():
    batches, same = (datasets.LatentBatches(Z, batch_size=8, seed=1) for _ in range(2))
    first = batches[0][0]["source"]
    np.testing.assert_array_equal(first, same[0][0]["source"])
    batches.on_epoch_end()
    second = batches[0][0]["source"]
    assert not np.array_equal(first, second)
    same.skip_epochs(1)
    np.testing.assert_array_equal(second, same[0][0]["source"])
    assert not np.array_equal(
        first, datasets.LatentBatches(Z, batch_size=8, seed=2)[0][0]["source"]
    )


def test_parameters_of_distributions_stay_together():
    q = np.stack([latents(40), -latents(40)], 1)
    z, _ = datasets.LatentBatches({"source": q, "target": q}, batch_size=4)[0]
    assert z["source"].shape == (4, 2, 3)
    np.testing.assert_array_equal(z["source"][:, 0], -z["source"][:, 1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latents": {}}, "`latents` must be a dict"),
        ({"latents": Z["source"]}, "`latents` must be a dict"),
        ({"labels": {"other": np.zeros(40, int)}}, "no other keys"),
        ({"labels": {"source": np.zeros(39, int)}}, "must have shape"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
        ({"steps": 0}, "`steps` must be a positive integer"),
        ({"labelled_per_batch": 4}, "needs labels"),
        ({"labelled_per_batch": 4, "labels": {"source": np.full(40, -1)}}, "needs labels"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.LatentBatches(**{"latents": Z} | arguments)


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (np.zeros((0, 5)), r"one row or more.*\(0, 5\)"),
        (np.zeros(5), r"must have shape \(rows, dim\).*\(5,\)"),
        (np.zeros((4, 3, 5)), r"mean and log-variance.*\(4, 3, 5\)"),
        (np.zeros((4, 5), int), "must hold floats"),
        (np.full((4, 5), np.nan), "must be finite"),
        (None, "must be an array of rows"),
    ],
)
def test_latents_are_finite_rows(z, message):
    with pytest.raises(ValueError, match=rf"`latents\['source'\]` .*{message}"):
        datasets.LatentBatches({"source": z})
