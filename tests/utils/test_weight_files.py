"""Files that are written atomically, and their errors."""

import errno
import os

import keras
import numpy as np
import pytest

from keras_latent.src.utils import files, weight_files


def network():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])


def test_keras_reads_a_file_with_a_checksum(tmp_path):
    path = tmp_path / "new" / "a.b.weights.h5"
    one, other = network(), network()
    weight_files.save_weights(one, path, {"more": np.arange(3)})
    assert os.listdir(path.parent) == [path.name]
    other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], one.get_weights()[0])


def test_each_damaged_byte_is_seen(tmp_path):
    path = tmp_path / "a.weights.h5"
    model = network()
    weight_files.save_weights(model, path)
    content = path.read_bytes()
    # Not within the mark: a file without it counts as one of Keras.
    for place in [*range(0, len(content) - 39, 1009), len(content) - 1]:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ValueError, match=r"a.weights.h5 is damaged: it does not match its ch"):
            weight_files.load_weights(model, path)


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    """And nothing is left; HDF5, which would crash at the end of the process, is not involved."""
    path = tmp_path / "a.weights.h5"
    path.write_text("old")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.Path, "open", full)
    with pytest.raises(OSError, match="No space left on device: '.*a.weights.h5'"):
        weight_files.save_weights(network(), path)
    monkeypatch.undo()
    assert path.read_text() == "old" and os.listdir(tmp_path) == [path.name]


def test_errors_name_the_file_that_was_asked_for(tmp_path):
    with (
        pytest.raises(OSError, match="Is a directory: '.*/a.txt'"),
        files.replaced_when_complete(tmp_path / "a.txt") as temporary,
    ):
        temporary.mkdir()
        temporary.write_text("text")
    with (
        pytest.raises(OSError, match="No such file or directory: '.*/other'"),
        files.errors_name(tmp_path / "a.txt"),
    ):
        (tmp_path / "other").read_text()


def test_partial_files_have_the_names_of_temporary_ones(tmp_path):
    ours = []
    for name in ("epoch-7.weights.h5", "epoch-x.weights.h5", "a.png"):
        with files.replaced_when_complete(tmp_path / name) as temporary:
            assert temporary.name.endswith(name.partition(".")[2])
            ours.append(temporary)
            temporary.touch()
    for path in ours:
        path.touch()
    (tmp_path / ".epoch-7.weights.h5").touch()
    found = files.partial_files(tmp_path / "epoch-*.weights.h5")
    assert sorted(found) == sorted(ours[:2])
