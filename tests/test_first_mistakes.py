"""The mistakes that come first: each is refused early, in words that say what to do instead.

Ten kinds of them, in the order of the sections; `models/test_model_errors.py` and
`datasets/test_pair_errors.py` hold the other messages.
"""

import json
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import (
    attributed_digits,
    cvae,
    cyclegan,
    digits,
    dual_vae,
    fader,
    heads,
    labelled_digits,
    lstnet_mlp,
    pix2pix,
    quick_compile,
    tvae,
    vae,
    vbta,
)

from keras_latent import callbacks, datasets, metrics, models
from keras_latent.src.datasets.sources import network, tfds_source
from keras_latent.src.models.bridging import networks as bridging_networks

pytestmark = pytest.mark.once

ROWS = 20
IMAGES, LABELS = labelled_digits(ROWS)
TURNED = digits(ROWS)[1]
ATTRIBUTES = attributed_digits(ROWS)[1]
BYTES = (IMAGES * 255).astype("uint8")
ONE_HOT = np.eye(10)[LABELS]


def bridge():
    return models.BridgingVAE(**bridging_networks.bridging_mlp(5, 2, 8), seed=1)


MAKERS = {
    "VAE": vae,
    "TVAE": tvae,
    "DualVAE": dual_vae,
    "CVAE": cvae,
    "FaderNetwork": fader,
    "VBTA": lambda: vbta(target=(8, 8, 1)),
    "LSTNet": lambda: lstnet_mlp(target=(8, 8, 1)),
    "CycleGAN": lambda: cyclegan(target=(8, 8, 1)),
    "Pix2Pix": lambda: pix2pix(target=(8, 8, 1)),
    "BridgingVAE": bridge,
    "WaveGAN": lambda: models.WaveGAN.from_preset("wavegan_tiny", load_weights=False),
}
TWO_DOMAINS = ("VBTA", "LSTNet", "CycleGAN", "Pix2Pix")
OF_IMAGES = ("VAE", "TVAE", "DualVAE", "CVAE", "FaderNetwork", *TWO_DOMAINS)
OF_ATTRIBUTES = ("DualVAE", "CVAE", "FaderNetwork")
LATENTS = {
    d: np.random.default_rng(0).normal(size=(ROWS, 5)).astype("float32")
    for d in ("source", "target")
}


@pytest.fixture(scope="module")
def compiled():
    made = {name: make() for name, make in MAKERS.items()}
    for model in made.values():
        model.compile(jit_compile=quick_compile())
    return made


def fresh(name):
    """A model for a step that fails: on JAX, Keras leaves it without weights."""
    model = MAKERS[name]()
    model.compile(jit_compile=quick_compile())
    return model


def domains(**changes):
    return {"source": IMAGES, "target": TURNED, "paired": np.ones(ROWS, bool)} | changes


def data(name, x):
    """Arguments of `fit` in which the images of the model, or of its source, are `x`."""
    if name in TWO_DOMAINS:
        return (domains(source=x, target=x, paired=np.ones(len(x), bool)),)
    labels = {"VAE": None, "TVAE": LABELS}.get(name, ATTRIBUTES)
    return (x, labels if labels is None else labels[: len(x)])


def uses(model, name, x):
    """Every way to hand images to a model."""
    yield lambda: model.fit(*data(name, x), verbose=0)
    yield lambda: model.evaluate(*data(name, x), verbose=0)
    if hasattr(model, "encode"):
        yield lambda: model.encode(x)
    if name in TWO_DOMAINS:
        yield lambda: model.translate(x)
        yield lambda: model.predict({"source": x, "target": x}, verbose=0)
    elif name in ("CVAE", "FaderNetwork"):
        signs = np.ones((len(x), 3), "float32")
        yield lambda: model.predict([x, signs], verbose=0)
    else:
        yield lambda: model.predict(x, verbose=0)


def forever(*batch):
    while True:
        yield batch


def says(message):
    return pytest.raises(ValueError, match=message)


# 1. The range of values ------------------------------------------------------------------


