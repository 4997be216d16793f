# ---
# jupyter:
#   description: One model on TensorFlow, JAX and PyTorch, in half precision, on every device there is.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Swapping backends, mixed precision, several devices
#
# ## The backend
#
# Keras reads the environment variable `KERAS_BACKEND` once, when it is imported: `"tensorflow"`,
# `"jax"` or `"torch"`. Without it, `~/.keras/keras.json` decides. In a notebook, the first cell is
# the place for `os.environ["KERAS_BACKEND"] = "jax"`. A process stays with its backend.
#
# Nothing else in a program changes, and nothing below names a backend but for the section on
# several devices. What is printed and drawn here depends on the backend and the machine that ran
# it; the first line says which.

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
x = x[: 22 * 64]  # whole batches, which several devices can share
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
    """Losses of the epochs, and the seconds of the fastest; the first one compiles."""

    clock = Clock()
    history = model.fit(
        x, epochs=epochs, batch_size=64, shuffle=False, verbose=0, callbacks=[clock]
    )
    return history.history["loss"], min(clock.seconds)


# %% [markdown]
# ## How a step is run
#
# `compile` has three settings that change the speed and nothing else:
#
# - `jit_compile`: XLA on TensorFlow and JAX, `torch.compile` on PyTorch. The default, `"auto"`, is
#   yes on the first two and no on PyTorch, which runs a step operation by operation; and no on a
#   TensorFlow without an accelerator for models that convolve, since that is faster there.
# - `steps_per_execution`: batches in one compiled call. It helps where a step is so short that
#   calling it costs as much. Keras has it on TensorFlow and JAX, and refuses it on PyTorch.
# - `run_eagerly=True`: nothing is compiled, so that a debugger and `print` work inside the losses.

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
    print(f"{name:22s} {1000 * seconds:5.0f} ms an epoch; loss of the third epoch {third:.3f}")

# %% [markdown]
# The losses agree: the noise comes from the model's seed, however the step is run. Between backends
# they do not agree to the last digit, since each draws other random numbers.
#
# ## Mixed precision
#
# Under a policy such as `"mixed_bfloat16"` (16 bits; for TPUs, newer GPUs and CPUs with matrix units)
# or `"mixed_float16"` (for GPUs), layers compute in half precision and keep their weights in
# float32. It is set before the model is made, and stays with the model, in its file too.
#
# The models here compute what needs precision, log-likelihoods and divergences, in float32
# nevertheless. Under `"mixed_float16"`, small gradients would be rounded to 0: `compile` wraps each
# optimizer so that its loss is scaled and steps with an overflow are left out. Where the processor
# has no units for it, half precision is slower than float32: try it before you use it.

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
        f"{1000 * seconds:.0f} ms an epoch, loss {curves[policy][-1]:.2f}"
    )
keras.config.set_dtype_policy("float32")
print(f"float32: loss {curves['float32'][-1]:.2f}")
visualization.training_curves(curves, "mixed_precision.png")

# %% [markdown]
# ## Files across backends
#
# A file that was written on one backend can be read on the others. Here this backend writes, and
# another one that is installed, in a process of its own, reads and goes on training.

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

was = np.load("written.npz")
model = keras.saving.load_model("vae.keras")
model.compile(model.optimizer)  # see below
def difference(name, now):
    return f"{name} differ by {np.abs(was[name] - now).max():.1e} at most"
print(f"read on {keras.backend.backend()}:")
print(difference("reconstructed", model.reconstruct(was["test"])))
print(difference("generated", model.generate(10, seed=0)))
print(f"the optimizer stands at step {int(model.optimizer.iterations)} of {was['steps']}")
history = model.fit(was["x"], batch_size=64, shuffle=False, verbose=0)
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
print(f"{done.stdout}loss of the same epoch on {BACKEND}: {history.history['loss'][0]:.2f}")

# %% [markdown]
# All nine combinations of a writing and a reading backend were tried with this model, on a CPU with
# Keras 3.15. What carries over:
#
# - The configuration and the weights: reconstructions, and what `generate` draws with a seed, agreed
#   to 1e-6. Files of weights (`save_weights`) and presets (`save_to_preset`) do the same.
# - The optimizer: its settings, its step and its slots.
# - The precision, and the state of the seeds.
#
# What does not:
#
# - The noise of the next steps. Each backend makes other numbers of the same state, so that the
#   training goes on as well, but not with the same losses.
# - What only some backends have: a file with `steps_per_execution` above 1 is refused by PyTorch.
#
# `jit_compile="auto"`, the default, stays that in the file: the backend that reads it chooses.

# %%
rows = {
    f"written on {BACKEND}": np.load("written.npz")["generated"],
    f"trained on {reader}": np.load("generated.npy"),
}
visualization.translation_grid(rows, "across_backends.png")

# %% [markdown]
# ## Several devices
#
# Each device takes a part of every batch; what they find is averaged, and all devices make the same
# step. The model is unchanged; it has to be made and compiled under a strategy. What there is
# depends on the backend:
#
# - TensorFlow: `tf.distribute.MirroredStrategy`, over all GPUs that are there.
# - JAX: `keras.distribution.DataParallel`, over all GPUs or TPUs, or CPU devices (the environment
#   variable `XLA_FLAGS=--xla_force_host_platform_device_count=2` makes two of one processor, which is
#   no faster, but lets you try).
# - PyTorch: Keras trains on one device, which is the GPU if there is one.
#
# This cell takes whatever devices it finds, be it one. The batch of 64 is that of all devices
# together; it should be a multiple of their number, and so should the last batch of an epoch.


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
# `DataParallel` makes the same training of many devices as of one, up to rounding. Under
# `MirroredStrategy` each device draws the noise of its own rows, so that with several of them the
# losses differ a little from those of one.
#
# Files know nothing of devices: a model that was trained on eight is saved and loaded as any other.
# Data that TensorFlow reads, such as a `DomainPair` on this backend, is distributed as it comes.
