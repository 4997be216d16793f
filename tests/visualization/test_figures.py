import os

import keras
import numpy as np
import pytest

from keras_latent import datasets, visualization

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def digits():
    (images, labels), _ = datasets.load_arrays("digits")
    return images, labels


def is_png(path):
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 1000


def test_translation_grid(digits, tmp_path):
    images = digits[0][:6]
    rows = [
        ("source", images),
        ("translation", images[..., 0] / 127.0 - 0.5),
        ("colour", keras.ops.convert_to_tensor(np.repeat(images / 255.0, 3, axis=-1))),
    ]
    figure = visualization.translation_grid(rows, path=tmp_path / "new" / "grid.png")
    assert is_png(tmp_path / "new" / "grid.png")
    assert os.listdir(tmp_path / "new") == ["grid.png"]
    titles = [axes.get_ylabel() for axes in figure.axes]
    assert titles == ["source", "translation", "colour"]
    assert [len(axes.images) for axes in figure.axes] == [6, 6, 6]
    np.testing.assert_allclose(figure.axes[0].images[4].get_array(), images[4, ..., 0] / 255)
    drawn = figure.axes[1].images[0].get_array()
    assert drawn.min() == 0 and drawn.max() == 1
    assert figure.axes[2].images[0].get_array().shape == (8, 8, 3)
    # Columns are aligned, and images are upright and side by side.
    assert len({tuple(axes.images[3].get_extent()) for axes in figure.axes}) == 1
    left, right, bottom, top = np.transpose([i.get_extent() for i in figure.axes[0].images])
    assert (left[1:] > right[:-1]).all() and (top > bottom).all()
    np.testing.assert_allclose(right - left, top - bottom)
    figure.draw_without_rendering()
    assert all(axes.yaxis.label.get_window_extent().x0 >= 0 for axes in figure.axes)


def test_translation_grid_of_a_dict(digits):
    figure = visualization.translation_grid({"a": digits[0][:2], "b": digits[0][2:4]})
    assert [axes.get_ylabel() for axes in figure.axes] == ["a", "b"]


def test_interpolation_strip(digits, tmp_path):
    images = digits[0][:10].reshape(2, 5, 8, 8, 1)
    figure = visualization.interpolation_strip(images, path=tmp_path / "strip.png")
    assert is_png(tmp_path / "strip.png")
    assert [len(axes.images) for axes in figure.axes] == [5, 5]
    np.testing.assert_allclose(figure.axes[1].images[2].get_array(), images[1, 2, ..., 0] / 255)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["0", "0.25", "0.5", "0.75", "1"]


def test_latent_map(digits, tmp_path):
    images, labels = digits
    labels = np.where(np.arange(len(labels)) % 10 == 0, -1, labels)
    figure = visualization.latent_map(images, labels, title="digits", path=tmp_path / "map.png")
    (axes,) = figure.axes
    assert is_png(tmp_path / "map.png") and axes.get_title() == "digits"
    assert len(axes.collections[0].get_offsets()) == len(images)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["missing", *map(str, range(10))]


@pytest.mark.parametrize("classes", [15, 40])
def test_many_labels_have_different_colors(classes, rng):
    figure = visualization.latent_map(rng.normal(size=(80, 3)), np.arange(80) % classes)
    colours = np.unique(figure.axes[0].collections[0].get_facecolors(), axis=0)
    assert len(colours) == classes


def test_pca_is_fitted_on_the_reference_alone(digits, tmp_path):
    from sklearn.decomposition import PCA

    images, labels = digits
    turned = images.swapaxes(1, 2)
    path = tmp_path / "pca.png"
    figure = visualization.pca_comparison(images, turned, labels, path, titles=("y", "g(y)"))
    left, right = figure.axes
    assert is_png(path) and (left.get_title(), right.get_title()) == ("y", "g(y)")
    assert left.get_xlim() == right.get_xlim() and left.get_ylim() == right.get_ylim()

    flat = images.reshape(len(images), -1).astype("float32")
    pca = PCA(2, random_state=0).fit(flat)
    share = pca.explained_variance_ratio_[0]
    assert left.get_xlabel() == f"component 1 ({share:.1%} of variance)"
    want = pca.transform(turned.reshape(len(images), -1).astype("float32"))
    got = np.asarray(right.collections[0].get_offsets())
    np.testing.assert_allclose(np.sort(got, axis=0), np.sort(want, axis=0), atol=1e-2)