@pytest.mark.parametrize("name", OF_IMAGES)
def test_pixels_in_another_range(compiled, name):
    for x, message in (
        (
            BYTES,
            r"must hold floats; for images with 256 gray levels.*astype\('float32'\) / 255`.*uint8",
        ),
        (BYTES.astype("float32"), r"pixels in 0..255.*from 0 to 255"),
        (IMAGES > 0.5, r"must hold floats: `x.astype\('float32'\)`. Received: dtype=bool"),
    ):
        for use in uses(compiled[name], name, x):
            with says(message):
                use()


def test_grey_levels_of_scikit_learn(compiled):
    message = r"whole numbers.*divide by the largest possible level.*from 0 to 16"
    with says(message):
        compiled["VAE"].fit(np.round(IMAGES * 16), verbose=0)
    with says(message):
        compiled["VBTA"].translate(np.round(IMAGES * 16))
    compiled["VAE"].encode(IMAGES * 16.01)  # a Gaussian may be of any range


def test_minus_one_to_one_where_it_is_zero_to_one(compiled):
    with says(r"must lie in \[0, 1\].*by `\(x \+ 1\) / 2`.*from -1 to 1"):
        compiled["LSTNet"].predict(domains(source=IMAGES * 2 - 1), verbose=0)


def test_sounds_from_zero_to_one(compiled):
    x = np.random.default_rng(0).random((10, 1024, 1), "float32")
    with says(r"must lie in \[-1, 1\] around 0.*Map values in \[0, 1\] by `2 \* x - 1`"):
        compiled["WaveGAN"].fit(x, batch_size=10, verbose=0)
    with says(r"must hold floats in \[-1, 1\]. Divide 16-bit audio by 32768"):
        compiled["WaveGAN"].fit((x * 32767).astype("int16"), batch_size=10, verbose=0)


def test_pixels_from_a_generator_or_a_loader():
    for x in (BYTES, BYTES.astype("float32")):
        with says(r"`x` (must hold floats|looks like pixels)"):
            fresh("VAE").fit(forever(x), steps_per_epoch=1, verbose=0)
        with says(r"`source` (must hold floats|looks like pixels)"):
            fresh("VBTA").fit(forever(domains(source=x)), steps_per_epoch=1, verbose=0)
    with says("`x` must hold floats"):
        fresh("VAE").train_on_batch(BYTES)
    torch = pytest.importorskip("torch")
    rows = torch.utils.data.TensorDataset(torch.tensor(BYTES.astype("float32")))
    with says("`x` looks like pixels"):
        fresh("VAE").fit(torch.utils.data.DataLoader(rows, batch_size=10), verbose=0)


def test_a_generator_that_was_looked_at_loses_nothing():
    seen = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    batches = ((IMAGES[i : i + 5],) for i in range(0, ROWS, 5))
    fresh("VAE").fit(batches, steps_per_epoch=4, callbacks=[Count()], verbose=0)
    assert len(seen) == 4


def test_images_for_a_classifier(tmp_path):
    classifier = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)])
    accuracy = metrics.TransferAccuracy(classifier)
    for y, x, message in (
        (LABELS, BYTES, r"`y_pred` must hold floats.*/ 255"),
        (LABELS, IMAGES[..., 0], r"`y_pred` must have shape.*`x\[..., None\]`"),
        (LABELS[:3], IMAGES, r"the same number of rows. Received: 3 labels and 20 images"),
        (LABELS + 5, IMAGES, r"`y_true` must be from 0 to 9"),
        (ONE_HOT, IMAGES, r"one-hot labels, pass `.argmax\(-1\)`"),
        (IMAGES, LABELS, r"Pass labels first and images second"),
    ):
        with says(message):
            accuracy.update_state(y, x)
    for x, message in (
        (BYTES.astype("float32"), "`images` looks like pixels in 0..255"),
        (BYTES.astype("int64"), "`images` must hold floats"),
        (IMAGES[..., 0], r"Is the axis of channels missing \(`x\[..., None\]`\)\?"),
    ):
        with says(message):
            metrics.reference_classifier(x, LABELS, cache_dir=tmp_path)


