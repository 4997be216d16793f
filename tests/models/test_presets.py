"""`from_preset` and `save_to_preset`."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
from small_networks import assert_same_weights, digits, vae, vbta

from benchmarks.reliability.damage import flips, truncations
from keras_latent import models
from keras_latent.src.models.base import blocks
from keras_latent.src.models.base.attributes import AttributeModel

NAMES = [
    (getattr(models, cls), name) for cls in models.__all__ for name in getattr(models, cls).presets
]

LATENT_DIMS = {
    (models.VAE, False): 64,
    (models.VAE, True): 32,
    (models.VBTA, False): 64,
    (models.VBTA, True): 32,
    (models.JMVAE, False): 64,
    (models.JMVAE, True): 32,
    (models.TVAE, False): 20,
    (models.TVAE, True): 10,
}
OTHER_LATENT_DIMS = {
    "vae_mnist_bridging": 100,
    "vae_spoken_digit": 16,
    "vae_celeba_small": 128,
    "vbta_celeba_small": 128,
}

LSTNET_WIDTHS = {
    "lstnet_mnist_usps": 64,
    "lstnet_mnist_usps_small": 16,
    "lstnet_mnist_usps_tiny": 2,
}

# Shared dimensions, and those of the base models' latents.
BRIDGING_DIMS = {
    "bridging_mnist": (8, 100),
    "bridging_mnist_sharp": (16, 100),
    "bridging_digits": (8, 32),
    "bridging_speech": (16, 100),
}

# By the name's end: latents and attributes.
ATTRIBUTE_SIZES = {"celeba": (256, 40), "celeba_small": (128, 40), "digits": (32, 10)}

WAVEGAN_SIZES = {  # samples, features of the finest layer, updates of the critic
    "wavegan_sc09": (16384, 64, 5),
    "wavegan_spoken_digit": (8192, 64, 5),
    "wavegan_spoken_digit_small": (8192, 16, 1),
    "wavegan_tiny": (1024, 2, 5),
}


@pytest.mark.parametrize(("cls", "name"), NAMES)
def test_every_built_in_preset(cls, name):
    seedless = (models.FaderNetwork, models.LatentDomainTransfer, models.Pix2Pix)
    random = {} if cls in seedless else {"seed": 5}
    model = cls.from_preset(name, load_weights=False, **random)
    assert type(model) is cls and getattr(model, "seed", 5) == 5
    shape = (8, 8, 1) if "digits" in name else (28, 28, 1)
    assert cls.presets[name]
    if cls is models.StarGAN:
        assert model.num_attributes == (10 if "digits" in name else 40)
        assert model.event_shape == (shape if "digits" in name else (64, 64, 3))
        weights = model.classification_weight, model.reconstruction_weight
        assert (*weights, model.gradient_penalty_weight) == (1.0, 10.0, 10.0)
        assert model.critic_steps == 5
        return
    if isinstance(model, AttributeModel):
        size = ATTRIBUTE_SIZES[name.removeprefix("dual_").split("_", 1)[1]]
        assert (model.latent_dim, model.num_attributes) == size
        assert model.event_shape == (shape if "digits" in name else (64, 64, 3))
        return
    if cls is models.LSTNet:
        width = LSTNET_WIDTHS[name]
        assert model.latent_shape == (7, 7, 2 * width)
        assert model.event_shapes == {"source": (28, 28, 1), "target": (16, 16, 1)}
        assert (model.w1, model.w2, model.wl, model.w3, model.w6) == (20, 20, 30, 100, 100)
        return
    if cls in (models.UNIT, models.CoGAN):
        faces = (64, 64, 3) if name.endswith("faces") else shape
        assert model.event_shapes["source"] == faces
        other = (16, 16, 1) if "mnist_usps" in name else faces
        assert model.event_shapes["target"] == other
        if cls is models.CoGAN:
            assert model.latent_dim == (16 if "digits" in name else 100)
            assert model.generate(2, seed=0)["target"].shape == (2, *other)
        else:
            assert (model.gan_weight, model.kl_weight, model.cycle_weight) == (10.0, 0.1, 100.0)
        return
    if cls in (models.CycleGAN, models.Pix2Pix):
        shape = (64, 64, 3) if "faces" in name else shape
        target = (16, 16, 1) if "usps" in name else shape
        assert model.event_shapes == {"source": shape, "target": target}
        first = [w.shape[-1] for w in model.target_generator.weights][0]
        assert first == {"cyclegan_mnist_usps": 64}.get(name, 64 if "digits" in name else 16)
        return
    if cls is models.WaveGAN:
        samples, dim, steps = WAVEGAN_SIZES[name]
        assert model.event_shape == (samples, 1) and model.latent_dim == 100
        assert model.generator.layers[0].units == samples // 1024 * 16 * dim
        assert model.critic_steps == steps and model.gradient_penalty_weight == 10.0
        assert model.generate(2, seed=0).shape == (2, samples, 1)
        return
    if cls is models.BridgingVAE:
        shared, width = BRIDGING_DIMS[name]
        assert (model.latent_dim, set(model.latent_dims.values())) == (shared, {width})
        z = np.random.default_rng(0).standard_normal((2, width)).astype("float32")
        assert model.encode(z, "source").shape == (2, shared)
        assert model.transfer(z, "source", "target").shape == (2, width)
        return
    if cls is models.LatentDomainTransfer:
        assert set(model.latent_dims.values()) == {32}
        assert model.transfer(np.zeros((2, *shape), "float32"), to="source").shape == (2, *shape)
        return
    if "celeba" in name:
        shape = (64, 64, 3)
    if "spoken" in name:
        shape = (64, 64, 1)
    dims = OTHER_LATENT_DIMS.get(name) or LATENT_DIMS.get((cls, "digits" in name))
    assert model.latent_dim == (dims or model.latent_dim)
    images = model.generate(2, seed=0)
    assert (images["target"] if isinstance(images, dict) else images).shape == (2, *shape)
    if cls is models.JMVAE:
        assert (model.alpha, model.observation_variance) == (1.0, 0.5)
    if cls is models.VBTA:
        paper = not name.endswith(("sharp", "small"))
        assert (model.cross_reconstruction == model.swd == 0.0) == paper
        assert model.likelihood == "gaussian" and model.beta == 1.0
        if paper:
            assert model.observation_variance == 0.5 and model.alpha == model.gamma == 1.0


def test_presets_of_a_class_are_its_own():
    assert set(models.VAE.presets) == {
        "vae_celeba_small",
        "vae_mnist",
        "vae_mnist_bridging",
        "vae_spoken_digit",
        "vae_digits",
    }
    assert set(models.LatentDomainTransfer.presets) == {
        "transfer_digits_transpose",
        "transfer_mnist_fashion",
    }
    assert "vbta_mnist_transpose" in models.VBTA.presets
    assert not set(models.VAE.presets) & set(models.VBTA.presets)


def test_size_of_the_papers_networks():
    """Section 5.3, by hand: (784 * 512 + 512) * 2, two heads of 512 * 64 + 64, and so on."""
    model = models.VBTA.from_preset("vbta_mnist_transpose", load_weights=False)
    encoders = 2 * (784 * 512 + 512)
    heads = 2 * (512 * 64 + 64)
    hidden = 64 * 512 + 512
    decoders = 2 * (512 * 784 + 784)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == (
        encoders + heads + hidden + decoders
    )


def test_round_trip(tmp_path):
    x, _ = digits(5)
    for model in (vbta(likelihood="bernoulli", gamma=2.0), vae(beta=0.5)):
        directory = tmp_path / "new" / type(model).__name__
        model.save_to_preset(directory)
        assert sorted(p.name for p in directory.iterdir()) == [
            "config.json",
            "metadata.json",
            "model.weights.h5",
        ]
        loaded = type(model).from_preset(directory)
        assert_same_weights(model, loaded)
        np.testing.assert_array_equal(loaded.encode(x), model.encode(x))
        fresh = type(model).from_preset(str(directory), load_weights=False)
        assert np.abs(fresh.encode(x) - model.encode(x)).max() > 1e-3
        changed = type(model).from_preset(directory, observation_variance=0.25, name="other")
        assert changed.observation_variance == 0.25 and changed.name == "other"
        np.testing.assert_array_equal(changed.encode(x), model.encode(x))


def test_an_empty_directory_will_do(tmp_path):
    (tmp_path / "preset").mkdir()
    vae().save_to_preset(tmp_path / "preset")
    assert models.VAE.from_preset(tmp_path / "preset").latent_dim == 4


def test_a_link_to_a_directory_stays(tmp_path):
    """To an empty one, or to one that does not exist yet."""
    (tmp_path / "disk").mkdir()
    for name in ("disk", "new"):
        link = tmp_path / f"to_{name}"
        link.symlink_to(name)
        vae().save_to_preset(link)
        assert link.is_symlink() and (tmp_path / name / "config.json").is_file()
        assert models.VAE.from_preset(link).latent_dim == 4
    with pytest.raises(ValueError, match=r"must be new or empty.*to_disk"):
        vae().save_to_preset(tmp_path / "to_disk")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["disk", "new", "to_disk", "to_new"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_nothing_is_half_written(tmp_path, monkeypatch, error):
    model = vae()

    def fail(file, *args, **kwargs):
        file.write(b"half")
        raise error

    monkeypatch.setattr(model, "save_weights", fail)
    with pytest.raises(type(error)):
        model.save_to_preset(tmp_path / "preset")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("presets") / "vbta"
    vbta().save_to_preset(directory)
    return directory


def test_every_changed_bit_is_noticed(saved, tmp_path):
    model, errors = models.VBTA.from_preset(saved), 0
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for name in ("config.json", "model.weights.h5", "metadata.json"):
        content = (saved / name).read_bytes()
        for _, damaged in (*flips(content, 6, seed=0), *truncations(content, 2, seed=0)):
            (tmp_path / name).write_bytes(damaged)
            try:
                loaded = models.VBTA.from_preset(tmp_path)
            except ValueError as error:
                errors += str(tmp_path) in str(error) and "is damaged" in str(error)
            else:  # the version, or a blank
                assert name == "metadata.json"
                assert loaded.get_config() == model.get_config()
                assert_same_weights(loaded, model)
        (tmp_path / name).write_bytes(content)
    assert errors >= 18


def test_a_changed_file(saved, tmp_path):
    """It does not have its checksum, unless that is removed too."""
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = (saved / "config.json").read_text()
    changed = config.replace('"beta": 1.0', '"beta": 2.0')
    assert changed != config
    (tmp_path / "config.json").write_text(changed)
    message = r"is damaged: its config\.json does not have the SHA-256 that metadata\.json states"
    with pytest.raises(ValueError, match=message):
        models.VBTA.from_preset(tmp_path, load_weights=False)
    metadata = json.loads((saved / "metadata.json").read_text())
    assert set(metadata.pop("sha256")) == {"config.json", "model.weights.h5"}
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    assert models.VBTA.from_preset(tmp_path).beta == 2.0


@pytest.mark.parametrize("content", [b"", b"[]", b'{"sha256": "0"}', b"\xff"])
def test_damaged_metadata(damaged, content):
    with pytest.raises(ValueError, match=r"or is damaged: its metadata\.json cannot be read"):
        models.VBTA.from_preset(damaged("metadata.json", content))


@pytest.fixture
def damaged(saved, tmp_path):
    """A copy, without checksums, as of old versions, of a preset in which one file is replaced."""

    def copy(name, content):
        for path in saved.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / "metadata.json").write_text("{}")
        if content is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_bytes(content)
        return tmp_path

    return copy


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"[]", b"{}", b'{"registered_name": "keras_latent>VBTA", "config": []}'],
)
def test_damaged_configuration(damaged, content):
    with pytest.raises(ValueError, match=r"not a preset, or is damaged: its config.json"):
        models.VBTA.from_preset(damaged("config.json", content))


def test_configuration_without_a_network(damaged, saved):
    config = json.loads((saved / "config.json").read_text())
    del config["config"]["target_encoder"]
    with pytest.raises(ValueError, match=r"is damaged.*target_encoder"):
        models.VBTA.from_preset(damaged("config.json", json.dumps(config).encode()))


@pytest.mark.parametrize("content", [None, b"", b"not a file of HDF5", "half", "other"])
def test_damaged_weights(damaged, saved, tmp_path_factory, content):
    if content == "half":
        content = (saved / "model.weights.h5").read_bytes()
        content = content[: len(content) // 2]
    elif content == "other":
        path = tmp_path_factory.mktemp("other") / "w.weights.h5"
        vbta(hidden=5).save_weights(path)
        content = path.read_bytes()
    directory = damaged("model.weights.h5", content)
    with pytest.raises(ValueError, match=r"(?s)missing, damaged or of another.*load_weights=False"):
        models.VBTA.from_preset(directory)
    assert models.VBTA.from_preset(directory, load_weights=False).latent_dim == 4


def test_errors(saved, tmp_path):
    with pytest.raises(ValueError, match=r"must be one of .*Did you mean 'vbta_mnist_transpose'\?"):
        models.VBTA.from_preset("vbta_mnist_transpos", load_weights=False)
    with pytest.raises(ValueError, match=r"or a directory. Received: preset='nothing alike'.$"):
        models.VBTA.from_preset("nothing alike")
    with pytest.raises(ValueError, match=r"has no trained weights.*`load_weights=False`.*sharp"):
        models.VBTA.from_preset("vbta_mnist_transpose")
    with pytest.raises(ValueError, match=r"is a `VBTA`: call `VBTA.from_preset`.*cls=VAE"):
        models.VAE.from_preset("vbta_mnist_transpose", load_weights=False)
    with pytest.raises(ValueError, match=r"holds a 'keras_latent>VBTA', not a 'keras_latent>VAE'"):
        models.VAE.from_preset(saved)
    with pytest.raises(ValueError, match=r"Did you mean 'lstnet_mnist_usps' of `LSTNet`\?"):
        models.VBTA.from_preset("lstnet_mnist_usp")
    with pytest.raises(ValueError, match=r"or a directory. Received: preset='None'"):
        models.VBTA.from_preset(None)
    with pytest.raises(ValueError, match=r"Load a file with `keras.saving.load_model\(path\)`"):
        models.VBTA.from_preset("model.keras")
    with pytest.raises(ValueError, match=r"must be new or empty"):
        vae().save_to_preset(saved)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"must be new or empty"):
        vae().save_to_preset(tmp_path / "file")


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_pipe_is_no_preset(damaged, name):
    """Reading it would not end."""
    directory = damaged(name, None)
    os.mkfifo(directory / name)
    with pytest.raises(ValueError, match=rf"{name} must be a file\. Received: a pipe"):
        models.VBTA.from_preset(directory)


def test_a_preset_of_another_library(damaged):
    content = b'{"registered_name": "keras_hub>VAEBackbone", "config": {}}'
    with pytest.raises(ValueError, match=r"'keras_hub>VAEBackbone'.*it is not one of keras_latent"):
        models.VBTA.from_preset(damaged("config.json", content))


def test_loading_runs_no_code(saved, damaged):
    """A layer that holds Python code, as any file may, is refused."""
    code = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x)])
    config = json.loads((saved / "config.json").read_text())
    config["config"]["source_encoder"] = keras.saving.serialize_keras_object(code)
    directory = damaged("config.json", json.dumps(config).encode())
    with pytest.raises(ValueError, match=r"(?i)lambda"):
        models.VBTA.from_preset(directory)


def test_networks_are_registered_with_their_activation():
    heads = blocks.gaussian_heads(3, 2, "heads")
    copy = keras.Model.from_config(heads.get_config())
    copy.set_weights(heads.get_weights())
    x = np.ones((1, 3), "float32")
    for a, b in zip(heads(x), copy(x), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))


def test_the_current_directory_is_no_preset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="must not be the current folder"):
        models.VAE.from_preset("vae_digits", load_weights=False).save_to_preset(".")
    assert Path.cwd() == tmp_path and not any(tmp_path.iterdir())


def test_ends_of_lines_are_no_damage(tmp_path):
    models.VAE.from_preset("vae_digits", load_weights=False).save_to_preset(tmp_path / "p")
    config = tmp_path / "p" / "config.json"
    config.write_bytes(config.read_bytes().replace(b"\n", b"\r\n"))
    models.VAE.from_preset(tmp_path / "p")