def test_training_curves(tmp_path):
    history = keras.callbacks.History()
    history.history = {"loss": [3, 2, 1], "kl_loss": [1.0, 2.0, 3.0], "val_loss": [4, 3, 2]}
    figure = visualization.training_curves(history, path=tmp_path / "curves.png")
    assert is_png(tmp_path / "curves.png")
    assert [axes.get_title() for axes in figure.axes] == ["loss", "kl_loss"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    assert list(figure.axes[0].lines[0].get_xdata()) == [1, 2, 3]
    assert all(axes.get_xlabel() == "epoch" for axes in figure.axes)
    for names in ("abcd", "abcde"):
        figure = visualization.training_curves({name: [1.0] for name in names})
        assert len(figure.axes) == len(names)


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    path = tmp_path / "curves.png"
    visualization.training_curves({"loss": [1.0]}, path)
    before = path.read_bytes()

    def interrupted(self, temporary, **kwargs):
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        visualization.training_curves({"loss": [2.0]}, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["curves.png"]


POINTS = np.zeros((5, 4))
LABELS = np.zeros(5, int)


@pytest.mark.parametrize(
    "draw,message",
    [
        (
            lambda v: v.translation_grid({"a": np.zeros((401, 2, 2))}),
            "at most 400 rows and columns",
        ),
        (lambda v: v.translation_grid({"a": np.ones((1, 2, 2), int)}), "must be uint8, or floats"),
        (
            lambda v: v.translation_grid({}),
            "`rows` must be a dict of titles and data.*one row or more",
        ),
        (lambda v: v.translation_grid({"a": np.zeros((2, 8, 8, 2))}), r"`rows\['a'\]` must be ima"),
        (lambda v: v.translation_grid({"a": np.zeros((0, 8, 8))}), r"images \(N, H, W, C\)"),
        (
            lambda v: v.translation_grid({"a": np.zeros((2, 8, 8)), "b": np.zeros((3, 8, 8))}),
            r"same number of images.*\('a', 2\), \('b', 3\)",
        ),
        (lambda v: v.interpolation_strip(np.zeros((2, 8, 8))), r"images \(rows, steps, H, W, C\)"),
        (lambda v: v.interpolation_strip(np.array([["a"]])), "`images` must contain numbers"),
        (lambda v: v.latent_map(np.zeros((1, 4)), LABELS[:1]), "`embeddings` must have two rows"),
        (lambda v: v.latent_map(np.zeros(5), LABELS), r"`embeddings` must have two.*\(5,\)"),
        (lambda v: v.latent_map(POINTS * np.nan, LABELS), "`embeddings` must be finite"),
        (lambda v: v.latent_map(POINTS, LABELS[:4]), r"`labels` must be integers of shape \(5,\)"),
        (lambda v: v.latent_map(POINTS, LABELS * 1.0), r"`labels` must be integers.*float"),
        (
            lambda v: v.pca_comparison(POINTS, POINTS[:, :3], LABELS),
            r"`reference` and `translated` must have the same.*\(5, 4\) and \(5, 3\)",
        ),
        (lambda v: v.training_curves({}), "`history` must be what `model.fit` returned"),
        (lambda v: v.training_curves([1.0]), "`history` must be what `model.fit` returned"),
        (lambda v: v.training_curves({"loss": []}), r"`history` must hold a list.*'loss'"),
        (lambda v: v.training_curves({"loss": [[1.0]]}), r"`history` must hold a list.*\(1, 1\)"),
    ],
)
def test_bad_arguments(draw, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        draw(visualization)
