"""LSTNet's networks: the table of the paper, a PyTorch twin, verbs, classifiers, errors."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from small_networks import (
    DIGIT,
    LSTNET_TABLES,
    SKETCH,
    batch,
    digits,
    lstnet,
    lstnet_mlp,
    lstnet_parts,
    quick_compile,
    to_numpy,
    vbta,
)

from benchmarks.peers import lstnet_torch
from keras_latent import models
from keras_latent.src.models.base import blocks
from keras_latent.src.models.lstnet import networks as tables

SHAPES = {"source": DIGIT, "target": SKETCH}
OTHER = {"source": "target", "target": "source"}
PAPER_SHAPES = {"source": (28, 28, 1), "target": (16, 16, 1)}
PAPER_TABLES = {
    "source_encoder": tables.MNIST_ENCODER,
    "target_encoder": tables.USPS_ENCODER,
    "shared_encoder": tables.SHARED_ENCODER,
    "shared_generator": tables.SHARED_GENERATOR,
    "source_generator": tables.MNIST_GENERATOR,
    "target_generator": tables.USPS_GENERATOR,
    "source_discriminator": tables.MNIST_DISCRIMINATOR,
    "target_discriminator": tables.USPS_DISCRIMINATOR,
    "latent_discriminator": tables.LATENT_DISCRIMINATOR,
}
# Table 1: kernel, channels and side of each layer, of discriminators after the pooling.
LAYERS = {
    "source_encoder": [(7, 64, 28), (5, 128, 14), (3, 256, 7), (3, 512, 7)],
    "target_encoder": [(7, 64, 16), (5, 128, 8), (3, 256, 8), (2, 512, 7)],
    "shared_encoder": [(3, 256, 7), (3, 128, 7)],
    "shared_generator": [(3, 128, 7), (3, 256, 7)],
    "source_generator": [(3, 512, 7), (3, 256, 14), (5, 128, 28), (7, 64, 28), (1, 1, 28)],
    "target_generator": [(2, 512, 8), (3, 256, 16), (5, 128, 16), (7, 64, 16), (1, 1, 16)],
    "source_discriminator": [(3, 64, 28), (3, 128, 14), (5, 256, 7), (3, 512, 4)],
    "target_discriminator": [(3, 64, 16), (3, 128, 16), (5, 256, 8), (2, 512, 4)],
    "latent_discriminator": [(3, 256, 7), (3, 512, 4), (3, 256, 4)],
}


@pytest.fixture(scope="module")
def paper():
    return tables.lstnet_conv()


@pytest.mark.parametrize("name", LAYERS)
def test_table_1(paper, name):
    found = []
    for layer in paper[name].layers:
        if isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose)):
            found.append(None)
            kernel = layer.kernel_size[0]
        if layer.output.ndim == 4:  # the last one counts: of the activation, or the pooling
            _, height, width, channels = layer.output.shape
            found[-1] = (kernel, channels, height)
            assert height == width
    assert found == LAYERS[name]


def parameters(name):
    """Of convolutions without bias and with the four arrays of batch normalisation, or with one."""
    total, channels = 0, 1
    if name.startswith("shared"):
        channels = 512 if name.endswith("encoder") else 128
    elif name.endswith("generator"):
        channels = 256
    elif name.startswith("latent"):
        channels = 128
    for kernel, filters, _ in LAYERS[name]:
        normalised = kernel > 1 and not name.endswith("discriminator")
        total += kernel**2 * channels * filters + (4 if normalised else 1) * filters
        channels = filters
    if name.endswith("discriminator"):
        total += LAYERS[name][-1][2] ** 2 * channels + 1
    return total


def test_number_of_parameters(paper):
    counts = {name: network.count_params() for name, network in paper.items()}
    assert counts == {name: parameters(name) for name in LAYERS}
    judging = sum(count for name, count in counts.items() if name.endswith("discriminator"))
    assert round(judging / 1e6, 1) == 6.2
    assert round((sum(counts.values()) - judging) / 1e6, 1) == 11.1
    assert round(sum(counts.values()) / 1e6, 1) == 17.3


def randomised(model, rng):
    """The model with random weights, moments of batch normalisation included."""
    for variable in model.weights:
        shape = tuple(variable.shape)
        if variable.name in ("gamma", "moving_variance"):
            value = rng.uniform(0.5, 1.5, shape)
        elif variable.name == "kernel":
            value = rng.normal(size=shape) * (2.0 / np.prod(shape[:-1])) ** 0.5
        else:
            value = rng.normal(size=shape) * 0.2
        variable.assign(value.astype("float32"))
    return model


def twin_of(model, tables, shapes, width):
    twin = lstnet_torch.LSTNet(tables, shapes, width)
    found = {name: getattr(model, name).get_weights() for name in tables}
    lstnet_torch.copy_weights(found, twin)
    return twin.eval()


def to_torch(images):
    return torch.tensor(np.moveaxis(np.asarray(images), -1, 1) * 2 - 1)


def from_torch(images):
    return np.moveaxis(images.numpy(), 1, -1) / 2 + 0.5


@pytest.mark.parametrize("which", ["paper", "small"])
def test_images_are_those_of_a_pytorch_twin(which, rng):
    """Strided transposed convolutions of kernels 3 and 5 are among the paper's."""
    if which == "paper":
        model, args = models.LSTNet(**tables.lstnet_conv(width=2)), (PAPER_TABLES, PAPER_SHAPES, 2)
    else:
        model, args = lstnet(), (LSTNET_TABLES, SHAPES, 4)
    twin = twin_of(randomised(model, rng), *args)
    x = {d: rng.random((5, *shape), "float32") for d, shape in args[1].items()}
    with torch.no_grad():
        inputs = [to_torch(x[d]) for d in ("source", "target")]
        z, kept, translated, cycled = twin(*inputs)
    for i, (domain, other) in enumerate(OTHER.items()):
        latents = np.moveaxis(z[i].numpy(), 1, -1)
        images = model.translate(x[other], to=domain)
        # No tanh is at its end, where all images would be the same.
        assert images.std() > 0.02 and (np.abs(images - 0.5) < 0.45).mean() > 0.3
        for found, expected in (
            (model.encode(x[domain], domain), latents),
            (model.reconstruct(x[domain], domain), from_torch(kept[i])),
            (images, from_torch(translated[i])),
            (model.cycle(x[domain], domain), from_torch(cycled[i])),
        ):
            np.testing.assert_allclose(found, expected, atol=1e-4)
    for name, seen in (("source", inputs[0]), ("target", inputs[1]), ("latent", z[0])):
        network = f"{name}_discriminator"
        rows = np.moveaxis(seen.numpy(), 1, -1)
        with torch.no_grad():
            logits = twin.networks[network](seen).numpy()
        np.testing.assert_allclose(to_numpy(getattr(model, network)(rows)), logits, atol=1e-3)


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("transposed", [False, True])
def test_one_strided_convolution(kernel, side, transposed, rng):
    """Where "same" pads an odd number of pixels, backends have been one pixel apart."""
    table = ((1, kernel, 2, "same"),)
    ours = tables.convolutions(table, 3, (side, side, 2), "one", transposed)
    ours = randomised(ours, rng)
    twin = lstnet_torch.convolutions(table, 3, 2, transposed)
    holder = torch.nn.Module()
    holder.networks = {"one": twin.eval()}
    lstnet_torch.copy_weights({"one": ours.get_weights()}, holder)
    x = rng.normal(size=(4, side, side, 2)).astype("float32")
    with torch.no_grad():
        expected = np.moveaxis(twin(torch.tensor(np.moveaxis(x, -1, 1))).numpy(), 1, -1)
    np.testing.assert_allclose(to_numpy(ours(x)), expected, atol=1e-5)


