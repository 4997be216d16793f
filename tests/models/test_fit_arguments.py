"""What `fit`, `evaluate`, `predict` and calls take beside good data: clear errors, and loaders."""

import keras
import numpy as np
import pytest
from small_networks import (
    attributed_digits,
    batch,
    cvae,
    dual_vae,
    labelled_digits,
    lstnet_mlp,
    tvae,
    vae,
    vbta,
)

IMAGES, LABELS = labelled_digits(20)
WEIGHTS = np.ones(20, "float32")
ATTRIBUTES = attributed_digits(20)[1]


@pytest.fixture(scope="module")
def model():
    model = vae()
    model.compile()
    return model


COUNT = ("32", -1, 2.5, {}, True, 2**70, [1])
WRONG = {
    "batch_size": (*COUNT, 0),
    "epochs": (*COUNT, None),
    "initial_epoch": (*COUNT, None),
    "steps_per_epoch": (*COUNT, 0),
    "validation_steps": (*COUNT, 0),
    "validation_batch_size": (*COUNT, 0),
    "validation_split": (1.5, "a", -0.1, True, float("nan")),
    "validation_freq": (0, "a", [0], None),
    "validation_data": ("abc", 5, (IMAGES,) * 4, IMAGES[:, :5], (None,)),
    "callbacks": ("abc", 5, [keras.callbacks.EarlyStopping], [print]),
    "verbose": (3, "loud", None, []),
    "shuffle": ("yes", 2, None, []),
    "sample_weight": (WEIGHTS, 1.0),
    "class_weight": ({0: 1.0},),
}


@pytest.mark.parametrize("name", WRONG)
def test_arguments_of_fit(model, name):
    for value in WRONG[name]:
        with pytest.raises(ValueError, match=f"`{name}`.*Received: "):
            model.fit(IMAGES, LABELS, **{name: value})


@pytest.mark.parametrize("name", ["batch_size", "verbose", "callbacks", "steps", "sample_weight"])
def test_arguments_of_evaluate_and_predict(model, name):
    wrong = WRONG.get(name, WRONG["steps_per_epoch"])
    for verb in (model.evaluate, model.predict):
        for value in wrong:
            error = TypeError if (verb, name) == (model.predict, "sample_weight") else ValueError
            with pytest.raises(error, match=name):
                verb(IMAGES, **{name: value})


def test_arguments_that_are_right(model):
    history = model.fit(
        IMAGES,
        batch_size=np.int64(7),
        epochs=np.int32(3),
        verbose=False,
        shuffle="batch",
        initial_epoch=1,
        validation_data=(IMAGES,),
        validation_freq=(2, 3),
        callbacks=keras.callbacks.History(),
    ).history
    assert len(history["loss"]) == 2 and len(history["val_loss"]) == 2
    assert model.fit(IMAGES, epochs=0, verbose=0).history == {}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("steps_per_execution", (0, "x", 1.5, None, 2**70)),
        ("run_eagerly", ("x", 1, None)),
        ("jit_compile", ("x", 2)),
        ("auto_scale_loss", ("x",)),
    ],
)
def test_arguments_of_compile(name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
            vae().compile(**{name: value})


class Triples(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return IMAGES, LABELS, WEIGHTS


def triples():
    while True:
        yield IMAGES, LABELS, WEIGHTS


@pytest.mark.each_backend
def test_weights_of_rows_are_refused_everywhere(eagerly):
    tf = pytest.importorskip("tensorflow")
    model = tvae()
    model.compile()
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS, WEIGHTS)).batch(10)
    for call in (
        lambda: model.fit(IMAGES, LABELS, sample_weight=WEIGHTS),
        lambda: model.fit(IMAGES, LABELS, class_weight={0: 2.0}),
        lambda: model.fit(Triples()),
        lambda: model.fit(triples(), steps_per_epoch=1),
        lambda: model.fit(dataset),
        lambda: model.fit(IMAGES, LABELS, validation_data=(IMAGES, LABELS, WEIGHTS)),
        lambda: model.fit(IMAGES, LABELS, validation_data=dataset),
        lambda: model.evaluate(IMAGES, LABELS, sample_weight=WEIGHTS),
        lambda: model.evaluate(Triples()),
        lambda: model.evaluate(dataset),
        lambda: model.train_on_batch(IMAGES, LABELS, WEIGHTS),
        lambda: model.train_on_batch(IMAGES, LABELS, class_weight={0: 2.0}),
        lambda: model.test_on_batch(IMAGES, LABELS, WEIGHTS),
    ):
        with pytest.raises(ValueError, match="TVAE takes no `(sample|class)_weight`: .*Received"):
            call()


