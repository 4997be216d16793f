"""Latent maps other than PCA, which is tested in `test_figures.py`."""

import sys
import types

import numpy as np
import pytest

from keras_latent import visualization

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

LABELS = np.arange(60) % 3


@pytest.fixture
def groups(rng):
    """Three distant groups of 20 points in ten dimensions."""
    centres = 30 * np.eye(3, 10)
    return centres[LABELS] + rng.normal(size=(60, 10))


def drawn(figure):
    """Coordinates and colors of the points of a map."""
    (axes,) = figure.axes
    points = axes.collections[0]
    return np.asarray(points.get_offsets()), np.asarray(points.get_facecolors())


def mean_distances(figure):
    """Mean distances between points of the same color and of different colors."""
    places, colours = drawn(figure)
    distance = np.linalg.norm(places[:, None] - places, axis=-1)
    alike = (colours[:, None] == colours).all(axis=-1)
    return distance[alike].mean(), distance[~alike].mean()


def test_tsne(groups, tmp_path):
    figure = visualization.latent_map(groups, LABELS, method="tsne", path=tmp_path / "map.png")
    assert (tmp_path / "map.png").exists()
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("t-SNE 1", "t-SNE 2")
    within, between = mean_distances(figure)
    assert between > 3 * within
    again = visualization.latent_map(groups, LABELS, method="tsne")
    np.testing.assert_array_equal(drawn(again)[0], drawn(figure)[0])


def test_tsne_of_a_few_points(groups):
    figure = visualization.latent_map(groups[:5], LABELS[:5], method="tsne")
    assert len(drawn(figure)[0]) == 5


def test_umap(groups):
    pytest.importorskip("umap")
    figure = visualization.latent_map(groups, LABELS, method="umap")
    assert figure.axes[0].get_xlabel() == "UMAP 1"
    within, between = mean_distances(figure)
    assert between > 2 * within


@pytest.mark.parametrize("rows,neighbours", [(60, 15), (8, 7)])
def test_arguments_of_umap(groups, monkeypatch, rows, neighbours):
    asked = {}

    class UMAP:
        def __init__(self, **arguments):
            asked.update(arguments)

        def fit_transform(self, points):
            return points[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    figure = visualization.latent_map(groups[:rows], LABELS[:rows], method="umap", seed=3)
    assert asked == {"n_neighbors": neighbours, "random_state": 3, "n_jobs": 1}
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("UMAP 1", "UMAP 2")
    assert len(drawn(figure)[0]) == rows
    with pytest.raises(ValueError, match=r"`embeddings` must have five rows.*Received: 4 rows"):
        visualization.latent_map(groups[:4], LABELS[:4], method="umap")


def test_without_umap(groups, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"method='umap'.*pip install umap-learn.*'tsne'"):
        visualization.latent_map(groups, LABELS, method="umap")


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"method": "t-sne"}, r"`method` must be one of \['pca', 'tsne', 'umap'\].*mean 'tsne'"),
        ({"method": "tsne", "seed": -1}, "`seed` must be an integer of 0 or more.*seed=-1"),
        ({"seed": 0.5}, "`seed` must be an integer of 0 or more"),
    ],
)
def test_bad_arguments(groups, arguments, message):
    with pytest.raises(ValueError, match=message):
        visualization.latent_map(groups, LABELS, **arguments)
