import numpy as np
import pytest

from keras_latent import datasets
from keras_latent.src.datasets.pairs import load_pair
from keras_latent.src.datasets.sources import names

IMAGES = np.zeros((10, 4), "float32")


def make(source=IMAGES, target=IMAGES, **kwargs):
    return datasets.pair_from_arrays(source, target, **{"batch_size": 5} | kwargs)


def with_nan():
    images = IMAGES.copy()
    images[3, 2] = np.nan
    return images


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"source": np.zeros((0, 4))}, r"`source` must have at least one row.*\(0, 4\)"),
        ({"target": np.float32(1)}, r"`target` must be an array of rows"),
        ({"source": np.zeros((10, 4), int)}, r"`source` must be uint8.*int64.*astype"),
        ({"target": with_nan()}, r"`target` must be finite.*1 of 10 rows; the first is row 3"),
        ({"target": np.full((10, 4), 1e300)}, r"`target` must be finite.*10 of 10"),
        ({"source_labels": np.zeros(9, int)}, r"`source_labels` must have shape \(10,\).*\(9,\)"),
        ({"target_labels": np.zeros(10)}, r"`target_labels` must be integers.*float64"),
        ({"source_labels": np.full(10, -2)}, r"`source_labels` must be class numbers.*from -2"),
        ({"paired": 11}, r"`paired` must not exceed.*paired=11 with 10 source"),
        ({"paired": -1}, r"`paired` must be an integer of 0 or more.*paired=-1"),
        ({"paired": True}, r"`paired` must be an integer of 0 or more.*paired=True"),
        ({"paired": 1.5}, r"`paired` must be an integer.*paired=1\.5"),
        ({"paired": "some"}, r"`paired` must be 'all' or None.*paired='some'"),
        ({"paired": "all", "target": IMAGES[:9]}, r"`paired='all'` needs as many.*10 and 9 rows"),
        ({"paired": None, "target": IMAGES[:9]}, r"`paired=None` needs as many.*paired=0"),
        ({"paired": [[0, 1, 2]]}, r"`paired` as an array must be integers of shape \(n, 2\)"),
        ({"paired": [[0.0, 1.0]]}, r"`paired` as an array must be integers.*float64"),
        ({"paired": [[0, 10]]}, r"row numbers of the target \(0 to 9\) in column 1.*10 to 10"),
        ({"paired": [[-1, 0]]}, r"row numbers of the source \(0 to 9\) in column 0.*-1 to -1"),
        ({"paired": [[1, 2], [1, 2]]}, r"must not contain a pair twice.*1 repetitions"),
        ({"paired": 3, "paired_per_batch": 4}, r"must not exceed the number of known.*3 known"),
        ({"paired": "all", "paired_per_batch": 6}, r"must not exceed `batch_size`.*batch_size=5"),
        ({"paired_per_batch": -1}, r"`paired_per_batch` must be an integer of 0 or more"),
        ({"batch_size": 0}, r"`batch_size` must be a positive integer.*batch_size=0"),
        ({"batch_size": 11}, r"`batch_size` must not exceed the rows.*batch_size=11"),
        ({"seed": None}, r"`seed` must be an integer of 0 or more.*seed=None"),
        ({"format": "nunpy"}, r"`format` must be one of.*Did you mean 'numpy'\?"),
        ({"test_source": IMAGES}, r"must be given together.*test_target=None"),
        (
            {"test_source": IMAGES[:, :3], "test_target": IMAGES},
            r"`test_source` must have rows of the same shape as `source`.*\(10, 3\)",
        ),
        (
            {"test_source": IMAGES, "test_target": IMAGES[:4], "test_paired": True},
            r"`test_paired=True` needs as many.*10 and 4 rows",
        ),
        (
            {"test_source": IMAGES, "test_target": IMAGES, "test_source_labels": [1, 2]},
            r"`test_source_labels` must have shape \(10,\)",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**{"format": "numpy"} | arguments)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"name": "mnist_transposed"}, r"`name` must be one of.*Did you mean 'mnist_transpose'\?"),
        ({"split": "test"}, r"`split` must be one of \['keras', 'paper'\].*split='test'"),
        ({"format": "torch"}, r"`format` must be one of.*format='torch'"),
        ({"paired": [[0, 1]]}, r"`paired` must be None, 'all' or a number.*\[\[0, 1\]\]"),
        ({"paired": np.arange(3)}, r"`paired` must be None, 'all' or a number"),
        ({"paired": "some"}, r"`paired` must be None, 'all' or a number.*paired='some'"),
        ({"paired": 1438}, r"`paired` must be an integer from 0 to 1437.*paired=1438"),
        ({"seed": -1}, r"`seed` must be an integer of 0 or more.*seed=-1"),
    ],
)
def test_bad_arguments_of_load_pair(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.load_pair(**{"name": "digits_transpose", "format": "numpy"} | arguments)


@pytest.mark.parametrize("n", [-1, 1.0, "2"])
def test_bad_skip(n):
    with pytest.raises(ValueError, match="`n` must be an integer of 0 or more"):
        make(format="numpy").skip_epochs(n)


def test_index_of_a_test_batch():
    pair = make(test_source=IMAGES, test_target=IMAGES, format="numpy")
    with pytest.raises(IndexError, match="has 2 batches. Received: index=2"):
        pair.test[2]


def test_missing_labels_and_attributes_are_kept():
    attributes = np.array([[1, 0, -1]] * 10)
    pair = make(source_labels=attributes, target_labels=np.full(10, -1), format="numpy")
    assert pair.source_train_labels.dtype == np.int32
    assert (pair.source_train_labels == attributes).all() and (pair.target_train_labels == -1).all()
    assert pair.source_test_labels is None


def test_row_numbers_are_those_of_their_own_domain():
    """If domains differ in size, each column has its own limit."""
    for sizes, domain in (((12, 10), "target"), ((10, 12), "source")):
        source, target = (np.zeros((rows, 4), "float32") for rows in sizes)
        with pytest.raises(ValueError, match=rf"row numbers of the {domain} \(0 to 9\)"):
            make(source, target, paired=[[11, 11]])
        fits = [[11, 9]] if domain == "target" else [[9, 11]]
        assert make(source, target, paired=fits).num_paired == 1


def test_names_of_pairs():
    assert sorted(names.PAIRS) == sorted(load_pair.PAIRS)
