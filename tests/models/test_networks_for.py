"""Networks of every method for images of any size."""

import numpy as np
import pytest

from keras_latent import models
from keras_latent.src.models.networks_for import METHODS, TWO_DOMAINS, WITH_ATTRIBUTES

pytestmark = pytest.mark.once


@pytest.mark.parametrize("shape", [(28, 28, 1), (24, 32, 3), (64, 64, 3)])
@pytest.mark.parametrize("name", METHODS)
def test_models_of_any_size_are_built(name, shape, rng):
    attributes = {"attributes": 3} if name in WITH_ATTRIBUTES else {}
    made = models.networks_for(name, shape, width=2, latent_dim=4, **attributes)
    cls = getattr(models, name)
    model = cls(**made, **(attributes or ({"attributes": 3} if name == "DualVAE" else {})))
    x = rng.random((2, *shape), "float32")
    if name in TWO_DOMAINS:
        assert model.translate(x, to="source").shape == x.shape
    else:
        given = (np.ones((2, 3), "int32"),) if name in WITH_ATTRIBUTES else ()
        assert model.reconstruct(x, *given).shape == x.shape
    same = models.networks_for(cls, shape, width=2, latent_dim=4, **attributes)
    assert {k: n.count_params() for k, n in same.items()} == {
        k: n.count_params() for k, n in made.items()
    }


def test_the_rule():
    """128x128 is halved to 4x4, and the filters double up to 8 times the width, or 4 times."""
    vae = models.networks_for("VAE", (128, 128, 3), width=2)
    convolutions = [w for w in vae["encoder"].weights if len(w.shape) == 4]
    assert [w.shape[-1] for w in convolutions] == [2, 4, 8, 16, 16]
    vbta = models.networks_for("VBTA", (64, 64, 3), width=2)
    kernels = [w.shape[-1] for w in vbta["source_encoder"].weights if len(w.shape) == 4]
    assert kernels == [2, 4, 8, 8]
    assert vbta["source_encoder"].output_shape == (None, 4 * 4 * 8)
    assert vbta["source_encoder"] is vbta["target_encoder"]
    for shape, latent in (((28, 28, 1), 7), ((64, 64, 1), 8), ((48, 48, 1), 12)):
        made = models.networks_for("LSTNet", shape, width=1)
        assert made["shared_encoder"].output_shape == (None, latent, latent, 2)


def test_domains_may_differ_in_channels_and_size():
    made = models.networks_for("VBTA", (16, 16, 1), (16, 16, 3), width=2, latent_dim=4)
    assert made["source_encoder"] is not made["target_encoder"]
    made = models.networks_for("LSTNet", (16, 16, 1), (32, 32, 3), width=1)
    model = models.LSTNet(**made)
    assert model.event_shapes == {"source": (16, 16, 1), "target": (32, 32, 3)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("VBTAA", (8, 8, 1)), r"`model` must be one of"),
        ((models.WaveGAN, (8, 8, 1)), r"`model` must be one of"),
        (("VAE", (50, 50, 1)), r"halved until one is below 8 pixels.*event_shape=\(50, 50, 1\)"),
        (("VAE", (7, 7, 1)), r"halved until one is below 8 pixels"),
        (("VAE", (8, 8)), r"must be \(height, width, channels\)"),
        (("LSTNet", (9, 8, 1)), r"halved until one is below 8 pixels"),
        (("VAE", (8, 8, 1), (8, 8, 1)), r"`target_shape` is for methods of two domains"),
        (("LSTNet", (28, 28, 1), (32, 32, 1)), r"must be halved to one size"),
        (("VBTA", (28, 28, 1), (32, 32, 1)), r"must be halved to one size"),
        (("CVAE", (8, 8, 1)), r"`attributes` must be given for"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.networks_for(*arguments)


@pytest.mark.parametrize("name", ["width", "latent_dim"])
def test_sizes_are_positive(name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        models.networks_for("VAE", (8, 8, 1), **{name: 0})
    with pytest.raises(ValueError, match="`attributes` must be given.*and for no other"):
        models.networks_for("VAE", (8, 8, 1), attributes=2)