# 2. and 3. Axes --------------------------------------------------------------------------


@pytest.mark.parametrize("name", OF_IMAGES)
def test_axes(compiled, name):
    for x, message in (
        (np.moveaxis(IMAGES, -1, 1), r"Channels must come last: `np.moveaxis\(x, 1, -1\)`"),
        (IMAGES[..., 0], r"Is the channel axis missing \(`x\[..., None\]`\)\?"),
        (IMAGES[0], r"\(8, 8, 1\). Is the batch axis missing \(`x\[None\]`\)\?$"),
        (IMAGES[0, ..., 0], r"\(8, 8\). Are the batch axis and the channel axis missing"),
    ):
        for use in uses(compiled[name], name, x):
            with says(message):
                use()


def test_colours(compiled):
    colours = np.repeat(IMAGES, 3, -1)
    with says(r"To convert colors to gray: `x.mean"):
        compiled["VAE"].encode(colours)
    with says(r"To repeat the channel of gray images: `np.repeat\(x, 3, axis=-1\)`"):
        vae(shape=(8, 8, 3)).encode(IMAGES)
    with says(r"`np.stack\(\[x\] \* 3, -1\)` for gray"):
        vae(shape=(8, 8, 3)).encode(IMAGES[..., 0])


def test_axes_of_sounds_and_latents(compiled):
    sounds = np.zeros((10, 1024, 1), "float32")
    with says(r"Channels must come last"):
        compiled["WaveGAN"].fit(np.moveaxis(sounds, -1, 1), batch_size=10, verbose=0)
    with says(r"`z` must have shape \('batch', 100\)"):
        compiled["WaveGAN"].predict(sounds, verbose=0)
    with says(r"must be latents, \(batch, 5\).*To get latents of data, call `encode`"):
        compiled["BridgingVAE"].fit({"source": IMAGES, "target": IMAGES}, verbose=0)


# 4. Batches of two domains ---------------------------------------------------------------


@pytest.mark.parametrize("name", TWO_DOMAINS)
def test_batches_of_two_domains(compiled, name):
    model = compiled[name]
    pair = datasets.pair_from_arrays(IMAGES, TURNED, batch_size=10)
    for x, message in (
        ({"source": IMAGES, "paired": np.ones(ROWS, bool)}, r"takes batches.*'target'"),
        ((IMAGES, TURNED), r"takes batches.*Received: tuple"),
        (domains(target=TURNED[:9]), r"equally many rows.*'source': 20, 'target': 9"),
        (domains(paired=[True] * ROWS), r"`paired` must be an array.*`np.asarray.*list"),
        (domains(source=list(IMAGES)), r"`source` must be an array"),
        (pair, r"the batches of a pair, not the pair: `model.fit\(pair.train"),
        (pair.test, r"Received: x=None. \(The `test` of a pair without test rows is None"),
    ):
        with says(message):
            model.fit(x, verbose=0)
        with says(message):
            model.evaluate(x, verbose=0)
    for x in (IMAGES, {"source": IMAGES}):
        with says("takes batches"):
            model.predict(x, verbose=0)
    with says(r"`x` must be one array. Received: a dict of \['paired', 'source', 'target'\]"):
        model.translate(domains())
    with says("takes batches"):
        fresh(name).fit(forever(IMAGES, TURNED), steps_per_epoch=1, verbose=0)


def test_what_is_right_is_not_refused(compiled):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*triplet")
        pair = datasets.pair_from_arrays(IMAGES, TURNED, batch_size=10, format="numpy")
        for name in TWO_DOMAINS:
            compiled[name].fit(pair.train, verbose=0)
            compiled[name].predict({"source": IMAGES, "target": TURNED}, verbose=0)
        compiled["BridgingVAE"].fit(
            datasets.LatentBatches(LATENTS, {"source": LABELS}, batch_size=10), verbose=0
        )
        compiled["CVAE"].predict([IMAGES, np.ones((ROWS, 3), "float32")], verbose=0)