DOMAINS = batch(20, other=lambda x: x)
LOADED = {
    "tensor": (vae, lambda i: IMAGES[i]),
    "array of NumPy": (vae, lambda i: IMAGES[i]),
    "list of images": (vae, lambda i: [IMAGES[i]]),
    "images and labels": (tvae, lambda i: (IMAGES[i], LABELS[i])),
    "images and attributes": (dual_vae, lambda i: [IMAGES[i], ATTRIBUTES[i]]),
    "dict": (lambda: vbta(target=(8, 8, 1)), lambda i: {k: v[i] for k, v in DOMAINS.items()}),
    "dict and labels": (
        lambda: vbta(target=(8, 8, 1)),
        lambda i: ({k: v[i] for k, v in DOMAINS.items()}, LABELS[i]),
    ),
}


@pytest.mark.each_backend
@pytest.mark.parametrize("kind", LOADED)
def test_loaders_of_pytorch(kind, eagerly):
    data = pytest.importorskip("torch.utils.data")
    make, row = LOADED[kind]

    class Rows(data.Dataset):
        def __len__(self):
            return 20

        def __getitem__(self, index):
            return row(index)

    collate = {"collate_fn": np.stack} if kind == "array of NumPy" else {}
    loader = data.DataLoader(Rows(), batch_size=8, **collate)
    model = make()
    model.compile(run_eagerly=True)
    history = model.fit(loader, validation_data=loader, verbose=0, shuffle=False).history
    assert np.isfinite([*history["loss"], *history["val_loss"]]).all()
    logs = model.evaluate(loader, verbose=0)
    assert np.isfinite(logs).all()
    made = keras.tree.flatten(model.predict(loader, verbose=0))
    assert {len(part) for part in made} == {20}


@pytest.mark.parametrize(
    ("make", "x", "message"),
    [
        (vbta, IMAGES, r"takes batches.*`translate`, `reconstruct`.* of shape \(20, 8, 8, 1\)"),
        (lstnet_mlp, IMAGES, "takes batches.*for images of one domain, call `translate`"),
        (
            lstnet_mlp,
            {"source": IMAGES, "x": IMAGES},
            r"takes batches.*Received: \['source', 'x'\]",
        ),
        (vae, {"x": IMAGES}, "takes one tensor per batch"),
        (vae, [IMAGES], "takes one tensor per batch"),
        (vae, "images", "`x` must be"),
        (vae, None, "`x` must be"),
        (vae, IMAGES[..., 0], r"`x` must have shape \('batch', 8, 8, 1\)"),
        (vae, (IMAGES * 255).astype("uint8"), "`x` must hold floats"),
        (vae, IMAGES * 1j, "`x` must hold floats"),
        (cvae, IMAGES, r"`predict` takes `\[images, attributes\]`"),
        (cvae, [IMAGES, IMAGES], r"`attributes` must have shape \('batch', 3\)"),
    ],
)
def test_calls_with_something_else(make, x, message):
    model = make()
    for call in (model, model.predict, model.predict_on_batch):
        with pytest.raises(ValueError, match=message):
            call(x)


def test_batches_are_checked():
    model = tvae()
    model.compile()
    for call in (model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match="`x` must hold floats"):
            call((IMAGES * 255).astype("uint8"), LABELS)
        with pytest.raises(ValueError, match="needs labels"):
            call(IMAGES)
    for x in ("abc", 5, {1, 2}, print):
        with pytest.raises(ValueError, match="`x` must be the data.*Received"):
            model.fit(x)
