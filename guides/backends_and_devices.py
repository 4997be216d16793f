# ---
# jupyter:
#   description: Run a model on TensorFlow, JAX and PyTorch, in 16 bits, and on several devices.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Backends, mixed precision and multiple devices
#
# ## Choose a backend
#
# Keras reads the environment variable `KERAS_BACKEND` once, when it is imported: `"tensorflow"`,
# `"jax"` or `"torch"`. If it is not set, `~/.keras/keras.json` decides. In a notebook, set
# `os.environ["KERAS_BACKEND"] = "jax"` in the first cell. The backend cannot be changed within a
# process.
#
# The rest of the code stays the same; below, only the section about multiple devices mentions a
# backend. The outputs depend on the backend and the machine; the first line of output names the
# backend.

# %%
import importlib.util
import os
import subprocess
import sys
import time

import keras
import numpy as np

from keras_latent import datasets, models, visualization

BACKEND = keras.backend.backend()
print(f"Keras {keras.version()} on {BACKEND}")

(images, _), (test_images, _) = datasets.load_arrays("digits")
x, x_test = images / np.float32(255), test_images / np.float32(255)
x = x[: 22 * 64]  # whole batches
EPOCHS = 20


def new_model():
    keras.utils.set_random_seed(0)
    return models.VAE.from_preset(
        "vae_digits", load_weights=False, observation_variance=0.05, seed=0
    )


class Clock(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.begin)


def train(model, epochs=EPOCHS):
    """Return the loss of each epoch and the seconds of the fastest one."""
    clock = Clock()
    history = model.fit(
        x, epochs=epochs, batch_size=64, shuffle=False, verbose=0, callbacks=[clock]
    )
    return history.history["loss"], min(clock.seconds)


# %% [markdown]
# ## Configure how a step runs
#
# Three arguments of `compile` affect only speed:
#
# - `jit_compile`: compile with XLA on TensorFlow and JAX, or with `torch.compile` on PyTorch. The
#   default, `"auto"`, compiles on TensorFlow and JAX but not on PyTorch. Without a GPU, TensorFlow
#   models with convolutions are not compiled with XLA either, because oneDNN is faster.
# - `steps_per_execution`: the number of batches per compiled call. It helps if a step is so short
#   that the overhead of a call matters. Keras supports it on TensorFlow and JAX; on PyTorch it
#   raises an error.
# - `run_eagerly=True`: compile nothing, so that debuggers and `print` work inside losses.

# %%
settings = {"default": {}, "run_eagerly": {"run_eagerly": True}}
if BACKEND != "torch":
    settings["steps_per_execution=11"] = {"steps_per_execution": 11}

losses = {}
for name, arguments in settings.items():
    model = new_model()
    model.compile(keras.optimizers.Adam(1e-3), **arguments)
    losses[name], seconds = train(model, epochs=EPOCHS if name == "default" else 3)
    third = losses[name][:3][-1]
    print(f"{name:22s} {1000 * seconds:5.0f} ms per epoch; loss after three epochs {third:.3f}")

# %% [markdown]
# The losses agree, because the noise depends only on the model's seed, not on how the step runs.
# Different backends generate different random numbers, so their losses differ slightly.
#
# ## Use mixed precision
#
# Under a policy such as `"mixed_bfloat16"` (for TPUs, recent GPUs and CPUs with matrix units) or
# `"mixed_float16"` (for GPUs), layers compute in 16 bits and keep their weights in float32. Set the
# policy before you create the model. The model keeps it, in saved files too.
#
# The models of this library still compute log-likelihoods and divergences in float32, because they
# need the precision. Under `"mixed_float16"`, small gradients would underflow to 0. Therefore,
# `compile` wraps each optimizer so that it scales the loss and skips steps that overflow. On
# hardware without 16-bit units, mixed precision is slower than float32: measure before you use it.

# %%
curves = {"float32": losses["default"]}
for policy in ("mixed_bfloat16", "mixed_float16"):
    keras.config.set_dtype_policy(policy)
    model = new_model()
    model.compile(keras.optimizers.Adam(1e-3))
    curves[policy], seconds = train(model)
    kernel = model.encoder.trainable_variables[0]
    print(
        f"{policy}: weights {kernel.dtype}, {type(model.optimizer).__name__}, "
        f"{1000 * seconds:.0f} ms per epoch, loss {curves[policy][-1]:.2f}"
    )
keras.config.set_dtype_policy("float32")
print(f"float32: loss {curves['float32'][-1]:.2f}")
visualization.training_curves(curves, "mixed_precision.png")

# %% [markdown]
# ## Share files between backends
#
# A file written on one backend can be loaded on the others. Here, the current backend writes a
# file; another installed backend loads it in a separate process and continues training.

