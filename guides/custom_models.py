# ---
# jupyter:
#   description: A VAE and a GAN with two optimizers, written once for TensorFlow, JAX and PyTorch.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Writing a custom latent-variable model
#
# ## Introduction
#
# Keras's `fit` calls a model's `train_step`, whose code depends on the backend: TensorFlow uses a
# `GradientTape`, PyTorch calls `backward()`, and JAX needs a pure function that maps the state of
# all variables to their new state. A method with two optimizers and random numbers would have to be
# written three times.
#
# `keras_latent.training` hides this difference. A model defines its losses and the order in which
# they are minimized; everything else is `keras.ops`. All models of this library are written this
# way, and yours can be too. Your code never asks for the backend, and it does not have to deal with
# domains.
#
# The building blocks are:
#
# - `training.PortableModel`: the `keras.Model` to subclass.
# - `@training.portable`: decorates `train_step(self, data)` and `test_step(self, data)`.
# - `self.unpack(data)`: returns the inputs of a batch as tensors.
# - `self.minimize(loss_fn, *args)`: performs one update. `loss_fn(*args)` returns the scalar to
#   minimize and a dict of other values to report.
# - `self.track(batch_size, name=value, ...)`: updates the running means in the logs, weighted by
#   batch size.
# - `trackers`: a class attribute with the names of these means.
# - `optimizer_groups()`: with several optimizers, the layers that each of them updates.

# %%
import keras
import numpy as np
from keras import layers, ops

from keras_latent import datasets, training, visualization

keras.utils.set_random_seed(0)
(images, labels), (test_images, test_labels) = datasets.load_arrays("digits")
x, x_test = images / np.float32(255), test_images / np.float32(255)
print(keras.backend.backend(), x.shape, x_test.shape)

# %% [markdown]
# ## One optimizer: a VAE
#
# First, define networks for 8x8 digits. A model must be *built*, with all its weights created, when
# its `__init__` ends; otherwise its optimizer cannot be restored from a file. So each network
# starts with a `keras.Input`.

# %%
SHAPE, LATENTS = (8, 8, 1), 12


def network(inputs, *hidden, name):
    return keras.Sequential([keras.Input(inputs), *hidden], name=name)


def dense(units):
    return layers.Dense(units, activation="relu")


# %% [markdown]
# The objective is the negative evidence lower bound in nats: the negative log-likelihood of the
# image plus the divergence of `q(z|x)` from the prior. Random numbers come from a `SeedGenerator`
# that the model owns. Computing the loss updates its state, as it updates the moving averages of
# batch normalization, if any. `minimize` keeps these updates, on JAX too.
#
# `test_step` evaluates the same loss with `self.objective`, which includes losses added by layers
# (such as weight regularizers) and updates no weights.


# %%
@keras.saving.register_keras_serializable(package="my_models")
class TinyVAE(training.PortableModel):
    trackers = ("loss", "reconstruction_loss", "kl_loss")

    def __init__(self, variance=0.05, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.variance, self.seed = variance, seed
        self.encoder = network(
            SHAPE, layers.Flatten(), dense(128), layers.Dense(2 * LATENTS), name="encoder"
        )
        self.decoder = network(
            (LATENTS,), dense(128), layers.Dense(64), layers.Reshape(SHAPE), name="decoder"
        )
        self.noise = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, x, training=False):
        mean, _ = ops.split(self.encoder(x, training=training), 2, axis=-1)
        return self.decoder(mean, training=training)

    def negative_elbo(self, x, training=False):
        mean, log_var = ops.split(self.encoder(x, training=training), 2, axis=-1)
        epsilon = keras.random.normal(ops.shape(mean), seed=self.noise)
        image = self.decoder(mean + ops.exp(0.5 * log_var) * epsilon, training=training)
        error = ops.sum(ops.square(image - x), axis=(1, 2, 3))
        constant = 32 * np.log(2 * np.pi * self.variance)  # of a Gaussian over 64 pixels
        nll = ops.mean(0.5 * error / self.variance) + constant
        kl = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_var) - log_var - 1.0, axis=1)
        kl = ops.mean(kl)
        return nll + kl, {"reconstruction_loss": nll, "kl_loss": kl}

    @training.portable
    def train_step(self, data):
        x = self.unpack(data)
        loss, terms = self.minimize(self.negative_elbo, x, True)
        return self.track(ops.shape(x)[0], loss=loss, **terms)

    @training.portable
    def test_step(self, data):
        x = self.unpack(data)
        loss, terms = self.objective(self.negative_elbo, x)
        return self.track(ops.shape(x)[0], loss=loss, **terms)

    def get_config(self):
        return {**super().get_config(), "variance": self.variance, "seed": self.seed}


# %% [markdown]
# This is an ordinary Keras model: validation data, callbacks and saving work as usual. By default,
# `compile` uses Adam with a learning rate of 1e-3. Override `default_optimizer` to change this.

# %%
vae = TinyVAE()
vae.compile()
history = vae.fit(x, validation_data=(x_test, None), batch_size=64, epochs=40, verbose=0)
last = {name: round(values[-1], 2) for name, values in history.history.items()}
print(last)
visualization.training_curves(history, "vae_training.png")

# %% [markdown]
# The rows below show test images, their reconstructions from 12 latent dimensions, and images
# decoded from samples of the prior. The loss can be negative because the likelihood is a density,
# with a variance of 0.05 per pixel.