def test_which_rows_are_paired(compiled):
    for paired, message in (
        (np.arange(ROWS), r"from 0 to 19. For row numbers, pass `np.isin"),
        (np.full(ROWS, 0.5), "True or False"),
        (np.ones((ROWS, 1), bool), r"whether each row is a known pair.*Pass `paired\[:, 0\]`"),
        (np.array(True), r"`np.ones\(rows, bool\)` if all of them are"),
    ):
        with says(message):
            compiled["VBTA"].fit(domains(paired=paired), verbose=0)


def test_batches_of_one_domain(compiled):
    pair = datasets.pair_from_arrays(IMAGES, TURNED, batch_size=10)
    with says(r"dict of \['paired', 'source', 'target'\]. Pass the images of one domain; `VBTA`"):
        compiled["VAE"].fit(pair.train, verbose=0)
    for x in ((IMAGES, LABELS), list(IMAGES)):
        with says(r"takes one tensor per batch.*`np.stack\(images\)`, and pass labels as `y`"):
            compiled["VAE"].fit(x, verbose=0)
    with says(r"equally many rows.*`datasets.LatentBatches`"):
        compiled["BridgingVAE"].fit(LATENTS | {"target": LATENTS["target"][:9]}, verbose=0)


# 5. Labels -------------------------------------------------------------------------------


def test_labels_of_tvae(compiled):
    for y, message in (
        (ONE_HOT, r"For one-hot rows, pass `y.argmax\(-1\)`"),
        (LABELS[:, None], r"shape=\(20, 1\). Pass `y\[:, 0\]`"),
        (LABELS.tolist(), r"`np.asarray\(y\)`"),
        (LABELS.astype("float32"), r"`y.astype\('int32'\)`"),
        (None, "`TVAE` needs labels"),
    ):
        with says(message):
            compiled["TVAE"].fit(IMAGES, y, verbose=0)
    with says("For one-hot rows"):
        fresh("TVAE").fit(forever(IMAGES, ONE_HOT), steps_per_epoch=1, verbose=0)


@pytest.mark.parametrize("name", OF_ATTRIBUTES)
def test_attributes(compiled, name):
    for y, message in (
        (LABELS, r"To turn class numbers into 3 attributes.*`np.eye\(3, dtype='int32'\)\[y\]`"),
        (np.eye(10, dtype="int32")[LABELS], r"made for the 3 attributes \['attribute_0'"),
        (ATTRIBUTES.tolist(), r"Received: list. Pass `np.asarray\(y\)`"),
        (np.where(ATTRIBUTES < 0, np.nan, ATTRIBUTES), r"`np.where\(np.isnan\(y\), -1, y\)"),
        (ATTRIBUTES.astype(str), r"`y` must hold numbers.*dtype=str"),
        (ATTRIBUTES * 0.5, r"must be 1 \(present\), 0"),
    ):
        with says(message):
            compiled[name].fit(IMAGES, y, verbose=0)
    with says("no 0. Here, -1 means missing"):
        fresh(name).fit(
            forever(IMAGES, np.where(ATTRIBUTES > 0, 1, -1)), steps_per_epoch=1, verbose=0
        )
    with says("needs attributes as `y`"):
        fresh(name).fit(forever(IMAGES), steps_per_epoch=1, verbose=0)


def test_images_alone_for_a_conditional_model(compiled):
    for name in ("CVAE", "FaderNetwork"):
        with says(r"`predict` takes `\[images, attributes\]`.*`reconstruct\(images\)`"):
            compiled[name].predict(IMAGES, verbose=0)


def test_labels_of_a_bridge(compiled):
    model = compiled["BridgingVAE"]
    for y, message in (
        ({"source": ONE_HOT}, r"one-hot rows, pass `.argmax\(-1\)`"),
        ({"source": LABELS.tolist()}, r"`y\['source'\]` must be an array of integer labels"),
        (LABELS, r"`y` must be a dict of integer labels"),
    ):
        with says(message):
            model.fit(LATENTS, y, verbose=0)
    with says("must be from 0 to 9"):
        fresh("BridgingVAE").fit(
            forever(LATENTS, {"source": LABELS + 5}), steps_per_epoch=1, verbose=0
        )
    for y, message in (
        (LABELS, r"`labels` must be a dict by domain.*Received: ndarray"),
        ({"source": ONE_HOT}, r"one-hot rows, pass `.argmax\(-1\)`"),
        ({"source": ONE_HOT.astype(int)}, r"one class number (a|per) row"),
    ):
        with says(message):
            datasets.LatentBatches(LATENTS, y)


