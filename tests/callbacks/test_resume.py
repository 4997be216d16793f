"""A training that was killed and resumed ends like an uninterrupted one."""

import keras
import numpy as np
import pytest

from keras_latent import callbacks, datasets, models
from keras_latent.src.models.vbta import networks

EPOCHS = 4


class Killed(Exception):
    pass


class KillAt(keras.callbacks.Callback):
    """Raises in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.at, self.epoch = epoch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.at and batch == 2:
            raise Killed


def pair():
    images, _ = datasets.load_arrays("digits")[0]
    images = images[:250]
    return datasets.pair_from_arrays(images, images.swapaxes(1, 2), paired=120, batch_size=50)


def model(hidden=16):
    keras.utils.set_random_seed(11)
    vbta = models.VBTA(**networks.vbta_mlp((8, 8, 1), hidden, 4), cross_reconstruction=1.0, seed=1)
    # XLA takes seconds to compile on TensorFlow, and is not what is tested here.
    jit_compile = "auto" if keras.backend.backend() != "tensorflow" else False
    vbta.compile(keras.optimizers.Adam(1e-2), jit_compile=jit_compile)
    return vbta


def train(folder, *others, epochs=EPOCHS):
    """Like a script that may have been killed before."""
    vbta, data, resume = model(), pair(), callbacks.Resume(folder)
    done = resume.restore(vbta)
    data.skip_epochs(done)
    history = vbta.fit(
        data.train,
        epochs=epochs,
        initial_epoch=done,
        shuffle=False,
        verbose=0,
        callbacks=[resume, *others],
    )
    return vbta, history, done


def states(folder):
    return sorted(path.name for path in folder.iterdir())


def values(vbta):
    state = vbta.variables + vbta.optimizer.variables
    return [np.array(keras.ops.convert_to_numpy(v)) for v in state]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    vbta, history, _ = train(folder)
    return vbta, history.history["loss"], folder


def assert_ends_there(vbta, straight):
    for a, b in zip(values(vbta), values(straight[0]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_killed_in_an_epoch(straight, tmp_path):
    with pytest.raises(Killed):
        train(tmp_path, KillAt(2))
    assert states(tmp_path) == ["epoch-00001.weights.h5", "epoch-00002.weights.h5"]
    vbta, history, done = train(tmp_path)
    assert done == 2 and history.epoch == [2, 3]
    np.testing.assert_allclose(history.history["loss"], straight[1][2:], rtol=1e-6)
    assert_ends_there(vbta, straight)


def test_only_two_states_are_kept(straight):
    assert states(straight[2]) == ["epoch-00003.weights.h5", "epoch-00004.weights.h5"]


def test_a_finished_training_does_not_continue(straight):
    vbta, history, done = train(straight[2])
    assert done == EPOCHS and history.history == {}
    assert_ends_there(vbta, straight)


def test_a_finished_training_is_extended(straight, tmp_path):
    """With a constant learning rate, this equals a longer training from the start."""
    train(tmp_path, epochs=2)
    vbta, history, done = train(tmp_path)
    assert done == 2 and history.epoch == [2, 3]
    assert_ends_there(vbta, straight)


def copied(straight, tmp_path):
    for path in straight[2].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def flipped(content, place):
    """The content with one bit of one byte flipped."""
    content = bytearray(content)
    content[place] ^= 8
    return bytes(content)


DAMAGES = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "bit": lambda content: flipped(content, content.index(b"sha256:") // 2),  # of a weight
    "checksum": lambda content: flipped(content, -1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_skipped(straight, tmp_path, damage):
    folder = copied(straight, tmp_path)
    latest = folder / "epoch-00004.weights.h5"
    latest.write_bytes(DAMAGES[damage](latest.read_bytes()))
    with pytest.warns(UserWarning, match="epoch-00004.weights.h5 is damaged.*Using the previous"):
        if damage != "half":  # one training is enough
            assert callbacks.Resume(folder).restore(model()) == 3
            return
        vbta, history, done = train(folder)
    assert done == 3 and history.epoch == [3]
    assert_ends_there(vbta, straight)


def test_without_an_intact_state(straight, tmp_path):
    folder = copied(straight, tmp_path)
    for path in folder.iterdir():
        path.write_bytes(b"damaged")
    with (
        pytest.warns(UserWarning, match="Using the previous epoch"),
        pytest.raises(ValueError, match=r"damaged or belong to another model. Delete.*00004"),
    ):
        callbacks.Resume(folder).restore(model())


def test_the_state_of_another_model(straight):
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match="damaged or belong to another model"),
    ):
        callbacks.Resume(straight[2]).restore(model(hidden=7))


def test_states_without_a_checksum_are_loaded(straight, tmp_path):
    """As Keras and earlier versions write them."""
    path = tmp_path / "epoch-00004.weights.h5"
    straight[0].save_weights(path)
    vbta = model()
    assert callbacks.Resume(tmp_path).restore(vbta) == 4
    assert_ends_there(vbta, straight)
    assert path.read_bytes()[-39:-32] != b"sha256:"


def test_partial_states_are_deleted(straight, tmp_path):
    """A killed process could not delete its own."""
    folder = copied(straight, tmp_path)
    (folder / ".epoch-00005.0123abcd.weights.h5").write_bytes(b"half")
    (folder / ".epoch-mine.weights.h5").write_bytes(b"not ours")
    assert callbacks.Resume(folder).restore(model()) == 4
    assert states(folder) == [".epoch-mine.weights.h5", *states(straight[2])]


def logged(folder, *others):
    """A plain network on two rows that logs its epochs; the lines of the log."""
    keras.utils.set_random_seed(3)
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    network.compile("sgd", "mse", run_eagerly=True)
    folder.mkdir(exist_ok=True)
    log = folder / "log.csv"
    resume = callbacks.Resume(folder / "state", log=log)
    done = resume.restore(network)
    x, logger = np.eye(2, dtype="float32"), keras.callbacks.CSVLogger(log, append=True)
    options = {"initial_epoch": done, "epochs": EPOCHS, "verbose": 0, "shuffle": False}
    network.fit(x, x[:, :1], callbacks=[logger, *others, resume], **options)
    return log.read_text().splitlines()


class KillAfterLine(keras.callbacks.Callback):
    """Stops the training after an epoch is logged, before its state is saved."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


