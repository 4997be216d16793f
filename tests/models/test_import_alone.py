"""The library without the packages that only an extra brings."""

import os
import subprocess
import sys
import textwrap

BLOCK = """
import sys

class Block:
    names = {names!r}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"No module named {{name!r}} (blocked)", name=name)

sys.meta_path.insert(0, Block())
"""


def run(names, script):
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=names) + textwrap.dedent(script)],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_training_needs_no_tensorflow():
    result = run(
        ("tensorflow", "tensorflow_datasets", "torch"),
        """
        import keras_latent
        from keras_latent import datasets, models
        pair = datasets.load_pair("digits_transpose", paired=100, batch_size=400)
        model = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
        model.compile()
        model.fit(pair.train, validation_data=pair.test, shuffle=False, verbose=0)
        assert model.translate(pair.source_test[:3] / 255.0).shape == (3, 8, 8, 1)
        assert not {"tensorflow", "torch"} & set(sys.modules)
        """,
    )
    assert result.returncode == 0, result.stderr


def test_import_needs_neither_scikit_learn_nor_matplotlib():
    result = run(
        ("sklearn", "matplotlib", "tensorflow", "tensorflow_datasets", "torch"),
        """
        import keras_latent
        from keras_latent import callbacks, datasets, metrics, models, visualization
        from keras_latent.applications import cli, registry
        assert cli.main(["list"]) == 0
        try:
            datasets.load_pair("digits_transpose")
        except ImportError as error:
            assert "pip install keras-latent[data]" in str(error), error
        else:
            raise AssertionError("scikit-learn was not blocked")
        """,
    )
    assert result.returncode == 0, result.stderr
