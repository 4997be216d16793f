"""BridgingVAE: its objective against oracles, what may be left out, data, errors, files."""

import keras
import numpy as np
import pytest
import torch
from keras import ops
from scipy.stats import wasserstein_distance

from keras_latent import datasets, models
from keras_latent.src.models.bridging.networks import bridging_mlp


def small(latent_dim=3, shared_dim=2, num_domains=2, **arguments):
    networks = bridging_mlp(latent_dim, num_domains, shared_dim, hidden=16, depth=1)
    return models.BridgingVAE(**networks | {"num_classes": 4, "seed": 0} | arguments)


def still(model):
    """The model with next to no noise in its draws, so that an oracle can follow it."""
    layer = model.encoder.get_layer("std")
    for variable in layer.trainable_variables:
        variable.assign(np.zeros(variable.shape))
    layer.skip_bias.assign(np.full(layer.skip_bias.shape, -24.0))
    return model


def rows(n=12, dim=3, domains=("source", "target"), seed=0):
    rng = np.random.default_rng(seed)
    z = {d: rng.normal(size=(n, dim)).astype("float32") for d in domains}
    return z, {d: rng.integers(0, 4, n) for d in domains}


def terms_of(model, z, y=None):
    loss, terms = model.bridging_loss(
        {k: ops.convert_to_tensor(v) for k, v in z.items()},
        {k: ops.cast(ops.convert_to_tensor(v), "int32") for k, v in (y or {}).items()},
    )
    number = lambda value: float(ops.convert_to_numpy(value))  # noqa: E731
    return number(loss), {name: number(value) for name, value in terms.items()}


@pytest.mark.parametrize("order", [1, 2])
def test_objective_against_oracles(order):
    model = still(small(shared_dim=1, swd_order=order, beta_kl=0.3, beta_swd=0.7, beta_cls=0.2))
    z, y = rows()
    y["source"][:5] = -1
    loss, terms = terms_of(model, z, y)

    wanted = dict.fromkeys(("reconstruction_loss", "kl_loss", "classification_loss"), 0.0)
    shared, right, known = {}, 0, 0
    for d in model.domains:
        q = model.posterior(ops.convert_to_tensor(z[d]), d)
        mean, log_var = (ops.convert_to_numpy(t) for t in q)
        shared[d] = mean
        back = ops.convert_to_numpy(model.likelihood_parameters(ops.convert_to_tensor(mean), d))
        wanted["reconstruction_loss"] += np.mean((z[d] - back) ** 2)
        q = torch.distributions.Normal(torch.tensor(mean), torch.tensor(np.exp(log_var / 2)))
        kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0))
        wanted["kl_loss"] += float(kl.sum(1).mean())
        logits = torch.tensor(ops.convert_to_numpy(model.classifier(ops.convert_to_tensor(mean))))
        has = y[d] >= 0
        labels = torch.tensor(y[d][has])
        wanted["classification_loss"] += float(
            torch.nn.functional.cross_entropy(logits[torch.tensor(has)], labels)
        )
        right += int((logits.argmax(1).numpy()[has] == y[d][has]).sum())
        known += int(has.sum())
    a, b = (np.sort(shared[d][:, 0]) for d in model.domains)
    # In one dimension every direction is 1 or -1, and both see the same distance.
    wanted["swd_loss"] = wasserstein_distance(a, b) if order == 1 else np.mean((a - b) ** 2)
    wanted["accuracy"] = right / known
    for name, value in wanted.items():
        assert terms[name] == pytest.approx(value, rel=2e-3, abs=1e-3), name
    total = (
        wanted["reconstruction_loss"]
        + 0.3 * wanted["kl_loss"]
        + 0.7 * wanted["swd_loss"]
        + 0.2 * wanted["classification_loss"]
    )
    assert loss == pytest.approx(total, rel=2e-3)


def test_extra_labelled_rows_count_for_the_classifier_alone():
    model = still(small())
    z, y = rows()
    more, more_y = rows(n=4, seed=1)
    _, alone = terms_of(model, z)
    labelled = {"source_labelled": more["source"], "target_labelled": more["target"]}
    _, both = terms_of(
        model,
        z | labelled,
        {"source_labelled": more_y["source"], "target_labelled": more_y["target"]},
    )
    for name in ("reconstruction_loss", "kl_loss"):
        assert both[name] == pytest.approx(alone[name], rel=1e-3)
    _, on_more = terms_of(model, more, more_y)
    assert both["classification_loss"] == pytest.approx(on_more["classification_loss"], rel=1e-3)


def test_terms_that_are_left_out_are_not_logged():
    z, y = rows(n=32)
    model = small(beta_swd=0.0, beta_cls=0.0)
    model.compile()
    history = model.fit(z, y, batch_size=16, verbose=0).history
    assert set(history) == {"loss", "reconstruction_loss", "kl_loss"}


def test_unconditional_model_does_not_see_the_domain():
    z, _ = rows()
    one, other = (small(conditional=c).encode(z["source"], "target") for c in (False, True))
    model = small(conditional=False)
    same = model.encode(z["source"], "source"), model.encode(z["source"], "target")
    np.testing.assert_array_equal(*same)
    assert one.shape == other.shape
    model = small()
    assert not np.allclose(model.encode(z["source"], "source"), model.encode(z["source"], "target"))


def test_labels_move_the_classifier_and_missing_ones_do_not():
    z, y = rows(n=32)
    for labels, moves in ((y, True), ({d: np.full(32, -1) for d in y}, False), (None, False)):
        model = small()
        model.compile(jit_compile=False)
        before = model.classifier.get_weights()[0]
        model.fit(z, labels, batch_size=16, verbose=0)
        assert np.allclose(before, model.classifier.get_weights()[0]) is not moves


