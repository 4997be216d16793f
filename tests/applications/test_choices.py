"""What applications choose by, where they resume, and the file of a cached base model."""

import types

import numpy as np
import pytest

from keras_latent import models
from keras_latent.src.applications.bridging import base_models
from keras_latent.src.applications.digits import mnist_usps
from keras_latent.src.applications.faces import celeba_attributes, measures
from keras_latent.src.applications.running import training
from keras_latent.src.applications.running.run_directory import RunDirectory
from keras_latent.src.cli import cli
from keras_latent.src.cli.options import mnist_usps as options


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path / "run", {})


class FixedScores:
    """Scores that are best for a strength of 10 times the mean of the faces."""

    kinds = {"set": types.SimpleNamespace(unit="steps")}

    def __init__(self, *_):
        self.seen = []
        type(self).made = self

    def sweep(self, x, y):
        return {"set": [{"strength": s, "cis": -abs(s - 10 * x.mean())} for s in (1.0, 3.0, 9.0)]}

    def measure(self, kind, strength, x, y):
        self.seen.append((kind, strength, float(x.mean())))
        values = {"cis": 0.5}
        return types.SimpleNamespace(
            result=lambda: values,
            result_of_draws=lambda **_: {"cis": {"mean": 0.5, "std": 0.1}},
            per_domain=lambda: {"a": values},
        )


def test_strengths_of_attributes_are_chosen_on_validation_faces(directory, monkeypatch):
    monkeypatch.setattr(celeba_attributes, "Scores", FixedScores)
    monkeypatch.setattr(celeba_attributes, "draw_sweep", lambda *_: None)
    monkeypatch.setattr(celeba_attributes, "reconstruction_error", lambda *_: 0.0)
    levels = {"train": 0.1, "validation": 0.3, "test": 0.9}
    faces = types.SimpleNamespace(
        images={s: np.full((4, 2, 2, 1), v, "float32") for s, v in levels.items()},
        attributes={s: np.zeros((4, 2), "int32") for s in levels},
    )
    arguments = types.SimpleNamespace(seed=0, sweep_images=3)
    figures = celeba_attributes.score(arguments, None, None, [0, 1], faces, directory)
    assert figures["transfers"]["set"]["best_on_validation"]["strength"] == 3.0
    assert FixedScores.made.seen == [("set", 3.0, pytest.approx(0.9))]  # and measured on test faces
    assert figures["images"]["validation"] == 3 and figures["images"]["test"] == 4


class FixedChoice:
    """A choice of another epoch by each criterion."""

    epochs = {"source_information": 1, "target_information": 2}

    def weights(self, criterion):
        return self.epochs[criterion]

    def chosen(self, criterion):
        return self.epochs[criterion]

    def measurements(self):
        return []


class Loaded:
    """A model whose images show the epoch that its weights are from."""

    def load_weights(self, epoch):
        self.epoch = epoch

    def save(self, path):
        path.write_text(str(self.epoch))

    def images(self, x, *_, **__):
        return np.full_like(x, self.epoch)

    translate = reconstruct = cycle = images


def test_each_direction_of_mnist_usps_takes_the_epoch_of_the_domain_it_makes(
    directory, monkeypatch
):
    monkeypatch.setattr(mnist_usps, "accuracy", lambda f, y, x: (f, float(x.max())))
    monkeypatch.setattr(mnist_usps.visualization, "translation_grid", lambda *_: None)
    monkeypatch.setattr(mnist_usps, "rank_correlations", lambda _: {})
    monkeypatch.setattr(mnist_usps, "load_weights", Loaded.load_weights)
    images, labels = np.zeros((2, 2, 2, 1), "float32"), np.arange(2)
    pair = types.SimpleNamespace(
        source_test=images, target_test=images, source_test_labels=labels, target_test_labels=labels
    )
    classifiers = {"source": "of source", "target": "of target"}
    found = mnist_usps.measure(Loaded(), pair, classifiers, FixedChoice(), directory)
    assert found["chosen_epoch"] == {"target_to_source": 1, "source_to_target": 2}
    assert found["transfer_accuracy"] == {
        "target_to_source": ("of source", 1.0),
        "source_to_target": ("of target", 2.0),
    }
    for domain, epoch in (("source", "1"), ("target", "2")):
        assert (directory / f"model_to_{domain}.keras").read_text() == epoch


def test_epochs_of_mnist_usps_are_chosen_without_labels(directory, monkeypatch):
    """`EpochChoice` gets the criteria whose weights are loaded."""
    seen = []

    class Stop(Exception):
        pass

    def stopped(*arguments):
        seen.append(arguments[2])
        raise Stop

    class Anything:
        def __getattr__(self, name):
            return lambda *_, **__: {}

    pair = types.SimpleNamespace(steps_per_epoch=1, skip_epochs=None)
    monkeypatch.setattr(mnist_usps.datasets, "load_pair", lambda *_, **__: pair)
    monkeypatch.setattr(mnist_usps, "train_classifiers", lambda *_: {})
    monkeypatch.setattr(models.LSTNet, "from_preset", lambda *_, **__: Anything())
    monkeypatch.setattr(mnist_usps.training, "start", lambda *_: (None, 0))
    monkeypatch.setattr(mnist_usps.callbacks, "EpochChoice", stopped)
    arguments = cli.build_parser().parse_args(["run", "mnist-usps", "--preset", "tiny"])
    options.complete(arguments)
    with pytest.raises(Stop):
        mnist_usps.run(arguments, directory)
    assert set(seen[0]) == set(FixedChoice.epochs)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 3},
        {"precision": "mixed_bfloat16"},
        {"seed": 1},
        {"images": np.ones((4, 2, 2, 1), "uint8")},
        {"PRESET": "vae_digits"},
        {"BATCH_SIZE": 8},
        {"LEARNING_RATE": 1e-4},
    ],
)
def test_base_models_with_other_settings_have_other_files(change, monkeypatch):
    monkeypatch.setattr(base_models, "cached_model", lambda folder, name, *_: name)
    settings = {"images": np.zeros((4, 2, 2, 1), "uint8")}
    file = base_models.base_vae(**settings)
    assert file.startswith("base-vae-") and base_models.base_vae(**settings) == file
    assert base_models.base_vae(**settings, verbose=1) == file
    (name,) = change
    if name.isupper():
        monkeypatch.setattr(base_models, name, change.pop(name))
    assert base_models.base_vae(**settings | change) != file


def test_data_resumes_with_the_state(tmp_path, monkeypatch, capsys):
    """When training resumes, its data skips the finished epochs."""
    monkeypatch.setattr(training.latent_callbacks.Resume, "restore", lambda self, model: 3)
    skipped = []
    resume, done = training.start(None, tmp_path, skipped.append)
    assert (done, skipped) == (3, [3]) and resume.directory == tmp_path / "state"
    assert "Resuming after epoch 3" in capsys.readouterr().out


def test_columns_with_missing_values_are_left_out(directory):
    (directory / "log.csv").write_text("epoch,loss,val_loss\n0,5.0,NA\n1,4.0,3.5\n")
    assert directory.history("log.csv") == {"loss": [5.0, 4.0]}


def test_faces_are_moved_from_the_mean_of_men_to_that_of_women():
    latents = types.SimpleNamespace(
        encode=lambda x, domain: x[:, 0, 0] * (1 + (domain == "target"))
    )
    men, women = np.full((3, 1, 1, 2), 0.25, "float32"), np.full((5, 1, 1, 2), 1.0, "float32")
    np.testing.assert_allclose(measures.offset_between(latents, men, women), [1.75, 1.75])
