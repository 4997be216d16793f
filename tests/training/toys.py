"""Small models for the tests of the training core."""

import keras
import numpy as np
from keras import layers, ops

from keras_latent import training

PACKAGE = keras.saving.register_keras_serializable(package="test_toys")


@PACKAGE
class Lines(training.PortableModel):
    """Two linear players without noise, whose updates a NumPy oracle can follow.

    `a` minimises mean (x a - b)^2, then `b` minimises mean (x a - b)^2 + b^2.
    """

    trackers = ("a_loss", "b_loss")

    def __init__(self, size=3, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.a = layers.Dense(1, use_bias=False, kernel_initializer="ones")
        self.b = layers.Dense(1, use_bias=False, kernel_initializer="ones")
        self.a.build((None, size))
        self.b.build((None, 1))
        self.built = True

    def optimizer_groups(self):
        return {"a": [self.a], "b": [self.b]}

    def call(self, x):
        return self.a(x)

    def residual(self, x):
        return ops.mean(ops.square(self.a(x) - self.b(ops.ones_like(x[:, :1]))))

    def a_loss(self, x):
        return self.residual(x), {}

    def b_loss(self, x):
        return self.residual(x) + ops.sum(ops.square(self.b.kernel)), {}

    @training.portable
    def train_step(self, data):
        x = self.unpack(data)
        a_loss, _ = self.minimize(self.a_loss, x, of="a")
        b_loss, _ = self.minimize(self.b_loss, x, of="b")
        return self.track(x.shape[0] or ops.shape(x)[0], a_loss=a_loss, b_loss=b_loss)

    @training.portable
    def test_step(self, data):
        x = self.unpack(data)
        (a_loss, _), (b_loss, _) = self.objective(self.a_loss, x), self.objective(self.b_loss, x)
        return self.track(ops.shape(x)[0], a_loss=a_loss, b_loss=b_loss)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def lines_oracle(x, batch_size, learning_rate, epochs=1):
    """The same training in NumPy: weights, and the mean losses of the last epoch."""
    a, b = np.ones((x.shape[1], 1)), 1.0
    for _ in range(epochs):
        losses, rows = [], []
        for start in range(0, len(x), batch_size):
            batch = x[start : start + batch_size].astype("float64")
            error = batch @ a - b
            losses.append([np.mean(error**2)])
            a = a - learning_rate * 2 * batch.T @ error / len(batch)
            error = batch @ a - b
            losses[-1].append(np.mean(error**2) + b**2)
            b = b - learning_rate * (-2 * np.mean(error) + 2 * b)
            rows.append(len(batch))
    return a, b, np.average(losses, axis=0, weights=rows)


@PACKAGE
class NoisyAutoencoder(training.PortableModel):
    """One optimizer; batch normalisation, dropout, a random draw, a regularizer."""

    trackers = ("loss", "square")

    def __init__(self, size=4, seed=3, **kwargs):
        super().__init__(**kwargs)
        self.size, self.seed = size, seed
        self.network = keras.Sequential(
            [
                keras.Input((size,)),
                layers.Dense(8, activation="relu", kernel_regularizer="l2"),
                layers.BatchNormalization(),
                layers.Dropout(0.2, seed=seed),
                layers.Dense(size),
            ]
        )
        self.noise = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, x, training=False):
        return self.network(x, training=training)

    def loss_of(self, x, training=False):
        noise = keras.random.normal(ops.shape(x), seed=self.noise) if training else 0.0
        square = ops.mean(
            ops.square(ops.cast(self(x + 0.1 * noise, training=training), "float32") - x)
        )
        return square, {"square": square}

    @training.portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize(self.loss_of, x, True)
        return self.track(ops.shape(x)[0], loss=loss, **terms)

    @training.portable
    def test_step(self, data):
        x = self.unpack(data)
        loss, terms = self.objective(self.loss_of, x)
        return self.track(ops.shape(x)[0], loss=loss, **terms)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "seed": self.seed}


@PACKAGE
class Gan(training.PortableModel):
    """Two optimizers; the generator draws noise, both have batch normalisation or dropout."""

    trackers = ("critic_loss", "generator_loss")

    def __init__(self, size=4, seed=5, **kwargs):
        super().__init__(**kwargs)
        self.size, self.seed = size, seed
        self.generator = keras.Sequential(
            [
                keras.Input((2,)),
                layers.Dense(8, activation="relu"),
                layers.BatchNormalization(),
                layers.Dense(size),
            ]
        )
        self.critic = keras.Sequential(
            [
                keras.Input((size,)),
                layers.Dense(8, activation="relu"),
                layers.Dropout(0.2, seed=seed),
                layers.Dense(1),
            ]
        )
        self.noise = keras.random.SeedGenerator(seed)
        self.built = True

    def optimizer_groups(self):
        return {"critic": [self.critic], "generator": [self.generator]}

    def call(self, z, training=False):
        return self.generator(z, training=training)

    def scores(self, x, training):
        z = keras.random.normal((ops.shape(x)[0], 2), seed=self.noise)
        fake = self.generator(z, training=training)
        score = self.critic(x, training=training), self.critic(fake, training=training)
        return [ops.cast(s, "float32") for s in score]

    def critic_loss(self, x, training=True):
        real, fake = self.scores(x, training)
        return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake)), {}

    def generator_loss(self, x, training=True):
        _, fake = self.scores(x, training)
        return ops.mean(ops.softplus(-fake)), {}

    @training.portable
    def train_step(self, data):
        x = self.unpack(data)
        critic_loss, _ = self.minimize(self.critic_loss, x, of="critic")
        generator_loss, _ = self.minimize(self.generator_loss, x, of="generator")
        return self.track(ops.shape(x)[0], critic_loss=critic_loss, generator_loss=generator_loss)

    @training.portable
    def test_step(self, data):
        x = self.unpack(data)
        loss, _ = self.objective(self.critic_loss, x, False)
        return self.track(ops.shape(x)[0], critic_loss=loss)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "seed": self.seed}
