"""CycleGAN's losses, its step and its buffer: torch.nn.functional is the oracle."""

import keras
import numpy as np
import pytest
import torch
from keras import layers
from small_networks import DIGIT, SKETCH, batch, cyclegan, digits, lstnet, quick_compile, to_numpy
from torch.nn import functional

from keras_latent import callbacks, metrics, models
from keras_latent.src.cli import cli
from keras_latent.src.models.cyclegan.image_buffer import ImageBuffer

DOMAINS, OTHER = ("source", "target"), {"source": "target", "target": "source"}
DISCOGAN = {"gan": "bce", "cycle_loss": "squared", "cycle_weight": 1.0, "buffer_size": 0}


def signed(rng, rows=(9, 6), shapes=(DIGIT, SKETCH)):
    """Random images in [-1, 1]."""
    return {
        d: keras.ops.convert_to_tensor(rng.uniform(-1, 1, (n, *shape)).astype("float32"))
        for d, n, shape in zip(DOMAINS, rows, shapes, strict=True)
    }


def patches(shape):
    """A discriminator with a score per patch."""
    return keras.Sequential([keras.Input(shape), layers.Conv2D(1, 3, strides=2)])


def same_shapes(**kwargs):
    judges = {f"{d}_discriminator": patches(DIGIT) for d in DOMAINS}
    parts = {name: getattr(cyclegan(target=DIGIT), name) for name in ("source_generator",)}
    parts["target_generator"] = cyclegan(target=DIGIT).target_generator
    return models.CycleGAN(**parts, **judges, **kwargs)


def oracle(model, x):
    """The terms in float64, by torch.nn.functional, without a buffer."""

    def made(images, to):
        images = images.astype("float32")
        return to_numpy(getattr(model, f"{to}_generator")(images)).astype("float64")

    x = to_numpy(x)
    terms, loss, played = {}, 0.0, 0.0
    for d in DOMAINS:
        fake = made(x[OTHER[d]], d)
        cycled = made(made(x[d], OTHER[d]), d)
        judge = getattr(model, f"{d}_discriminator")
        true, false = (
            torch.tensor(to_numpy(judge(images.astype("float32")))).double()
            for images in (x[d], fake)
        )

        def lost(scores, label):
            labels = torch.full_like(scores, label)
            if model.gan == "lsgan":
                return functional.mse_loss(scores, labels).item()
            return functional.binary_cross_entropy_with_logits(scores, labels).item()

        middle = 0.5 if model.gan == "lsgan" else 0.0
        right = (true > middle).double().mean() + (false < middle).double().mean()
        terms[f"{d}_discriminator_accuracy"] = right.item() / 2
        played += (lost(true, 1.0) + lost(false, 0.0)) / 2
        terms[f"{d}_adversarial_loss"] = lost(false, 1.0)
        difference = cycled - x[d]
        squared = model.cycle_loss == "squared"
        terms[f"{d}_cycle_loss"] = (difference**2 if squared else np.abs(difference)).mean()
        loss += terms[f"{d}_adversarial_loss"] + model.cycle_weight * terms[f"{d}_cycle_loss"]
        if model.identity_weight:
            terms[f"{d}_identity_loss"] = np.abs(made(x[d], d) - x[d]).mean()
            loss += model.identity_weight * terms[f"{d}_identity_loss"]
        terms[f"{d}_spread"] = fake.var(0).mean() / x[d].astype("float64").var(0).mean()
    return terms | {"discriminator_loss": played, "loss": loss}


OPTIONS = [
    (cyclegan, {"buffer_size": 0}),
    (cyclegan, DISCOGAN),
    (same_shapes, {"buffer_size": 0, "identity_weight": 5.0, "cycle_weight": 3.0}),
    (same_shapes, {"buffer_size": 0, "identity_weight": 2.0, "gan": "bce"}),
]


