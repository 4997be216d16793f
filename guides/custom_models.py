# ---
# jupyter:
#   description: A VAE and a GAN with two optimizers, written once for TensorFlow, JAX and PyTorch.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Writing your own latent model with the portable train step
#
# ## What this is about
#
# Keras's `fit` calls a model's `train_step`, and what stands there differs: TensorFlow wants a
# `GradientTape`, PyTorch `backward()`, and JAX a pure function from the state of all variables to
# their new state. A method with two optimizers and random numbers is then written three times.
#
# `keras_latent.training` has the one thing that differs. A model says what its losses are and who
# minimises them in which order; everything else is `keras.ops`. The models of this library are
# written in this way, and so can yours be. Nothing here asks for the backend, and nothing has to be
# about domains.
#
# The pieces:
#
# - `training.PortableModel`: a `keras.Model` to derive from.
# - `@training.portable`: stands over `train_step(self, data)` and `test_step(self, data)`.
# - `self.unpack(data)`: the inputs of a batch, as tensors.
# - `self.minimize(loss_fn, *args)`: one update. `loss_fn(*args)` returns the scalar to minimise and
#   a dict of whatever else is wanted.
# - `self.track(batch_size, name=value, ...)`: running means for the logs, weighted by the batch's
#   rows.
# - `trackers`: the names of these, declared in the class.
# - `optimizer_groups()`: for several optimizers, which layers each of them moves.

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
# The networks of 8x8 digits come first. A model must be *built* when its `__init__` ends, all
# weights made: only then can a file restore its optimizer. So each network starts with a
# `keras.Input`.

# %%
SHAPE, LATENTS = (8, 8, 1), 12


def network(inputs, *hidden, name):
    return keras.Sequential([keras.Input(inputs), *hidden], name=name)


def dense(units):
    return layers.Dense(units, activation="relu")


# %% [markdown]
# The objective is the negative evidence lower bound, in nats: what the decoder says of the image,
# and the divergence of `q(z|x)` from the prior. Random numbers come from a `SeedGenerator` that the
# model owns. Its state is updated within the loss, and so are the moments of batch normalisation,
# where there is any; `minimize` keeps these updates on JAX too.
#
# `test_step` evaluates the same loss by `self.objective`, which adds what layers have added to it
# (weight regularizers), and moves nothing.


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
        constant = 32 * np.log(2 * np.pi * self.variance)  # of a normal density of 64 pixels
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
# It is an ordinary Keras model: validation data, callbacks and files work. Without an optimizer,
# `compile` takes Adam with a learning rate of 1e-3; `default_optimizer` would say otherwise.

# %%
vae = TinyVAE()
vae.compile()
history = vae.fit(x, validation_data=(x_test, None), batch_size=64, epochs=40, verbose=0)
last = {name: round(values[-1], 2) for name, values in history.history.items()}
print(last)
visualization.training_curves(history, "vae_training.png")

# %% [markdown]
# The first row below are test images, the second what is left of them after 12 latents, the third
# what the decoder makes of draws from the prior. The densities are those of pixels with a variance
# of 0.05, so that negative losses are nothing odd.

# %%
prior = np.random.default_rng(0).standard_normal((10, LATENTS)).astype("float32")
rows = {
    "test": x_test[:10],
    "reconstructed": vae.predict(x_test[:10], verbose=0),
    "generated": vae.decoder.predict(prior, verbose=0),
}
visualization.translation_grid(rows, "vae_images.png")

# %% [markdown]
# A file holds the optimizer's state, and that of the seed generator too, which Keras itself leaves
# out: a loaded model goes on as if it had never stopped.

# %%
vae.save("tiny_vae.keras")
loaded = keras.saving.load_model("tiny_vae.keras")
for model in (vae, loaded):
    model.fit(x, batch_size=64, shuffle=False, verbose=0)
same = np.allclose(vae.predict(x_test, verbose=0), loaded.predict(x_test, verbose=0), atol=1e-5)
print(f"one more epoch, in memory and from the file: the same images: {same}")

# %% [markdown]
# ## Two optimizers: a GAN
#
# A generator makes digits of noise; a critic tells them from real ones. Each has a loss and an
# optimizer of its own. `optimizer_groups` says which layers each of them moves, `minimize(...,
# of=name)` whose turn it is. The order of a step is that of the two lines in `train_step`: the
# critic first, and the generator sees the critic that has just been updated.
#
# The losses are those of the original GAN in its non-saturating form. A generator may win or lose
# this game for good; the critic's accuracy, kept from its loss and tracked, shows it.


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
        critic_loss, kept = self.minimize(self.critic_loss, x, of="critic")
        generator_loss, _ = self.minimize(self.generator_loss, x, of="generator")
        return self.track(
            ops.shape(x)[0],
            critic_loss=critic_loss,
            generator_loss=generator_loss,
            critic_accuracy=kept["accuracy"],
        )

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


# %% [markdown]
# `compile()` takes what `default_optimizer` returns. Your own come as a dict with the names of the
# groups: `compile({"critic": "adam", "generator": keras.optimizers.Adam(1e-3)})`. Both are members
# of one optimizer that Keras sees, so that callbacks and files know of both.

# %%
gan = TinyGAN()
gan.compile()
history = gan.fit(x, batch_size=64, epochs=120, verbose=0)
print({name: round(values[-1], 2) for name, values in history.history.items()})
print({name: len(member.variables) for name, member in gan.optimizer.members.items()})
visualization.training_curves(history, "gan_training.png")

# %% [markdown]
# A critic that is right in half of the images, with a loss near 2 log 2 = 1.39, cannot tell them
# apart; one that always is teaches the generator nothing any more. What the generator makes of ten
# draws, below real digits:

# %%
rows = {"real": x[:10], "generated": gan.predict(prior, verbose=0)}
visualization.translation_grid(rows, "gan_images.png")

# %% [markdown]
# ## Rules that keep a step portable
#
# - Only `keras.ops` and `keras.random` in the losses, and shapes that do not depend on values: on
#   TensorFlow and JAX the step is compiled with XLA.
# - Random numbers come from a `SeedGenerator` that is an attribute of the model or of a layer.
# - State is a Keras variable: a number kept in a Python attribute would be frozen when the step is
#   compiled.
# - What a loss computes besides the scalar, and is wanted outside, it returns in the dict.
# - Where two losses share their forward pass, `minimize_each` takes both at once and computes it
#   once.
#
# `compile(run_eagerly=True)` runs every step uncompiled, so that `print` and a debugger show values.
# The checks, verbs and presets of this library's own models are further base classes in
# `keras_latent.models`; `models.VAE` is `TinyVAE` with these.
