"""What users hand in by mistake: the message reaches them and says what to do."""

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import digits, heads, lstnet_parts, vae, vbta

from keras_latent import models
from keras_latent.src.models.base import blocks
from keras_latent.src.models.vbta.networks import vbta_mlp
from keras_latent.src.training.inputs import check_values

IMAGES, _ = digits(20)
NAN = IMAGES.copy()
NAN[3, 0, 0] = np.nan
INFINITE = np.where(NAN != NAN, np.inf, IMAGES)

BAD_IMAGES = {
    "rank": (IMAGES[..., 0], r"must have shape \('batch', 8, 8, 1\).*\(20, 8, 8\).*x\[..., None\]"),
    "no batch axis": (IMAGES[0], r".*shape=\(8, 8, 1\). Is the batch axis missing \(`x\[None\]`\)"),
    "channels first": (IMAGES.transpose(0, 3, 1, 2), r".*Channels must come last: `np.moveaxis"),
    "size": (IMAGES[:, :7], r"must have shape \('batch', 8, 8, 1\).*shape=\(20, 7, 8, 1\)"),
    "pixels": (IMAGES * 255, r"looks like pixels in 0..255.*divide by 255.*from 0 to 255"),
    "uint8": ((IMAGES * 255).astype("uint8"), r"must hold floats.*/ 255`. Received: dtype=uint8"),
    "small integers": ((IMAGES * 16).astype("int64"), r"must hold floats.*dtype=int64"),
    "nan": (NAN, r"must be finite. Received: NaN"),
    "infinity": (INFINITE, r"must be finite"),
}


@pytest.fixture(scope="module")
def one():
    model = vae()
    model.compile()
    return model


@pytest.fixture(scope="module")
def pair():
    model = vbta(target=(8, 8, 1))
    model.compile()
    return model


def domains(**changes):
    return {"source": IMAGES, "target": IMAGES, "paired": np.ones(20, bool)} | changes


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_images_for_vae(one, kind):
    x, message = BAD_IMAGES[kind]
    for verb in (one.fit, one.evaluate, one.encode, one.reconstruct):
        with pytest.raises(ValueError, match="`x` " + message):
            verb(x)
    with pytest.raises(ValueError, match="`b` " + message):
        one.interpolate(IMAGES, x)


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_images_for_vbta(pair, kind):
    x, message = BAD_IMAGES[kind]
    if len(x) == 20:  # otherwise it is the number of rows that is wrong first
        for domain in ("source", "target"):
            for verb in (pair.fit, pair.evaluate):
                with pytest.raises(ValueError, match=f"`{domain}` {message}"):
                    verb(domains(**{domain: x}))
    for verb in (pair.encode, pair.reconstruct, pair.translate):
        with pytest.raises(ValueError, match="`x` " + message):
            verb(x)


def test_validation_data_is_checked_too(one):
    with pytest.raises(ValueError, match="looks like pixels"):
        one.fit(IMAGES, validation_data=(IMAGES * 255,), verbose=0)


def test_values_for_a_bernoulli():
    one, pair = vae(likelihood="bernoulli"), vbta(likelihood="bernoulli", target=(8, 8, 1))
    for x in (IMAGES * 2 - 1, IMAGES * 1.01, IMAGES * 255):
        message = r"must lie in \[0, 1\]. Divide pixels in 0..255.*Received: values from"
        for model, good in ((one, x), (pair, domains(target=x))):
            model.compile()
            for verb in (model.fit, model.evaluate):
                with pytest.raises(ValueError, match=message):
                    verb(good)
        for verb in (one.encode, pair.translate):
            with pytest.raises(ValueError, match=message):
                verb(x)
    # A latent is no image: it may be anything finite, and a Gaussian's images too.
    assert one.decode(np.array([[-3.0, 5.0, 0.0, 40.0]], "float32")).shape == (1, 8, 8, 1)
    assert vae().encode(IMAGES * 2 - 1).shape == (20, 4)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({"source": IMAGES, "target": IMAGES}, r"`paired` is all True. Received: \['source', 'tar"),
        (domains(label=np.zeros(20)), r"`VBTA` takes batches .*'label'"),
        (IMAGES, r"`datasets.pair_from_arrays` makes them.*Received: ndarray"),
        (
            domains(paired=np.ones((20, 1), bool)),
            r"`paired` must have shape \('batch',\)",
        ),
        (domains(target=IMAGES[:9]), r"equally many rows.*'source': 20, 'target': 9"),
    ],
)
def test_bad_batches_for_vbta(pair, x, message):
    for verb in (pair.fit, pair.evaluate):
        with pytest.raises(ValueError, match=message):
            verb(x)