def test_steps_are_those_of_a_pytorch_twin(rng):
    """Losses in training mode, and where the weights go; Adam's epsilons are not the same."""
    model = randomised(lstnet(), rng)
    twin = twin_of(model, LSTNET_TABLES, SHAPES, 4).train()
    x = batch(16)
    model.compile(jit_compile=quick_compile())
    before = {name: getattr(model, name).get_weights() for name in LSTNET_TABLES}
    played = []
    for _ in range(3):
        logs = model.train_on_batch(x, return_dict=True)
        model.reset_metrics()
        played.append([float(logs["discriminator_loss"]), float(logs["loss"])])
    expected = [twin.step(to_torch(x["source"]), to_torch(x["target"])) for _ in range(3)]
    np.testing.assert_allclose(played, expected, rtol=1e-3)
    trained = twin_of(model, LSTNET_TABLES, SHAPES, 4).state_dict()
    lstnet_torch.copy_weights(before, old := lstnet_torch.LSTNet(LSTNET_TABLES, SHAPES, 4))
    for key, value in twin.state_dict().items():
        if key.endswith(("weight", "bias")):
            moved = (value - old.state_dict()[key]).abs().mean().item()
            apart = (value - trained[key]).abs().mean().item()
            assert moved > 1e-5 and apart < 0.05 * moved, key