def test_labels_of_metrics(tmp_path):
    with says(r"Pass labels first and embeddings second. For one-hot labels, pass `.argmax\(-1\)`"):
        metrics.TripletAccuracy()(ONE_HOT, LATENTS["source"])
    with says(r"For one-hot labels, pass `labels.argmax\(-1\)`"):
        metrics.reference_classifier(IMAGES, ONE_HOT, cache_dir=tmp_path)
    with says(r"one-hot rows, pass `.argmax\(-1\)`"):
        datasets.pair_from_arrays(IMAGES, TURNED, source_labels=ONE_HOT, batch_size=5)


# 6. Compilation and arguments ------------------------------------------------------------


@pytest.mark.parametrize("name", OF_IMAGES)
def test_forgotten_compile(name):
    model = MAKERS[name]()
    for verb in (model.fit, model.evaluate):
        with says(rf"Call `model.compile\(\)` first.*this `{name}` uses the optimizer of its"):
            verb(*data(name, IMAGES), verbose=0)


def test_compile_as_of_any_keras_model():
    for call, message in (
        (lambda: vae().compile("adam", "mse"), "brings its own objective.*Received: loss"),
        (lambda: vae().compile(learning_rate=1e-3), r"`compile\(keras.optimizers.Adam\(learning"),
        (lambda: vae().compile("adm"), r"Keras optimizer or its name.*optimizer='adm'"),
        (lambda: vae().compile(1e-3), r"`compile\(keras.optimizers.Adam\(1e-3\)\)`"),
        (lambda: vae().compile({"a": "adam"}), r"one optimizer.*Pass it alone"),
        (lambda: lstnet_mlp().compile("adam"), r"2 optimizers.*`compile\(\)` uses the paper's"),
    ):
        with says(message):
            call()


def test_arguments_of_models():
    preset = {"preset": "vae_digits", "load_weights": False}
    for call, message in (
        (lambda: models.VAE.from_preset(**preset, latent_dim=3), "Sizes are those of the networks"),
        (lambda: models.VAE.from_preset(**preset, bta=3.0), "Did you mean 'beta'?"),
        (
            lambda: models.VAE("vae_digits", None),
            r"'vae_digits'. To use a preset.*`from_preset\(name",
        ),
    ):
        with says(message):
            call()


def test_training_of_a_whole_chain():
    base = vae(latent_dim=5)
    chain = models.LatentDomainTransfer(base, bridge(), vae(latent_dim=5))
    for verb in (chain.fit, chain.evaluate):
        with pytest.raises(NotImplementedError, match="Train its bridge, on latents"):
            verb(IMAGES)
    with says("must hold floats"):
        chain.predict(BYTES, verbose=0)


