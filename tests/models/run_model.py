"""What every model promises, checked in one pass over one compiled model."""

import json
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
from small_networks import to_numpy

BACKEND = keras.backend.backend()


@dataclass(frozen=True)
class Case:
    """A model and what it is trained on.

    Attributes:
        make: Function of keyword arguments that makes a new model, not compiled.
        data: What `fit` takes: `x`, or `x` and `y`.
        answers: Function of a model to what its methods give, as arrays by name.
        batch_size: Rows of a batch; at least two batches of the data.
        options: Keyword arguments of `make` whose values a copy must have too.
        unmoved: Number of weights whose gradient is 0, but for rounding.
    """

    make: Any
    data: tuple
    answers: Any
    batch_size: int = 20
    options: dict = field(default_factory=dict)
    unmoved: int = 0

    @property
    def fit(self) -> dict:
        return {"batch_size": self.batch_size, "shuffle": False, "verbose": 0}


def state_of(model):
    """All variables: weights, seeds, moments and counters of every optimizer."""
    variables = [*model.variables, *model.optimizer.variables]
    return {f"{i} {v.path}": np.array(to_numpy(v)) for i, v in enumerate(variables)}


def set_state(model, state):
    for variable, value in zip(
        [*model.variables, *model.optimizer.variables], state.values(), strict=True
    ):
        variable.assign(value)


def assert_close(left, right, tolerance):
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_allclose(
            value, right[name], rtol=tolerance, atol=tolerance, err_msg=str(name)
        )


class Batches(keras.utils.PyDataset):
    """The same batches as arrays give, from a `PyDataset`."""

    def __init__(self, data, size):
        super().__init__()
        self.data, self.size = data, size
        self.rows = len(keras.tree.flatten(data)[0])

    def __len__(self):
        return -(-self.rows // self.size)

    def __getitem__(self, index):
        rows = slice(index * self.size, (index + 1) * self.size)
        return keras.tree.map_structure(lambda a: a[rows], self.data)


def run_model_test(case: Case, tmp_path) -> None:
    """Configuration, training, file, continued training, three kinds of data, evaluation."""
    model = case.make(**case.options)
    assert {name: getattr(model, name) for name in case.options} == case.options

    # A configuration makes the same model, and reading it does not use it up.
    config = model.get_config()
    copies = [type(model).from_config(config) for _ in range(2)]
    assert json.dumps(copies[1].get_config()) == json.dumps(config)
    assert {name: getattr(copies[1], name) for name in case.options} == case.options
    copies[1].set_weights(model.get_weights())
    assert_close(case.answers(copies[1]), case.answers(model), 1e-6)

    model.compile()
    before = state_of_weights(model)
    history = model.fit(*case.data, **case.fit).history
    assert set(history) == {metric.name for metric in model.metrics}
    assert all(np.isfinite(values).all() for values in history.values()), history
    unmoved = [v.path for v, old in before if np.array_equal(to_numpy(v), old)]
    assert len(unmoved) <= case.unmoved, unmoved

    # A file goes on as if nothing had been: weights, noise, moments.
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model) and loaded.name == model.name
    assert {name: getattr(loaded, name) for name in case.options} == case.options
    state = state_of(model)
    assert_close(dict(zip(state, state_of(loaded).values(), strict=True)), state, 0.0)
    assert_close(case.answers(loaded), case.answers(model), 1e-6)
    histories = [m.fit(*case.data, **case.fit).history for m in (model, loaded)]
    after = state_of(model)
    assert_close(histories[1], histories[0], 1e-5)
    assert_close(dict(zip(after, state_of(loaded).values(), strict=True)), after, 1e-5)

    # The same batches as a `PyDataset` and as a `tf.data.Dataset` train alike.
    tf = pytest.importorskip("tensorflow")
    data = case.data if len(case.data) > 1 else case.data[0]
    for batches in (
        Batches(case.data, case.batch_size),
        tf.data.Dataset.from_tensor_slices(data).batch(case.batch_size, drop_remainder=True),
    ):
        set_state(loaded, state)
        history = loaded.fit(batches, shuffle=False, verbose=0).history
        assert_close(history, histories[0], 1e-5)
        assert_close(dict(zip(after, state_of(loaded).values(), strict=True)), after, 1e-5)

    # Evaluation has the names of training and moves no weight.
    logs = loaded.evaluate(*case.data, batch_size=case.batch_size, verbose=0, return_dict=True)
    assert set(logs) <= set(history) and np.isfinite(list(logs.values())).all(), logs
    for variable, value in zip(loaded.trainable_variables, model.trainable_variables, strict=True):
        np.testing.assert_allclose(*to_numpy((variable, value)), rtol=1e-5, atol=1e-5)


def state_of_weights(model):
    return [(v, np.array(to_numpy(v))) for v in model.trainable_variables]


def run_compiled_test(case: Case) -> None:
    """A step as users compile it, by XLA where that is the default."""
    model = case.make(**case.options)
    model.compile()
    batch = keras.tree.map_structure(lambda a: a[: case.batch_size], case.data)
    logs = model.train_on_batch(*batch, return_dict=True)
    assert np.isfinite(list(logs.values())).all(), logs


def run_mixed_precision_test(case: Case, policy: str) -> None:
    """Losses, weights and answers stay finite; float16 has its losses scaled."""
    keras.config.set_dtype_policy(policy)
    model = case.make(**case.options)
    model.compile()
    before = state_of_weights(model)
    history = model.fit(*case.data, **case.fit).history
    assert all(np.isfinite(values).all() for values in history.values()), history
    unmoved = [v.path for v, old in before if np.array_equal(to_numpy(v), old)]
    # The first steps of float16 may overflow and be left out, while the scale is found.
    assert policy == "mixed_float16" or len(unmoved) <= case.unmoved, unmoved
    for member in getattr(model.optimizer, "optimizers", [model.optimizer]):
        scaled = isinstance(member, keras.optimizers.LossScaleOptimizer)
        assert scaled == (policy == "mixed_float16")
    for name, values in case.answers(model).items():
        assert np.isfinite(values.astype("float32")).all(), name
        assert values.dtype == np.float32, name


def run_distribution_test(case: Case, scope) -> None:
    """An epoch on two devices: on JAX, where noise is drawn for all rows at once, that of one."""
    weights = case.make(**case.options).get_weights()

    def train():
        model = case.make(**case.options)
        model.set_weights(weights)
        model.compile(jit_compile="auto" if BACKEND == "jax" else False)
        before = state_of_weights(model)
        history = model.fit(*case.data, **case.fit).history
        assert all(np.isfinite(values).all() for values in history.values()), history
        unmoved = [v.path for v, old in before if np.array_equal(to_numpy(v), old)]
        assert len(unmoved) <= case.unmoved, unmoved
        return history, dict(enumerate(model.get_weights()))

    with scope():
        two = train()
    if BACKEND == "jax":
        for left, right in zip(train(), two, strict=True):
            assert_close(left, right, 1e-3)