def test_bad_batches_for_vae(one):
    for verb in (one.fit, one.evaluate):
        with pytest.raises(
            ValueError, match="`x` must be an array: `VAE` takes one tensor.*: dict"
        ):
            verb({"source": IMAGES})


class Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def test_messages_get_through_compiled_steps():
    """Generators are not looked at before; the traced step says the same."""

    def generator(x):
        while True:
            yield (x,)

    def fresh():  # on JAX, Keras leaves a model without weights whose step has failed
        model = vbta(target=(8, 8, 1))
        model.compile()
        return model

    wrong = generator(domains(target=IMAGES[:, :6]))
    for call in (
        lambda: fresh().fit(wrong, steps_per_epoch=2, verbose=0),
        lambda: fresh().evaluate(wrong, steps=2, verbose=0),
    ):
        with pytest.raises(ValueError, match=r"`target` must have shape \('batch', 8, 8, 1\)"):
            call()
    with pytest.raises(ValueError, match=r"`paired` is all True"):
        fresh().fit(generator({"source": IMAGES, "target": IMAGES}), steps_per_epoch=2)
    with pytest.raises(ValueError, match="looks like pixels"):
        fresh().fit(Batches([domains(source=IMAGES * 255)]), verbose=0)


def test_first_batch_of_a_tf_dataset_is_checked(pair, one):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(domains(source=IMAGES * 255)).batch(10)
    for verb in (pair.fit, pair.evaluate):
        with pytest.raises(ValueError, match="`source` looks like pixels"):
            verb(data)
    data = tf.data.Dataset.from_tensor_slices((NAN, np.zeros(20))).batch(10)
    with pytest.raises(ValueError, match="`x` must be finite"):
        one.fit(data)


def test_sample_weights(one):
    with pytest.raises(ValueError, match="VAE takes no `sample_weight`"):
        one.fit(IMAGES, np.zeros(20), sample_weight=np.ones(20), verbose=0)


def parts(**changes):
    return vbta_mlp((8, 8, 1), 8, 2) | changes


def encoder(latent_dim=2, outputs=2):
    x = keras.Input((8, 8, 1))
    both = heads(layers.Flatten()(x), latent_dim)
    return keras.Model(x, both if outputs == 2 else both[0])


def two_inputs():
    a, b = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    return keras.Model([a, b], heads(layers.Flatten()(layers.Add()([a, b])), 2))


def decoder(shape=(8, 8, 1), latent_dim=2):
    return blocks.linear_decoder(latent_dim, shape, "decoder")


def unbuilt():
    return keras.Sequential([layers.Flatten(), layers.Dense(8)])


