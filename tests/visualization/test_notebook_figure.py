"""Figures as IPython displays them at the end of a notebook cell."""

import struct

import numpy as np
import pytest

from keras_latent import visualization

pytest.importorskip("matplotlib")

IMAGES = np.zeros((2, 8, 8))
POINTS = np.eye(16)
LABELS = np.arange(16) % 2


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def test_ipython_shows_the_figure():
    formatters = pytest.importorskip("IPython.core.formatters")
    figure = visualization.translation_grid({"x": IMAGES, "y": IMAGES})
    data, metadata = formatters.DisplayFormatter().format(figure)
    width, height = figure.get_size_inches()
    # 150 dpi, displayed at 96 CSS pixels per inch.
    assert np.allclose(size_of(data["image/png"]), (150 * width, 150 * height), atol=1)
    shown = metadata["image/png"]
    assert np.allclose([shown["width"], shown["height"]], (96 * width, 96 * height), atol=1)


@pytest.mark.parametrize(
    "draw",
    [
        lambda v, path: v.training_curves({"loss": [1.0]}, path),
        lambda v, path: v.interpolation_strip(IMAGES[None], path),
        lambda v, path: v.latent_map(POINTS, LABELS, path=path),
        lambda v, path: v.pca_comparison(POINTS, POINTS, LABELS, path),
        lambda v, path: v.spectrogram_grid({"x": POINTS}, 100, path),
    ],
)
def test_every_figure_is_for_notebooks_and_files(draw, tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("scipy")
    figure = draw(visualization, tmp_path / "figure.png")
    saved = (tmp_path / "figure.png").read_bytes()
    assert size_of(figure._repr_png_()[0]) == size_of(saved)