# Verbs -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return lstnet()


@pytest.mark.parametrize("domain", ["source", "target"])
def test_verbs_compose_the_networks(model, domain):
    x, to = batch(5)[domain], OTHER[domain]
    encoders = {"source": model.source_encoder, "target": model.target_encoder}
    generators = {"source": model.source_generator, "target": model.target_generator}

    def encode(x, domain):
        return model.shared_encoder(encoders[domain](2 * x - 1))

    def decode(z, domain):
        return to_numpy(generators[domain](model.shared_generator(z))) / 2 + 0.5

    z, close = encode(x, domain), {"atol": 1e-5}
    translated = decode(z, to)
    np.testing.assert_allclose(model.encode(x, domain), to_numpy(z), **close)
    np.testing.assert_allclose(model.decode(to_numpy(z), to), translated, **close)
    np.testing.assert_allclose(model.reconstruct(x, domain), decode(z, domain), **close)
    np.testing.assert_allclose(model.translate(x, to=to), translated, **close)
    back = decode(encode(translated, to), domain)
    np.testing.assert_allclose(model.cycle(x, domain), back, **close)


@pytest.mark.parametrize("domain", ["source", "target"])
def test_shapes_and_ranges(model, domain):
    x, to = batch(7)[domain], OTHER[domain]
    assert model.encode(x, domain).shape == (7, 4, 4, 4) == (7, *model.latent_shape)
    images = {
        "decode": model.decode(100 * model.encode(x, domain), to),
        "reconstruct": model.reconstruct(x, domain),
        "translate": model.translate(x, to=to),
        "cycle": model.cycle(x, domain, batch_size=3),
        "interpolate": model.interpolate(x, x[::-1], 3, domain=domain, to=to),
    }
    shapes = {"decode": (7, *SHAPES[to]), "translate": (7, *SHAPES[to])}
    shapes["interpolate"] = (7, 3, *SHAPES[to])
    for name, found in images.items():
        assert found.shape == shapes.get(name, (7, *SHAPES[domain])), name
        assert found.dtype == np.float32 and found.min() >= 0.0 and found.max() <= 1.0, name
    ends = images["interpolate"][:, [0, -1]]
    for images, rows in zip(np.moveaxis(ends, 1, 0), (x, x[::-1]), strict=True):
        np.testing.assert_allclose(images, model.translate(rows, to=to), atol=1e-5)


def test_predict_is_the_verbs(model):
    x = batch(20)
    expected = {
        "source_reconstruction": model.reconstruct(x["source"]),
        "source_translation": model.translate(x["source"]),
        "target_reconstruction": model.reconstruct(x["target"], "target"),
        "target_translation": model.translate(x["target"], to="source"),
    }
    found = model.predict({d: x[d] for d in SHAPES}, verbose=0)
    assert set(found) == set(expected)
    for name, images in expected.items():
        np.testing.assert_allclose(found[name], images, atol=1e-5)


def test_without_shared_parts_features_are_latents():
    parts = lstnet_parts() | {"shared_encoder": None, "shared_generator": None}
    judge = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
    model = models.LSTNet(**parts | {"latent_discriminator": judge})
    x = batch(5)
    assert model.latent_shape == (8,)
    z = to_numpy(model.source_encoder(2 * x["source"] - 1))
    np.testing.assert_allclose(model.encode(x["source"]), z, atol=1e-6)
    images = to_numpy(model.target_generator(z)) / 2 + 0.5
    np.testing.assert_allclose(model.translate(x["source"]), images, atol=1e-6)
    copy = models.LSTNet.from_config(model.get_config())
    assert copy.shared_encoder is None and len(copy.weights) == len(model.weights)
    model.compile(jit_compile=quick_compile())
    assert np.isfinite(model.train_on_batch(x, return_dict=True)["loss"])


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_cycle_of_vbta(likelihood):
    """There and back through the means, whatever the numbers of `batch_size`."""
    model = vbta(likelihood=likelihood)
    x = {d: np.clip(batch(9)[d], 0, 1) for d in SHAPES}
    for domain, to in OTHER.items():
        there = model.translate(x[domain], to=to)
        back = model.translate(there, to=domain)
        for batch_size in (4, 512):
            found = model.cycle(x[domain], domain, batch_size=batch_size)
            assert found.shape == x[domain].shape and found.dtype == np.float32
            np.testing.assert_allclose(found, back, atol=1e-5)
    np.testing.assert_array_equal(model.cycle(x["source"]), model.cycle(x["source"], "source"))
    with pytest.raises(ValueError, match="`domain` must be one of"):
        model.cycle(x["source"], "left")


