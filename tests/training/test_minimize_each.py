"""`minimize_each` by hand: regularizers, scaled losses, gradients before the first update."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_latent import training

RATES = {"first": 0.1, "second": 0.05}


class Shared(training.PortableModel):
    """Both optimizers move the same weight `w`, with the losses `mean (x w)^2`, `sum w`."""

    trackers = ("first", "second")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(
            1,
            use_bias=False,
            kernel_initializer="ones",
            kernel_regularizer=keras.regularizers.L2(3.0),
        )
        self.dense.build((None, 1))
        self.built = True

    def optimizer_groups(self):
        return {"first": [self.dense], "second": [self.dense]}

    def call(self, x):
        return self.dense(x)

    def losses_of(self, x):
        squares = ops.mean(ops.square(self.dense(x)))
        return {"first": squares, "second": ops.sum(self.dense.kernel)}, {}

    @training.portable
    def train_step(self, data):
        losses, _ = self.minimize_each(self.losses_of, self.unpack(data))
        return self.track(1, **losses)


@pytest.mark.parametrize("factor", [None, 1024.0])
def test_one_step_by_hand(factor):
    model = Shared()
    model.compile(
        {name: keras.optimizers.SGD(r, loss_scale_factor=factor) for name, r in RATES.items()},
        run_eagerly=True,
    )
    x = np.array([[1.0], [2.0]], "float32")
    logs = model.train_on_batch(x, return_dict=True)
    # The first loss has the regularizer: mean x^2 w^2 + 3 w^2 at w = 1.
    assert logs == pytest.approx({"first": 2.5 + 3.0, "second": 1.0})
    # Both gradients are those at w = 1: 2 (2.5 + 3) and 1.
    wanted = 1.0 - RATES["first"] * 11.0 - RATES["second"] * 1.0
    assert float(ops.convert_to_numpy(model.dense.kernel)[0, 0]) == pytest.approx(wanted, rel=1e-5)