def test_three_domains_of_different_sizes():
    domains = ("a", "b", "c")
    model = small(5, num_domains=3, domains=domains, latent_dims=(5, 2, 3))
    rng = np.random.default_rng(0)
    sizes = {"a": 5, "b": 2, "c": 3}
    z = {d: rng.normal(size=(24, n)).astype("float32") for d, n in sizes.items()}
    model.compile()
    first, *_, last = model.fit(
        z, {"b": np.zeros(24, int)}, batch_size=8, epochs=8, verbose=0
    ).history["loss"]
    assert last < first
    assert model.transfer(z["a"], "a", "b").shape == (24, 2)
    assert {d: x.shape for d, x in model.generate(3, seed=0).items()} == {
        d: (3, n) for d, n in sizes.items()
    }


def test_parameters_are_drawn_afresh_and_their_mean_is_what_is_reconstructed():
    z, _ = rows(n=64)
    parameters = {d: np.stack([v, np.zeros_like(v)], 1) for d, v in z.items()}
    for denoise in (False, True):
        model = still(small(denoise=denoise, beta_swd=0.0))
        values = [terms_of(model, parameters)[1]["reconstruction_loss"] for _ in range(2)]
        assert values[0] != values[1]
        kernel = model.decoder.get_layer("output")
        for variable in kernel.trainable_variables:  # a decoder that answers 0
            variable.assign(np.zeros(variable.shape))
        got = np.mean([terms_of(model, parameters)[1]["reconstruction_loss"] for _ in range(20)])
        energy = sum(np.mean(v**2) for v in z.values())
        # E (mean + noise)^2 = mean^2 + 1, for each of the two domains.
        assert got == pytest.approx(energy if denoise else energy + 2.0, rel=0.1)


def test_bridges_the_components_of_digits():
    (images, labels), _ = datasets.load_arrays("digits")
    flat = images.reshape(len(images), -1) / 255.0
    flat = flat - flat.mean(0)
    axes = np.linalg.svd(flat, full_matrices=False)[2][:10]
    z = (flat @ axes.T).astype("float32")
    z /= z.std()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0].astype("float32")
    latents = {"source": z, "target": z @ turn}
    model = models.BridgingVAE(
        **bridging_mlp(10, 2, 6, hidden=64, depth=2), beta_cls=1.0, num_projections=16, seed=0
    )
    model.compile(keras.optimizers.Adam(5e-3))
    y = dict.fromkeys(latents, labels)
    batches = datasets.LatentBatches(latents, y, batch_size=64, steps=50)
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    moved = model.transfer(latents["source"], "source", "target")
    seen = model.classify(moved, "target").argmax(1)
    assert np.mean(seen == labels) > 0.5  # chance: 0.1


def test_draws_of_the_shared_space_repeat_by_seed():
    z, _ = rows()
    model = small()
    draws = [
        model.transfer(z["source"], "source", "target", sample=True, seed=s) for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.allclose(draws[0], draws[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domains": ("one",)}, "two or more different names"),
        ({"domains": ("a", "a")}, "two or more different names"),
        ({"domains": "source"}, "two or more different names"),
        ({"domains": ("a", "b_labelled")}, "none of which ends in '_labelled'"),
        ({"domains": ("a", "b", "c")}, r"`encoder` must take two.*each of `domains`: \(batch, 3\)"),
        ({"latent_dims": (3,)}, "one size per domain"),
        ({"latent_dims": (2, 2)}, "must be the size that `encoder` takes, 3"),
        ({"latent_dims": (3.5, 3)}, "`latent_dims` must be a positive integer"),
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"beta_swd": -1.0}, "`beta_swd` must be a non-negative"),
        ({"swd_order": 3}, r"must be one of \[1, 2\]"),
        ({"encoder": keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])}, "two tensors"),
    ],
)
def test_arguments_that_cannot_be_meant(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda z, y: (z["source"], None),
            r"batches `.'source': latents, 'target'",
        ),
        (
            lambda z, y: ({"source": z["source"]}, None),
            r"batches `.'source': latents, 'target'",
        ),
        (lambda z, y: (z | {"target": z["target"][:, :2]}, y), r"`target` must have shape"),
        (lambda z, y: (z | {"target": z["target"] * np.nan}, y), "must be finite"),
        (lambda z, y: (z, y["source"]), "`y` must be a dict"),
        (lambda z, y: (z, {"other": y["source"]}), "`y` must be a dict"),
        (
            lambda z, y: (z, y | {"source": np.eye(4)[y["source"]]}),
            "one-hot rows, pass `.argmax",
        ),
        (lambda z, y: (z, y | {"source": y["source"] + 3}), "must be from 0 to 3, or -1"),
        (lambda z, y: (z | {"source_labelled": z["source"]}, None), "Labels are missing"),
    ],
)
def test_data_that_cannot_be_trained_on(change, message):
    model = small()
    model.compile()
    z, y = rows()
    y["source"][0] = 3
    with pytest.raises(ValueError, match=message):
        model.fit(*change(z, y), verbose=0)


def test_verbs_say_what_they_were_given():
    z, _ = rows()
    model = small(num_classes=None)
    with pytest.raises(ValueError, match="`domain` must be one of"):
        model.encode(z["source"], "elsewhere")
    with pytest.raises(ValueError, match="`to` must be one of"):
        model.transfer(z["source"], "source", "elsewhere")
    with pytest.raises(ValueError, match="needs a model with `num_classes`"):
        model.classify(z["source"], "source")