# Classifiers -----------------------------------------------------------------------------


def classifier(shape, classes=10):
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(4, 2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(classes),
        ],
        name="h",
    )


@pytest.mark.parametrize("make", [lstnet, vbta, lambda: vbta(likelihood="bernoulli")])
@pytest.mark.parametrize("domain", ["source", "target"])
def test_a_classifier_of_one_domain_becomes_one_of_the_other(make, domain, tmp_path):
    model, to = make(), OTHER[domain]
    h = classifier(SHAPES[to])
    f = model.to_classifier(h, domain)
    assert f.name == f"{domain}_h" and f.input_shape == (None, *SHAPES[domain])
    x = batch(6)[domain]
    expected = to_numpy(h(model.translate(x, to=to)))
    np.testing.assert_allclose(f.predict(x, verbose=0), expected, atol=1e-5)

    f.save(tmp_path / "f.keras")
    loaded = keras.saving.load_model(tmp_path / "f.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, atol=1e-5)
    loaded.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(loaded.evaluate(x, np.arange(6), verbose=0))

    # The weights are those of the model and of the classifier, and none of its own.
    model.shared_encoder.set_weights([w * 0.5 for w in model.shared_encoder.get_weights()])
    changed = to_numpy(h(model.translate(x, to=to)))
    assert np.abs(changed - expected).max() > 1e-4
    np.testing.assert_allclose(f.predict(x, verbose=0), changed, atol=1e-5)


@pytest.mark.each_backend
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize("make", [lstnet, vbta])
def test_a_classifier_is_served_by_tensorflow(make, tmp_path):
    import tensorflow as tf

    f = make().to_classifier(classifier(DIGIT), "target")
    x = batch(6)["target"]
    f.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(x).numpy(), f.predict(x, verbose=0), atol=1e-5)


@pytest.mark.parametrize("make", [lstnet_mlp, vbta])
def test_bad_classifiers(make):
    model = make()
    for arguments, message in (
        ((classifier(SKETCH), "target"), r"`classifier` must have shape \('batch', 8, 8, 1\)"),
        ((classifier(DIGIT), "source"), r"`classifier` must have shape \('batch', 6, 4, 3\)"),
        ((classifier(DIGIT), "left"), r"`domain` must be one of .*domain='left'"),
        ((keras.Sequential([layers.Dense(3)]),), "`classifier` is not built yet"),
        (("resnet",), "`classifier` must be a Keras model or layer. Received: 'resnet'"),
    ):
        with pytest.raises(ValueError, match=message):
            model.to_classifier(*arguments)


# Errors ----------------------------------------------------------------------------------

IMAGES, _ = digits(20)


@pytest.fixture(scope="module")
def alike():
    """Both domains of one shape."""
    model = lstnet_mlp(target=DIGIT)
    model.compile()
    return model