UNSHARED = {"shared_encoder": None, "shared_decoder": None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source_encoder": unbuilt()}, r"`source_encoder` is not built yet.*`keras.Input\(shape"),
        ({"target_decoder": unbuilt()}, r"`target_decoder` is not built yet"),
        ({"shared_encoder": unbuilt()}, r"`shared_encoder` is not built yet"),
        ({"shared_decoder": "dense"}, r"`shared_decoder` must be a Keras model or layer.*'dense'"),
        ({"target_encoder": two_inputs()}, r"`target_encoder` must take one tensor"),
        (
            {"shared_encoder": blocks.dense_relu(8, 2, "e")},
            r"`shared_encoder` must return `\(z_mean, z_log_var\)`.*\(None, 2\)",
        ),
        (
            UNSHARED,
            r"`source_encoder` must return `\(z_mean, z_log_var\)`.*\(None, 8\)",
        ),
        (
            UNSHARED | {"source_encoder": encoder(2), "target_encoder": encoder(3)},
            r"must share one latent space.*\{'source': \(2,\), 'target': \(3,\)\}",
        ),
        (
            {"source_decoder": blocks.linear_decoder(8, (8, 7, 1), "d")},
            r"`source_decoder` must return.*\('batch', 8, 8, 1\).*\(None, 8, 7, 1\)",
        ),
        ({"alpha": -1}, r"`alpha` must be a non-negative finite number. Received: alpha=-1"),
        ({"beta": float("nan")}, r"`beta` must be a non-negative finite"),
        ({"gamma": float("inf")}, r"`gamma` must be a non-negative finite"),
        ({"gamma": "10"}, r"`gamma` must be a non-negative finite number. Received: gamma='10'"),
        ({"cross_reconstruction": True}, r"`cross_reconstruction` must be .*=True"),
        ({"observation_variance": 0}, r"`observation_variance` must be a positive finite.*=0"),
        ({"likelihood": "laplace"}, r"`likelihood` must be one of \['gaussian', 'bernoulli'\]"),
    ],
)
def test_bad_arguments_of_vbta(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.VBTA(**parts(**arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoder": unbuilt()}, r"`encoder` is not built yet"),
        ({"decoder": None}, r"`decoder` must be a Keras model or layer"),
        ({"encoder": encoder(outputs=1)}, r"`encoder` must return `\(z_mean, z_log_var\)`"),
        ({"encoder": two_inputs()}, r"`encoder` must take one tensor"),
        (
            {"decoder": decoder((4, 4, 1))},
            r"`decoder` must return.*\('batch', 8, 8, 1\)",
        ),
        ({"beta": -0.1}, r"`beta` must be a non-negative finite number. Received: beta=-0.1"),
        ({"likelihood": None}, r"`likelihood` must be one of"),
    ],
)
def test_bad_arguments_of_vae(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.VAE(**{"encoder": encoder(), "decoder": decoder()} | arguments)


def test_networks_that_keras_would_accept():
    """Keras lets a last axis of size 1 pass for any other size until it computes."""
    colors = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(1)])
    parts = lstnet_parts(target=(8, 8, 1)) | {"source_discriminator": colors}
    with pytest.raises(ValueError, match="`source_discriminator` must take what.*8, 8, 3"):
        models.LSTNet(**parts)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.posterior(IMAGES[..., 0]), r"`x` must have shape \('batch', 8, 8, 1\)"),
        (lambda m: m.posterior((IMAGES * 255).astype("uint8")), "`x` must hold floats"),
        (lambda m: m.to_data(np.zeros((2, 5), "float32")), r"`z` must have shape \('batch', 4\)"),
        (lambda m: m.likelihood_parameters(None), "`z` must be a tensor"),
    ],
)
def test_what_tensor_functions_are_called_with(one, call, message):
    with pytest.raises(ValueError, match=message):
        call(one)


def test_numbers_of_any_kind_are_numbers():
    model = models.VAE(encoder(), decoder(), beta=np.float32(0.5), observation_variance=np.int64(2))
    assert model.beta == 0.5 and model.observation_variance == 2.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.encode(IMAGES, "left"),
            r"`domain` must be one of \['source', .*left",
        ),
        (lambda m: m.decode(np.zeros((1, 4), "float32"), "x"), r"`domain` must be one of"),
        (lambda m: m.reconstruct(IMAGES, None), r"`domain` must be one of"),
        (lambda m: m.translate(IMAGES, to="other"), r"`to` must be one of .*to='other'"),
        (lambda m: m.interpolate(IMAGES, IMAGES, to="x"), r"`to` must be one of"),
        (lambda m: m.interpolate(IMAGES, IMAGES, domain="x"), r"`(to|domain)` must be one of"),
        (lambda m: m.interpolate(IMAGES, IMAGES, kind="cubic"), r"`kind` must be.*'cubic'"),
        (lambda m: m.interpolate(IMAGES, IMAGES, 1), r"`steps` must be an integer of 2 or more"),
        (lambda m: m.interpolate(IMAGES, IMAGES[:3]), r"same number of rows. Received: 20 and 3"),
        (lambda m: m.decode(np.zeros((1, 5), "float32")), r"`z` must have shape \('batch', 4\)"),
        (lambda m: m.decode(np.zeros(4, "float32")), r"`z` must have shape.*x\[None\]"),
        (lambda m: m.decode(np.zeros((1, 4), int)), r"`z` must hold floats. Received: dtype=int64"),
        (lambda m: m.decode(np.full((1, 4), np.nan)), r"`z` must be finite"),
        (lambda m: m.generate(0), r"`num` must be a positive integer. Received: num=0"),
        (lambda m: m.generate(-2), r"`num` must be a positive integer"),
        (lambda m: m.generate(2.0), r"`num` must be a positive integer. Received: num=2.0"),
        (lambda m: m.generate(True), r"`num` must be a positive integer. Received: num=True"),
        (lambda m: m.encode(IMAGES[:0]), r"`x` must have one row or more"),
    ],
)
def test_bad_arguments_of_verbs(pair, call, message):
    with pytest.raises(ValueError, match=message):
        call(pair)


def test_arguments_of_compile(one):
    model = vae()
    with pytest.raises(ValueError, match=r"`compile` takes no `loss` and no `metrics`.*loss"):
        model.compile("adam", loss="mse")


def test_values_in_half_precision_are_floats():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    check_values("x", IMAGES.astype(bfloat16), True)
    with pytest.raises(ValueError, match="must be finite"):
        check_values("x", NAN.astype(bfloat16), True)