# 7. Presets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ['{"registered_name": "keras_latent>VAE", "conf', "", "[]", "{}"]
)
def test_a_preset_whose_configuration_is_cut_short(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with says(r"is not a preset, or is damaged"):
        models.VAE.from_preset(tmp_path)


def test_presets_of_other_libraries(tmp_path):
    config = {"registered_name": "keras_hub>VAEBackbone", "config": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with says("holds a 'keras_hub>VAEBackbone', not a 'keras_latent>VAE'"):
        models.VAE.from_preset(tmp_path)


# 8. Names of data ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "name", "message"),
    [
        (
            "load_pair",
            "mnist",
            r"single data.*`datasets.load_arrays\('mnist'\)`.*mnist_transpose",
        ),
        ("load_pair", "digits", r"load_arrays\('digits'\).*such as one of \['digits_transpose'\]"),
        ("load_pair", "celeb_a", r"`datasets.load_faces\('celeb_a'\)` loads it"),
        ("load_pair", "usps_mnist", r"Did you mean 'mnist_usps'\?"),
        ("load_pair", "MNIST-Transpose", r"Did you mean 'mnist_transpose'\?"),
        ("load_pair", None, r"must be one of.*Received: name=None.$"),
        ("load_arrays", "mnist_usps", r"`datasets.load_pair\('mnist_usps'\)` loads it"),
        ("load_arrays", "MNIST", r"Did you mean 'mnist'\?"),
        ("load_arrays", "celeb_a", r"`datasets.load_faces\('celeb_a'\)` loads it"),
        ("load_faces", "celeba", r"Did you mean 'celeb_a'\?"),
        ("load_faces", "mnist", r"`datasets.load_arrays\('mnist'\)` loads it"),
    ],
)
def test_names_of_data(load, name, message):
    with says(message):
        getattr(datasets, load)(name)


# 9. What is not installed, or not there --------------------------------------------------


@pytest.mark.parametrize(
    ("package", "extra", "call"),
    [
        ("sklearn", "data", lambda: datasets.load_arrays("digits")),
        ("tensorflow_datasets", "data", lambda: datasets.load_arrays("mnist", "nowhere")),
        ("tensorflow_datasets", "data", lambda: datasets.load_faces("celeb_a", "nowhere")),
    ],
)
def test_packages_that_are_missing(monkeypatch, package, extra, call):
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{package}.*pip install keras-latent\[{extra}\]"):
        call()


def test_data_that_is_not_there(monkeypatch, tmp_path):
    pytest.importorskip("tensorflow_datasets")

    def refuse(tfds, arguments):
        raise ConnectionError("no network")

    monkeypatch.setattr(network, "reachable", lambda urls: True)  # nor is it asked for
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    for data_dir, where in (
        (tmp_path, "exists"),
        (tmp_path / "typo", "typo' does not exist"),
        (None, "TFDS_DATA_DIR is not set, so that TFDS looks in"),
    ):
        with pytest.raises(RuntimeError, match=rf"(?s)no network.*point `data_dir`.*{where}"):
            tfds_source.read_through_tfds("mnist", data_dir, refuse)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "gone"))
    with pytest.raises(RuntimeError, match="TFDS_DATA_DIR is '.*gone', which does not exist"):
        tfds_source.read_through_tfds("mnist", None, refuse)


# 10. Files -------------------------------------------------------------------------------


def test_a_file_of_another_backend(tmp_path):
    """PyTorch's optimizers are classes of their own, which other backends cannot use."""
    model = fresh("VAE")
    model.fit(IMAGES, verbose=0)
    config = model.get_compile_config()
    config["optimizer"] |= {
        "module": "keras.src.backend.torch.optimizers.torch_adam",
        "registered_name": "Adam",
    }
    model.get_compile_config = lambda: config
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is type(keras.optimizers.get("adam"))
    assert int(loaded.optimizer.iterations) == 1
    loaded.fit(IMAGES, verbose=0)


class Doubled(layers.Layer):
    def call(self, x):
        return 2.0 * x


def test_a_layer_of_ones_own(tmp_path):
    x = keras.Input((8, 8, 1))
    encoder = keras.Model(x, heads(Doubled()(layers.Flatten()(x)), 4))
    models.VAE(encoder, vae().decoder).save(tmp_path / "model.keras")
    with says(r"has a custom part 'Doubled'.*register_keras_serializable.*custom_objects="):
        keras.saving.load_model(tmp_path / "model.keras")
    own = {"Doubled": Doubled}
    assert keras.saving.load_model(tmp_path / "model.keras", custom_objects=own).latent_dim == 4


def test_a_lambda(tmp_path):
    x = keras.Input((8, 8, 1))
    double = layers.Lambda(lambda t: 2.0 * t, output_shape=(64,))
    encoder = keras.Model(x, heads(double(layers.Flatten()(x)), 4))
    models.VAE(encoder, vae().decoder).save(tmp_path / "model.keras")
    with says("`Lambda` layer.*`safe_mode=False`"):
        keras.saving.load_model(tmp_path / "model.keras")