@pytest.mark.parametrize("epoch", [0, 2])
@pytest.mark.parametrize("half", [False, True])
def test_a_resumed_log_has_one_line_per_epoch(tmp_path, epoch, half):
    whole = logged(tmp_path / "whole")
    folder = tmp_path / "killed"
    with pytest.raises(Killed):
        logged(folder, KillAfterLine(epoch))
    log = folder / "log.csv"
    content = log.read_bytes()
    assert content.count(b"\n") == epoch + 2  # a line too many
    if half:  # killed within that line, or within the header
        log.write_bytes(content[:-8] if epoch else content[:8])
    assert logged(folder) == whole


def test_a_log_follows_the_state(tmp_path):
    """To an earlier epoch, and with lines that earlier versions have doubled."""
    whole = logged(tmp_path)
    state, log = tmp_path / "state" / "epoch-00004.weights.h5", tmp_path / "log.csv"
    state.write_bytes(b"damaged")
    log.write_text("\n".join([*whole[:2], whole[2].replace("1,", "1,9"), *whole[2:]]) + "\n")
    with pytest.warns(UserWarning, match="is damaged"):
        assert logged(tmp_path) == whole
    before = log.stat()
    assert logged(tmp_path) == whole  # nothing was left to train
    assert (log.stat().st_ino, log.stat().st_mtime) == (before.st_ino, before.st_mtime)


def test_without_a_state(tmp_path):
    (tmp_path / "epoch-last.weights.h5").write_text("not ours")
    (tmp_path / "notes.txt").write_text("not ours")
    assert callbacks.Resume(tmp_path).restore(model()) == 0
    assert callbacks.Resume(tmp_path / "none").restore(model()) == 0
    assert not (tmp_path / "none").exists()


def test_before_compile(tmp_path):
    vbta = models.VBTA(**networks.vbta_mlp((8, 8, 1), 4, 2))
    with pytest.raises(ValueError, match="must be compiled"):
        callbacks.Resume(tmp_path).restore(vbta)


def dropout_network(folder, epochs):
    """A plain Keras model, trained on rows in order."""
    network = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dropout(0.5, seed=3), keras.layers.Dense(1)]
    )
    network.set_weights([np.linspace(-1, 1, 6)[:, None], np.zeros(1)])
    network.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=False)
    resume = callbacks.Resume(folder)
    x = np.random.default_rng(0).random((20, 6), "float32")
    options = {"initial_epoch": resume.restore(network), "shuffle": False, "verbose": 0}
    network.fit(x, x[:, :1], batch_size=10, epochs=epochs, callbacks=[resume], **options)
    return network.get_weights()


@pytest.mark.each_backend
def test_dropout_of_any_keras_model_is_resumed(tmp_path):
    whole = dropout_network(tmp_path / "whole", 3)
    dropout_network(tmp_path / "parts", 1)
    for a, b in zip(whole, dropout_network(tmp_path / "parts", 3), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