BAD_IMAGES = {
    "in [-1, 1]": (IMAGES * 2 - 1, r"must lie in \[0, 1\].*values from -1 to 1"),
    "pixels": (IMAGES * 255, r"must lie in \[0, 1\].*by 255.*from 0 to 255"),
    "uint8": ((IMAGES * 255).astype("uint8"), r"must hold floats.*/ 255`. Received: dtype=uint8"),
    "nan": (IMAGES * np.nan, "must be finite"),
    "rank": (IMAGES[..., 0], r"must have shape \('batch', 8, 8, 1\).*\(20, 8, 8\)"),
    "size": (IMAGES[:, :7], r"must have shape \('batch', 8, 8, 1\).*\(20, 7, 8, 1\)"),
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_images(alike, kind):
    x, message = BAD_IMAGES[kind]
    for domain in SHAPES:
        for verb in (alike.fit, alike.evaluate):
            with pytest.raises(ValueError, match=f"`{domain}` {message}"):
                verb({"source": IMAGES, "target": IMAGES} | {domain: x})
    for verb in (alike.encode, alike.reconstruct, alike.translate, alike.cycle):
        with pytest.raises(ValueError, match=f"`x` {message}"):
            verb(x)


@pytest.mark.parametrize(
    ("x", "got"),
    [
        ({"source": IMAGES}, r"\['source'\]"),
        ({"source": IMAGES, "target": IMAGES, "label": np.zeros(20)}, r"\['label', 'source', "),
        (IMAGES, "ndarray"),
    ],
)
def test_bad_batches(alike, x, got):
    for verb in (alike.fit, alike.evaluate):
        with pytest.raises(ValueError, match=f"`LSTNet` takes batches .*Received: {got}"):
            verb(x)


def test_sample_weights():
    """Of a model of its own: on JAX, Keras leaves one without weights whose step has failed."""
    model = lstnet_mlp(target=DIGIT)
    model.compile()
    x = {"source": IMAGES, "target": IMAGES}
    with pytest.raises(ValueError, match="LSTNet takes no `sample_weight`"):
        model.fit(x, np.zeros(20), sample_weight=np.ones(20), verbose=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.encode(IMAGES, "left"), r"`domain` must be one of .*domain='left'"),
        (lambda m: m.decode(m.encode(IMAGES), "left"), "`domain` must be one of"),
        (lambda m: m.reconstruct(IMAGES, None), "`domain` must be one of"),
        (lambda m: m.cycle(IMAGES, "both"), "`domain` must be one of"),
        (lambda m: m.translate(IMAGES, to="other"), r"`to` must be one of .*to='other'"),
        (lambda m: m.interpolate(IMAGES, IMAGES, to="x"), "`to` must be one of"),
        (lambda m: m.interpolate(IMAGES, IMAGES[:3]), "same number of rows. Received: 20 and 3"),
        (lambda m: m.decode(np.zeros((1, 5), "float32")), r"`z` must have shape \('batch', 4\)"),
    ],
)
def test_bad_arguments_of_verbs(alike, call, message):
    with pytest.raises(ValueError, match=message):
        call(alike)


def judge(outputs, shape=DIGIT):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(outputs)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"source_encoder": keras.Sequential([layers.Dense(3)])},
            r"`source_encoder` is not built yet.*`keras.Input\(shape",
        ),
        ({"latent_discriminator": None}, "`latent_discriminator` must be a Keras model or layer"),
        (
            {"target_encoder": blocks.mlp_encoder(SKETCH, 7, "e")},
            r"`shared_encoder` must take what `target_encoder` returns.*\(None, 7\).*\(None, 8\)",
        ),
        (
            {"target_generator": blocks.linear_decoder(8, DIGIT, "g")},
            r"`target_generator` must return.*\('batch', 6, 4, 3\).*\(None, 8, 8, 1\)",
        ),
        (
            {"source_discriminator": judge(2)},
            r"`source_discriminator` must return.*\('batch', 1\).*\(None, 2\)",
        ),
        (
            {"latent_discriminator": judge(2, (4,))},
            r"`latent_discriminator` must return.*\('batch', 1\)",
        ),
        ({"w1": -1}, "`w1` must be a non-negative finite number. Received: w1=-1"),
        ({"wl": float("nan")}, "`wl` must be a non-negative finite"),
        ({"w6": "100"}, "`w6` must be a non-negative finite number. Received: w6='100'"),
        ({"feature_weight": -0.5}, "`feature_weight` must be a non-negative"),
        ({"instance_noise": -0.1}, "`instance_noise` must be a non-negative"),
        ({"r1_weight": True}, "`r1_weight` must be a non-negative .*=True"),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be less than 1. Received"),
        ({"label_smoothing": -0.1}, "`label_smoothing` must be a non-negative"),
        ({"ema_momentum": 1}, "`ema_momentum` must be less than 1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.LSTNet(**lstnet_parts() | arguments)


def test_arguments_of_compile():
    model = lstnet_mlp()
    with pytest.raises(ValueError, match=r"dict with the keys \['discriminators', 'translators'\]"):
        model.compile("adam")
    with pytest.raises(ValueError, match="`compile` takes no `loss`"):
        model.compile(loss="mse")