@pytest.mark.parametrize(("make", "options"), OPTIONS)
def test_terms(make, options, rng):
    model = make(**options)
    x = signed(rng, shapes=(DIGIT, model.event_shapes["target"]))
    made = model.translations(x)
    loss, found = to_numpy(model.discriminators_loss(x, made))
    np.testing.assert_allclose(loss, found["discriminator_loss"])
    loss, terms = to_numpy(model.generators_loss(x, made))
    found |= terms | {"loss": loss}
    expected = oracle(model, x)
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(("make", "options"), OPTIONS[:3])
def test_steps_log_the_terms(make, options):
    """With learning rate 0 and no buffer, a step's logs are the objective's terms."""
    model, x = make(**options), batch(12)
    x["target"] = x["target"] if model.event_shapes["target"] == SKETCH else x["source"][::-1]
    still = {of: keras.optimizers.SGD(0.0) for of in ("discriminators", "generators")}
    model.compile(still, jit_compile=quick_compile())
    expected = oracle(model, {d: keras.ops.convert_to_tensor(2 * x[d] - 1) for d in DOMAINS})
    for step in (model.train_on_batch, model.test_on_batch):
        logs = step(x, return_dict=True)
        assert set(logs) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)
        model.reset_metrics()


def test_each_player_moves_its_own_networks():
    for still, rates in (("generator", (0.01, 0.0)), ("discriminator", (0.0, 0.01))):
        model, x = cyclegan(), batch(12)
        players = zip(("discriminators", "generators"), rates, strict=True)
        model.compile({p: keras.optimizers.SGD(r) for p, r in players}, jit_compile=False)
        before = {v.path: np.array(to_numpy(v)) for v in model.trainable_variables}
        model.train_on_batch(x)
        for v in model.trainable_variables:
            moved = np.abs(to_numpy(v) - before[v.path]).max() > 0
            assert moved == (still not in v.path), v.path


def test_discogan_is_a_preset():
    model = models.CycleGAN.from_preset("discogan_mnist_usps_small", load_weights=False)
    assert {name: getattr(model, name) for name in DISCOGAN} == DISCOGAN
    assert not model.identity_weight
    other = models.CycleGAN.from_preset("cyclegan_mnist_usps_small", load_weights=False)
    for name in ("source_generator", "target_generator", "target_discriminator"):
        counts = [getattr(m, name).count_params() for m in (model, other)]
        assert counts[0] == counts[1]


def test_a_translation_has_the_layers_of_lstnet():
    """And no layer serves both directions."""
    made = models.CycleGAN.from_preset("cyclegan_mnist_usps_small", load_weights=False)
    lstnet = models.LSTNet.from_preset("lstnet_mnist_usps_small", load_weights=False)
    for d, to in OTHER.items():
        names = (f"{d}_encoder", "shared_encoder", "shared_generator", f"{to}_generator")
        parts = [layer for name in names for layer in getattr(lstnet, name).layers]
        found = getattr(made, f"{to}_generator").layers
        assert [type(layer) for layer in found] == [type(layer) for layer in parts]
        for one, other in zip(found, parts, strict=True):
            assert [w.shape for w in one.weights] == [w.shape for w in other.weights]
        judges = [getattr(m, f"{d}_discriminator").count_params() for m in (made, lstnet)]
        assert judges[0] == judges[1]
    variables = made.source_generator.weights + made.target_generator.weights
    assert len({id(v) for v in variables}) == len(variables)


# The buffer ------------------------------------------------------------------------------


def numbered(first, rows):
    """Images that hold their number."""
    images = np.arange(first, first + rows, dtype="float32")[:, None, None]
    return keras.ops.convert_to_tensor(np.broadcast_to(images, (rows, 2, 3)).copy())


def numbers(images):
    images = to_numpy(images)
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0].astype(int)


def buffer_of(size, seed=0):
    return ImageBuffer(size, (2, 3), keras.random.SeedGenerator(seed))