# %%
model = new_model()
model.compile(keras.optimizers.Adam(1e-3))
train(model, epochs=10)
model.save("vae.keras")
np.savez(
    "written.npz",
    x=x[:640],
    test=x_test,
    reconstructed=model.reconstruct(x_test),
    generated=model.generate(10, seed=0),
    steps=model.optimizer.iterations,
)

READER = """
import keras, numpy as np
import keras_latent

written = np.load("written.npz")
model = keras.saving.load_model("vae.keras")
def difference(name, now):
    return f"{name} differ by at most {np.abs(written[name] - now).max():.1e}"
print(f"loaded on {keras.backend.backend()}:")
print(difference("reconstructed", model.reconstruct(written["test"])))
print(difference("generated", model.generate(10, seed=0)))
print(f"optimizer step {int(model.optimizer.iterations)} of {written['steps']}")
history = model.fit(written["x"], batch_size=64, shuffle=False, verbose=0)
print(f"loss of the next epoch: {history.history['loss'][0]:.2f}")
np.save("generated.npy", model.generate(10, seed=0))
"""

others = [b for b in ("torch", "jax", "tensorflow") if b != BACKEND and importlib.util.find_spec(b)]
reader = others[0] if others else BACKEND
done = subprocess.run(
    [sys.executable, "-c", READER],
    env=os.environ | {"KERAS_BACKEND": reader},
    capture_output=True,
    text=True,
    check=True,
)
history = model.fit(x[:640], batch_size=64, shuffle=False, verbose=0)
print(f"{done.stdout}loss of the next epoch on {BACKEND}: {history.history['loss'][0]:.2f}")

# %% [markdown]
# We tested all nine combinations of writing and reading backends with this model, on a CPU with
# Keras 3.15. These parts carry over:
#
# - The configuration and the weights. Reconstructions, and images that `generate` draws with a
#   given seed, agreed to 1e-6. The same holds for weight files (`save_weights`) and presets
#   (`save_to_preset`).
# - The optimizer: its settings, step counter and slot variables.
# - The dtype policy and the state of the seed generators.
#
# These do not:
#
# - The noise in subsequent steps. Each backend generates different numbers from the same state, so
#   training continues equally well but with different losses.
# - Settings that a backend does not support: PyTorch refuses a file with `steps_per_execution`
#   above 1.
#
# The file stores `jit_compile="auto"`, the default, as such, so the backend that loads it decides.

# %%
rows = {
    f"written on {BACKEND}": np.load("written.npz")["generated"],
    f"trained further on {reader}": np.load("generated.npy"),
}
visualization.translation_grid(rows, "across_backends.png")

# %% [markdown]
# ## Train on multiple devices
#
# In data-parallel training, each device processes part of every batch, the gradients are averaged,
# and all devices make the same update. The model code does not change, but you must create and
# compile the model under a strategy. The options depend on the backend:
#
# - TensorFlow: `tf.distribute.MirroredStrategy`, on all available GPUs.
# - JAX: `keras.distribution.DataParallel`, on all GPUs, TPUs or CPU devices. To try it on one
#   processor, set `XLA_FLAGS=--xla_force_host_platform_device_count=2`, which creates two CPU
#   devices (and is no faster).
# - PyTorch: `torchrun` starts a process per device. One process trains on one device, a GPU if
#   available.
#
# The cell below uses all devices that it finds, even if there is only one. The batch of 64 is split
# among them, so its size should be a multiple of the number of devices, as should that of the last
# batch in an epoch.


# %%
def train_on_all_devices():
    if BACKEND == "tensorflow":
        import tensorflow as tf

        strategy = tf.distribute.MirroredStrategy()
        with strategy.scope():
            model = new_model()
            model.compile(keras.optimizers.Adam(1e-3))
        return strategy.num_replicas_in_sync, train(model)[0]
    if BACKEND == "jax":
        devices = keras.distribution.list_devices()
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
        try:
            model = new_model()
            model.compile(keras.optimizers.Adam(1e-3))
            return len(devices), train(model)[0]
        finally:
            keras.distribution.set_distribution(None)
    model = new_model()
    model.compile(keras.optimizers.Adam(1e-3))
    return 1, train(model)[0]


count, together = train_on_all_devices()
print(f"{count} device{'s' if count > 1 else ''}: loss {together[-1]:.4f}")
print(f"without a strategy: loss {losses['default'][-1]:.4f}")

# %% [markdown]
# With `DataParallel`, training on many devices equals training on one, up to rounding. With
# `MirroredStrategy`, each replica draws its own noise, so losses with several devices differ
# slightly.
#
# Saved files do not depend on the number of devices: you can train on eight and load on one. Data
# that TensorFlow reads, such as a `DomainPair` on the TensorFlow backend, is distributed
# automatically.
#
# The page "Reliability" of the documentation has scripts that train in several processes, with
# PyTorch (`torchrun`) and JAX (`keras.distribution.initialize`), and says which terms see the whole
# batch.
