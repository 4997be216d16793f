"""The networks for faces: sizes of the paper, a PyTorch twin, files, errors."""

import keras
import numpy as np
import pytest
import torch
from small_networks import quick_compile

from keras_latent import models
from keras_latent.src.models.vbta import face_networks

TINY = {"event_shape": (16, 12, 3), "filters": (3, 5), "hidden": 24, "latent_dim": 4}
KINDS = {
    "vae": (models.VAE, face_networks.vae_faces),
    "vbta": (models.VBTA, face_networks.vbta_faces),
}


def parameters(networks):
    return sum(
        int(np.prod(v.shape)) for network in networks.values() for v in network.trainable_variables
    )


def test_size_of_the_papers_networks():
    """Section 5.3, by hand; 16x16x32 values are flattened, 64 latents, 8,192 units."""
    encoder = (16 * 3 * 32 + 32) + (16 * 32 * 32 + 32)
    heads = 2 * (8192 * 64 + 64)
    shared_decoder = (64 * 8192 + 8192) + (16 * 32 * 32 + 32)
    decoder = 16 * 32 * 3 + 3
    networks = face_networks.vbta_faces()
    assert parameters(networks) == 2 * encoder + heads + shared_decoder + 2 * decoder
    assert networks["source_encoder"].output_shape == (None, 8192)
    assert networks["shared_decoder"].output_shape == (None, 32, 32, 32)
    one = face_networks.vae_faces()
    assert parameters(one) == encoder + heads + shared_decoder + decoder


def test_domains_share_what_the_paper_shares(rng):
    vbta = models.VBTA(**face_networks.vbta_faces(**TINY))
    x = rng.random((3, *TINY["event_shape"]), "float32")
    assert np.abs(vbta.encode(x, "source") - vbta.encode(x, "target")).max() > 1e-4
    vbta.target_encoder.set_weights(vbta.source_encoder.get_weights())
    np.testing.assert_array_equal(vbta.encode(x, "source"), vbta.encode(x, "target"))
    # `D_x` and `D_y` are linear in what `D` returns.
    h = rng.normal(size=(2, *vbta.shared_decoder.output_shape[1:])).astype("float32")
    zero, one, two, both = (
        keras.ops.convert_to_numpy(vbta.source_decoder(v))
        for v in (0 * h[:1], h[:1], h[1:], h[:1] + h[1:])
    )
    np.testing.assert_allclose(both - zero, (one - zero) + (two - zero), atol=1e-5)


def torch_convolution(x, kernel, bias, transposed):
    """One 4x4 layer of stride 2 on images with channels last; "same" is one pixel each way."""
    x = torch.tensor(np.moveaxis(x, -1, 1))
    # (height, width, in, out), of a transposed one (height, width, out, in).
    kernel = torch.tensor(kernel).permute(3, 2, 0, 1)
    function = torch.nn.functional.conv_transpose2d if transposed else torch.nn.functional.conv2d
    y = function(x, kernel, torch.tensor(bias), stride=2, padding=1)
    return np.moveaxis(y.numpy(), 1, -1)


def test_images_are_those_of_a_pytorch_twin(rng):
    """The same on every backend: strided transposed convolutions have been one pixel apart."""
    vae = models.VAE(**face_networks.vae_faces(**TINY))
    vae.set_weights([0.3 * rng.normal(size=w.shape) for w in vae.get_weights()])
    x = rng.random((3, *TINY["event_shape"]), "float32")
    k1, b1, k2, b2, mean, mean_bias, *_ = vae.encoder.get_weights()
    h = np.maximum(torch_convolution(x, k1, b1, False), 0)
    h = np.maximum(torch_convolution(h, k2, b2, False), 0)
    z = h.reshape(3, -1) @ mean + mean_bias
    np.testing.assert_allclose(vae.encode(x), z, atol=1e-4)
    dense, bias, k1, b1, k2, b2 = vae.decoder.get_weights()
    h = np.maximum(z @ dense + bias, 0).reshape(3, 4, 3, 2)
    h = np.maximum(torch_convolution(h, k1, b1, True), 0)
    expected = torch_convolution(h, k2, b2, True)
    assert expected.shape == x.shape and expected.std() > 0.1
    np.testing.assert_allclose(vae.decode(z), expected, atol=1e-3)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_gives_the_same_images(name, rng, tmp_path):
    cls, make = KINDS[name]
    model = cls(**make(**TINY), seed=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = rng.random((3, *TINY["event_shape"]), "float32")
    np.testing.assert_allclose(loaded.reconstruct(x), model.reconstruct(x), atol=1e-6)
    assert model.reconstruct(x).shape == x.shape


def test_vbta_learns_faces_of_two_colours(rng):
    """A few steps on plain colours: each domain is decoded in its own."""
    vbta = models.VBTA(
        **face_networks.vbta_faces((16, 16, 3), (4, 8), 64, 4), observation_variance=0.02
    )
    vbta.compile(keras.optimizers.Adam(3e-3), jit_compile=quick_compile())
    red, blue = np.zeros((2, 40, 16, 16, 3), "float32")
    red[..., 0] = blue[..., 2] = rng.uniform(0.5, 1, (40, 1, 1))
    x = {"source": red, "target": blue, "paired": np.ones(40, bool)}
    vbta.fit(x, batch_size=20, epochs=60, verbose=0)
    translated = vbta.translate(red, to="target")
    assert translated[..., 2].mean() > 0.4 > 0.2 > translated[..., 0].mean()


APART = {"event_shape": (16, 16, 3), "width": 4, "latent_dim": 4}


def test_domains_apart_share_the_encoder_and_no_decoder(rng, tmp_path):
    vbta = models.VBTA(**face_networks.vbta_faces_apart(**APART), swd=3.0, seed=0)
    x = rng.random((6, 16, 16, 3), "float32")
    np.testing.assert_array_equal(vbta.encode(x, "source"), vbta.encode(x, "target"))
    assert np.abs(vbta.translate(x, to="target") - vbta.reconstruct(x, "source")).max() > 1e-5
    assert vbta.source_encoder is vbta.target_encoder
    # One network in two places: it is trained, saved and loaded as one.
    vbta.compile(keras.optimizers.Adam(1e-2), jit_compile=quick_compile())
    batch = {"source": x, "target": x[::-1].copy(), "paired": np.ones(6, bool)}
    fit = {"batch_size": 6, "epochs": 2, "shuffle": False, "verbose": 0}
    history = vbta.fit(batch, **fit).history
    assert history["swd_loss"][0] > 0
    vbta.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.source_encoder is loaded.target_encoder and loaded.swd == 3.0
    losses = [m.fit(batch, **fit).history["loss"] for m in (vbta, loaded)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize("make", [face_networks.vbta_faces, face_networks.vae_faces])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"event_shape": (64, 62, 3)}, r"multiples of 4. Received: event_shape=\(64, 62, 3\)"),
        ({"event_shape": (64, 64)}, r"must be \(height, width, channels\)"),
        (
            {"filters": (32,)},
            r"two positive numbers.* Received: filters=\(32,\)",
        ),
        ({"filters": (0, 3)}, "`filters` must be"),
        (
            {"hidden": 8000},
            "a multiple of 256, the number of pixels.* Received: hidden=8000",
        ),
        ({"hidden": 0}, "`hidden` must be a multiple"),
    ],
)
def test_errors(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)