@pytest.mark.each_backend
@pytest.mark.parametrize(("size", "rows"), [(10, 4), (10, 25), (50, 64), (1, 3)])
def test_half_of_what_a_full_buffer_returns_is_old(size, rows):
    buffer, first, old = buffer_of(size), 1, []
    assert numbers(buffer.images).tolist() == [0] * size
    while first <= size:
        images = numbered(first, rows)
        full = first > size
        np.testing.assert_array_equal(numbers(buffer(images)), numbers(images))
        first += rows
        assert not full
    assert numbers(buffer.images).tolist() == list(range(1, size + 1))
    for _ in range(1 + 800 // rows):
        before, new = numbers(buffer.images), np.arange(first, first + rows)
        seen = numbers(buffer(numbered(first, rows)))
        after = numbers(buffer.images)
        past = seen != new
        assert np.isin(seen[past], before).all()
        # A slot holds what it did, or a new image whose row saw what was there before.
        changed = after != before
        assert set(seen[past]) == set(before[changed])
        rows_of_changed = after[changed] - first
        assert (seen[rows_of_changed] == before[changed]).all()
        old.append(past)
        first += rows
    share = np.concatenate(old).mean()
    assert 0.43 < share < 0.57
    assert float(buffer.filled) == size


def test_slots_are_drawn_evenly():
    buffer = buffer_of(5, seed=3)
    buffer(numbered(1, 5))
    counts = np.zeros(5)
    for i in range(300):
        before = numbers(buffer.images)
        buffer(numbered(10 + 4 * i, 4))
        counts += numbers(buffer.images) != before
    assert counts.min() > 0.8 * counts.mean()


def test_a_buffer_that_is_half_full():
    buffer = buffer_of(5)
    np.testing.assert_array_equal(numbers(buffer(numbered(1, 3))), [1, 2, 3])
    np.testing.assert_array_equal(numbers(buffer(numbered(4, 4))), [4, 5, 6, 7])
    assert numbers(buffer.images).tolist() == [1, 2, 3, 4, 5]


def test_discriminators_see_past_translations_in_training_alone(rng):
    """Generators are trained on their new translations only."""
    model, seen = cyclegan(buffer_size=6), {}

    def record(domain, images, training):
        seen[domain] = to_numpy(images)
        return keras.ops.zeros((images.shape[0], 1))

    model._scores = record
    past = {d: [] for d in DOMAINS}
    share = []
    for step in range(40):
        x, made = signed(rng, (4, 4)), {"translated": signed(rng, (4, 4))}
        made["cycled"] = x
        for training in (False, True):
            model.discriminators_loss(x, made, training=training)
            for d in DOMAINS:
                new = to_numpy(made["translated"][d])
                real, fake = seen[d][:4], seen[d][4:]
                np.testing.assert_array_equal(real, to_numpy(x[d]))
                is_new = np.array([(row == n).all() for row, n in zip(fake, new, strict=True)])
                assert training or is_new.all()
                for row in fake[~is_new]:
                    assert any((row == old).all() for old in past[d])
                share += [~is_new] if training and step > 1 else []
        past = {d: [*past[d], *to_numpy(made["translated"][d])] for d in DOMAINS}
        model.generators_loss(x, made, training=True)
        for d in DOMAINS:
            np.testing.assert_array_equal(seen[d], to_numpy(made["translated"][d]))
    assert 0.4 < np.mean(share) < 0.6


def test_buffers_fill_in_steps_and_go_into_files(tmp_path):
    model, x = cyclegan(buffer_size=20), batch(12)
    model.compile(jit_compile=quick_compile())
    for filled in (12, 20, 20):
        model.train_on_batch(x)
        assert float(model.source_buffer.filled) == float(model.target_buffer.filled) == filled
    model.test_on_batch(x)
    images = to_numpy(model.target_buffer.images)
    assert images.shape == (20, *SKETCH) and len(np.unique(images, axis=0)) == 20
    assert -1.0 <= images.min() < 0.0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(loaded.target_buffer.images), images)
    assert not [w for w in cyclegan(buffer_size=0).weights if "buffer" in w.path]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="of PyTorch")
def test_processes_keep_their_own_images(monkeypatch):
    """A mean of the images of two buffers would be neither's."""
    from keras_latent.src.backend import torch_processes

    averaged = []
    monkeypatch.setattr(torch_processes, "_weighted_means", lambda t: averaged.extend(t) or t)
    torch_processes._average_statistics(cyclegan())
    assert averaged == []
    torch_processes._average_statistics(lstnet())
    assert averaged


# Learning, and what uses two domains -----------------------------------------------------