def test_states_of_another_model(tmp_path):
    resume = callbacks.Resume(tmp_path)
    model = vae(hidden=5)
    model.compile(jit_compile=quick_compile())
    model.fit(IMAGES, callbacks=[resume], verbose=0)
    with (
        pytest.warns(UserWarning, match="damaged, or belongs to another model"),
        says("belong to another model. Delete the folder") as error,
    ):
        resume.restore(fresh("VAE"))
    assert len(str(error.value)) < 1000  # and no weights are printed


# 11. Rows that are none ------------------------------------------------------------------


def test_values_that_are_no_numbers(compiled):
    broken = IMAGES.copy()
    broken[3, 0] = np.nan
    for x, message in (
        (broken, r"NaN or infinity in 1 of 20 rows, the first of them row 3. Repair"),
        (IMAGES.astype(str), r"must hold floats, in one array.*np.stack.*dtype=<U"),
        (IMAGES.astype(object), r"must hold floats, in one array.*dtype=object"),
    ):
        for name in ("VAE", "VBTA", "LSTNet"):
            for use in uses(compiled[name], name, x):
                with says(message):
                    use()
    for name in ("VAE", "VBTA", "LSTNet"):
        with says("must have one row or more"):
            compiled[name].fit(*data(name, IMAGES[:0]), verbose=0)
    for x in (None, "faces.png", 3):
        with says("`x` must be an array of rows.*Read files into one array first"):
            compiled["VAE"].encode(x)
    with says("`x` must be finite"):
        fresh("VAE").fit(forever(broken), steps_per_epoch=1, verbose=0)


def test_generators(compiled):
    def bare():
        yield IMAGES

    for x, message in (
        (bare(), r"must yield tuples, `yield \(inputs,\)`.*ndarray"),
        ((b for b in ()), "a generator that yields none"),
    ):
        with says(message):
            compiled["VAE"].fit(x, steps_per_epoch=1, verbose=0)
    with says("`TVAE` needs labels"):
        fresh("TVAE").fit(forever(IMAGES), steps_per_epoch=1, verbose=0)


def test_batches_too_small_for_triplets(compiled):
    x, y = IMAGES[:4], LABELS[:4]
    with pytest.warns(UserWarning, match="takes three rows.*batches of 1. Raise `batch_size`"):
        compiled["TVAE"].fit(x, y * 0 + [0, 0, 1, 1], batch_size=1, verbose=0)
    with pytest.warns(UserWarning, match="takes two rows.*batches of 1. Raise `batch_size`"):
        few = {key: rows[:2] for key, rows in domains().items()}
        compiled["VBTA"].fit(few, batch_size=1, verbose=0)
    for labels, message in (
        (y * 0 - 1, "0 of 4 rows have a label, of 0 classes"),
        (y * 0, "4 of 4 rows have a label, of 1 classes"),
        (np.arange(4), "4 of 4 rows have a label, of 4 classes"),
    ):
        with pytest.warns(UserWarning, match=message):
            compiled["TVAE"].fit(x, labels, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        compiled["TVAE"].fit(x, np.array([0, 0, 1, -1]), batch_size=4, verbose=0)
        compiled["VBTA"].evaluate({key: rows[:1] for key, rows in domains().items()}, verbose=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.generate(2, seed=-1), r"`seed` must be an integer of 0 or more, or None"),
        (lambda m: m.generate(2, seed="a"), r"`seed` must be.*seed='a'"),
        (lambda m: m.encode(IMAGES, batch_size=0), r"`batch_size` must be a positive integer"),
        (lambda m: m.interpolate(IMAGES[0], IMAGES[1]), r"Is the batch axis missing"),
        (lambda m: m.interpolate(IMAGES[:3], IMAGES[:2]), "same number of rows"),
    ],
)
def test_arguments_of_verbs(compiled, call, message):
    with says(message):
        call(compiled["VAE"])
