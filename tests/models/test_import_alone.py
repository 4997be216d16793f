"""The library without the packages that only an extra brings."""

import os
import subprocess
import sys
import textwrap

import keras

from keras_latent import layers
from keras_latent.src.models.bridging.networks import deep_vae_mlp

BLOCK = """
import sys

class Block:
    names = {names!r}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"No module named {{name!r}} (blocked)", name=name)

sys.meta_path.insert(0, Block())
"""


def run(names, script, backend="jax", **variables):
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_BACKEND": backend} if backend else {}
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=names) + textwrap.dedent(script)],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_training_needs_no_tensorflow():
    result = run(
        ("tensorflow", "tensorflow_datasets", "torch"),
        """
        import keras_latent
        from keras_latent import datasets, models, visualization
        pair = datasets.load_pair("digits_transpose", paired=100, batch_size=400)
        assert pair.format == "numpy"
        model = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
        model.compile()
        model.fit(pair.train, validation_data=pair.test, shuffle=False, verbose=0)
        assert model.translate(pair.source_test[:3] / 255.0).shape == (3, 8, 8, 1)
        assert not {"tensorflow", "tensorflow_datasets", "torch"} & set(sys.modules)
        sys.modules["scipy.signal"] = None
        try:
            visualization.spectrogram_grid({"a": pair.source_test[:1].reshape(1, 64) / 255}, 8000)
        except ImportError as error:
            assert "pip install keras-latent[viz]" in str(error), error
        else:
            raise AssertionError("SciPy was not blocked")
        """,
    )
    assert result.returncode == 0, result.stderr


LINE_OF_THE_CHOICE = (
    "keras_latent: Keras is set to tensorflow, which is not installed. Using jax. "
    "Installed: jax. To choose one, set KERAS_BACKEND=jax.\n"
)


def test_import_needs_neither_scikit_learn_nor_matplotlib(tmp_path):
    """Nor TensorFlow, without any variable; and saved objects are known after the import."""
    x = keras.Input((4,))
    keras.Model(x, layers.GaussianSampling(seed=1)((x, x))).save(tmp_path / "x.keras")
    deep_vae_mlp((4,), hidden=3, depth=1)["encoder"].save(tmp_path / "encoder.keras")
    result = run(
        ("sklearn", "matplotlib", "tensorflow", "tensorflow_datasets", "torch"),
        f"""
        import keras_latent, keras
        loaded = keras.saving.load_model({str(tmp_path / "x.keras")!r})
        assert type(loaded.layers[-1]) is keras_latent.layers.GaussianSampling
        keras.saving.load_model({str(tmp_path / "encoder.keras")!r})
        from keras_latent import callbacks, datasets, metrics, models, visualization
        from keras_latent.src.cli import cli
        from keras_latent.src.cli import registry
        assert cli.main(["list"]) == 0
        try:
            datasets.load_pair("digits_transpose")
        except ImportError as error:
            assert "pip install keras-latent[data]" in str(error), error
        else:
            raise AssertionError("scikit-learn was not blocked")
        try:
            visualization.training_curves({{"loss": [1.0]}})
        except ImportError as error:
            assert "pip install keras-latent[viz]" in str(error), error
        else:
            raise AssertionError("matplotlib was not blocked")
        """,
        backend=None,
        KERAS_HOME=str(tmp_path),
    )
    assert result.returncode == 0, result.stderr
    assert LINE_OF_THE_CHOICE in result.stderr


def test_a_backend_that_is_missing_is_said_in_one_line():
    result = run(("tensorflow",), "import keras_latent", backend="tensorflow")
    assert result.returncode == 1 and result.stderr.count("Traceback") == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: KERAS_BACKEND=tensorflow is not installed. Installed: jax")


def test_the_command_says_so_without_a_traceback(tmp_path):
    script = f"""
        sys.argv = ["keras-latent"]
        from keras_latent.src.cli import cli
        out = {str(tmp_path / "out")!r}
        sys.exit(cli.main(["run", "mnist-transpose", "--dataset", "digits", "--out", out]))
        """
    result = run(("jax",), script)
    assert result.returncode == 2
    assert result.stderr.startswith("keras-latent: KERAS_BACKEND=jax is not installed. Installed:")
    assert result.stderr.count("\n") == 1 and not list(tmp_path.iterdir())