@pytest.mark.each_backend
def test_learning():
    """Unpaired digits and transposes: cycles close, and translations stay as varied as digits."""
    keras.utils.set_random_seed(3)
    model = models.CycleGAN.from_preset("cyclegan_digits", load_weights=False, seed=3)
    players = ("discriminators", "generators")
    adam = {player: keras.optimizers.Adam(4e-3, beta_1=0.5) for player in players}
    model.compile(adam, jit_compile=quick_compile())
    x, y = digits(1000)
    data = {"source": x[:500], "target": y[500:]}
    logs = model.fit(data, batch_size=100, epochs=10, verbose=0).history
    for d in DOMAINS:
        assert logs[f"{d}_cycle_loss"][-1] < 0.55 * logs[f"{d}_cycle_loss"][0]
        assert 0.25 < logs[f"{d}_spread"][-1] < 1.5
        assert logs[f"{d}_discriminator_accuracy"][-1] < 0.9
    # Translations look more like the other domain than what is translated does.
    made, mean = model.translate(x[500:]), y[:500].mean(0)
    assert np.square(made.mean(0) - mean).mean() < 0.4 * np.square(x.mean(0) - mean).mean()


def test_pictures_classifiers_and_the_command(tmp_path):
    pytest.importorskip("matplotlib")
    model = models.CycleGAN.from_preset("cyclegan_digits", load_weights=False, seed=1)
    model.compile()
    x, y = digits(40)
    grid = callbacks.TranslationGrid(x[:3], y[:3], tmp_path / "grids")
    model.fit({"source": x, "target": y}, batch_size=20, callbacks=[grid], verbose=0)
    assert [title for title, _ in grid.rows()][:3] == ["source", "as target", "and back"]
    assert (tmp_path / "grids" / "epoch_0001.png").stat().st_size > 1000
    np.testing.assert_allclose(
        model.cycle(x), model.translate(model.translate(x), to="source"), atol=1e-5
    )

    h = keras.Sequential([keras.Input(DIGIT), layers.Flatten(), layers.Dense(10)])
    f = model.to_classifier(h, domain="source")
    translated = model.translate(x)
    np.testing.assert_allclose(f.predict(x, verbose=0), to_numpy(h(translated)), atol=1e-5)
    accuracy = metrics.TransferAccuracy(h)
    accuracy.update_state(to_numpy(f(x)).argmax(-1), translated)
    assert float(accuracy.result()) == 1.0

    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "in.npz", x=x)
    words = [str(tmp_path / name) for name in ("model.keras", "in.npz", "out.npz")]
    assert cli.main(["translate", *words, "--to", "target"]) == 0
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["x"], translated, atol=1e-5)


# Errors ----------------------------------------------------------------------------------


def parts(**changes):
    model = cyclegan()
    names = [f"{d}_{kind}" for d in DOMAINS for kind in ("generator", "discriminator")]
    return {name: getattr(model, name) for name in names} | changes


def any_size(out=1):
    return keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(out, 1)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source_generator": None}, r"`source_generator` must be a Keras model.*None"),
        (
            {"target_generator": any_size()},
            r"`source_generator` must return one tensor of shape \('batch', None, None, 1\)|"
            r"`target_generator` must return one tensor of shape \('batch', 6, 4, 3\)",
        ),
        ({"source_discriminator": patches(SKETCH)}, r"`source_discriminator` must take what `sou"),
        (
            {"source_discriminator": cyclegan().target_generator},
            r"`source_discriminator` must return one score per image.*per patch.*6, 4, 3\)",
        ),
        ({"identity_weight": 1.0}, r"`identity_weight` must be 0 if images of the two.*shapes {"),
        ({"gan": "lsgn"}, r"`gan` must be one of .*Did you mean 'lsgan'\?"),
        ({"cycle_loss": "l1"}, r"`cycle_loss` must be one of \['absolute', 'squared'\]"),
        ({"buffer_size": -1}, r"`buffer_size` must be an integer of 0 or more"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        models.CycleGAN(**parts(**changes))


def test_networks_of_any_size_have_no_buffer():
    networks = {
        f"{d}_{kind}": any_size() for d in DOMAINS for kind in ("generator", "discriminator")
    }
    with pytest.raises(ValueError, match=r"`buffer_size` must be 0 for networks of images of any"):
        models.CycleGAN(**networks)
    model = models.CycleGAN(**networks, buffer_size=0)
    assert model.translate(np.zeros((2, 5, 7, 1), "float32")).shape == (2, 5, 7, 1)