# %%
prior = np.random.default_rng(0).standard_normal((10, LATENTS)).astype("float32")
rows = {
    "test": x_test[:10],
    "reconstructed": vae.predict(x_test[:10], verbose=0),
    "generated": vae.decoder.predict(prior, verbose=0),
}
visualization.translation_grid(rows, "vae_images.png")

# %% [markdown]
# Saved files include the state of the optimizer and, unlike with plain Keras, that of the seed
# generator. A loaded model continues training as if it had never stopped.

# %%
vae.save("tiny_vae.keras")
loaded = keras.saving.load_model("tiny_vae.keras")
for model in (vae, loaded):
    model.fit(x, batch_size=64, shuffle=False, verbose=0)
same = np.allclose(vae.predict(x_test, verbose=0), loaded.predict(x_test, verbose=0), atol=1e-5)
print(f"After another epoch, both models reconstruct the same images: {same}")

# %% [markdown]
# ## Two optimizers: a GAN
#
# A generator turns noise into digits; a critic distinguishes them from real ones. Each has its own
# loss and optimizer. `optimizer_groups` defines which layers each optimizer updates, and
# `minimize(..., of=name)` selects one. The two calls in `train_step` define the order of the
# updates: the critic comes first, so the generator's loss uses the updated critic.
#
# The losses are those of the original GAN in their non-saturating form. GAN training can fail when
# one side wins permanently. To make this visible, the critic's loss also returns the critic's
# accuracy, which is tracked.


# %%
@keras.saving.register_keras_serializable(package="my_models")
class TinyGAN(training.PortableModel):
    trackers = ("critic_loss", "generator_loss", "critic_accuracy")

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = network(
            (LATENTS,),
            *(dense(128), layers.BatchNormalization(momentum=0.9), dense(128)),
            *(layers.Dense(64, activation="sigmoid"), layers.Reshape(SHAPE)),
            name="generator",
        )
        self.critic = network(
            SHAPE,
            *(layers.Flatten(), layers.Dense(128, activation="leaky_relu")),
            *(layers.Dropout(0.3, seed=seed), layers.Dense(1)),
            name="critic",
        )
        self.noise = keras.random.SeedGenerator(seed)
        self.built = True

    def optimizer_groups(self):
        return {"critic": [self.critic], "generator": [self.generator]}

    def default_optimizer(self):
        def adam(rate):
            return keras.optimizers.Adam(rate, beta_1=0.5)

        return {"critic": adam(4e-4), "generator": adam(1e-3)}

    def call(self, z, training=False):
        return self.generator(z, training=training)

    def fake(self, rows):
        z = keras.random.normal((rows, LATENTS), seed=self.noise)
        return self.generator(z, training=True)

    def critic_loss(self, x):
        real = self.critic(x, training=True)
        fake = self.critic(self.fake(ops.shape(x)[0]), training=True)
        right = ops.concatenate([real > 0, fake < 0])
        accuracy = ops.mean(ops.cast(right, "float32"))
        return ops.mean(ops.softplus(-real) + ops.softplus(fake)), {"accuracy": accuracy}

    def generator_loss(self, x):
        fake = self.critic(self.fake(ops.shape(x)[0]), training=True)
        return ops.mean(ops.softplus(-fake)), {}

    @training.portable
    def train_step(self, data):
        x = self.unpack(data)
        critic_loss, terms = self.minimize(self.critic_loss, x, of="critic")
        generator_loss, _ = self.minimize(self.generator_loss, x, of="generator")
        return self.track(
            ops.shape(x)[0],
            critic_loss=critic_loss,
            generator_loss=generator_loss,
            critic_accuracy=terms["accuracy"],
        )

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


# %% [markdown]
# `compile()` uses the optimizers that `default_optimizer` returns. To choose your own, pass a dict
# with a key per group: `compile({"critic": "adam", "generator": keras.optimizers.Adam(1e-3)})`.
# Keras sees them as one optimizer, so callbacks and saving handle both.

# %%
gan = TinyGAN()
gan.compile()
history = gan.fit(x, batch_size=64, epochs=120, verbose=0)
print({name: round(values[-1], 2) for name, values in history.history.items()})
print({name: len(member.variables) for name, member in gan.optimizer.members.items()})
visualization.training_curves(history, "gan_training.png")

# %% [markdown]
# A critic with an accuracy of 0.5 and a loss near 2 log 2 = 1.39 cannot tell real from generated
# images. A critic that is always right no longer gives the generator a useful gradient. The rows
# below show real digits and ten generated ones:

# %%
rows = {"real": x[:10], "generated": gan.predict(prior, verbose=0)}
visualization.translation_grid(rows, "gan_images.png")

# %% [markdown]
# ## Rules for portable steps
#
# - Use only `keras.ops` and `keras.random` in losses, with shapes that do not depend on values.
#   TensorFlow and JAX compile the step with XLA.
# - Draw random numbers from a `SeedGenerator` that is an attribute of the model or of a layer.
# - Keep state in Keras variables. A number in a Python attribute becomes a constant when the step
#   is compiled.
# - Return everything else that you need from a loss in its dict.
# - If two losses share a forward pass, pass both to `minimize_each`, which computes it once.
#
# `compile(run_eagerly=True)` disables compilation, so that `print` and debuggers show values. For a
# complete model of this kind, with presets, input checks and further methods, see `models.VAE`.
