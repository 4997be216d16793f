# ---
# jupyter:
#   description: Two data sets of handwritten digits, translated without pairs or labels.
#   kernelspec:
#     name: python3
#     display_name: Python 3
#   accelerator: GPU
# ---

# %% [markdown]
# # MNIST <-> USPS with LSTNet
#
# ## What this is about
#
# MNIST and USPS are both handwritten digits, from other writers, scanners and decades: 28x28 pixels
# and 16x16, one thin and grey at the edges, the other broad and filling its frame. No image is in
# both. A translation between them has to be learned from two heaps of images alone.
#
# `LSTNet`, the Latent Space Translation Network (Friedjungova et al., ESANN 2020), does it by a
# game. Encoders bring both domains into one latent space, generators bring latents back into either
# domain. Three discriminators try to tell real from translated images, one for each domain, and
# latents of one domain from those of the other. And an image that goes to the other domain and back
# should be what it was.
#
# The preset here is `lstnet_mnist_usps_tiny`, the paper's networks at a 32nd of their width, trained
# for just under one pass over MNIST: minutes on two CPU cores, fewest on TensorFlow. That is enough
# to see the game work, and far from the paper. How to get there stands at the end.
#
# ## Two domains without pairs
#
# `augment=True` turns, moves and scales each training image a little, as in the paper. Batches hold
# 64 images of each domain, which have nothing to do with each other. The pair knows labels, but no
# batch has any: they are for the measures.

# %%
import keras
import numpy as np

from keras_latent import callbacks, datasets, metrics, models, visualization

pair = datasets.load_pair("mnist_usps", batch_size=64, augment=True, seed=0)
print(pair)

TEST = 1000  # images of each domain that are measured
test = {
    "source": pair.source_test[:TEST] / np.float32(255),
    "target": pair.target_test[:TEST] / np.float32(255),
}
labels = {"source": pair.source_test_labels[:TEST], "target": pair.target_test_labels[:TEST]}
one_of_each = {d: test[d][[int(np.argmax(labels[d] == k)) for k in range(10)]] for d in test}
rows = {"MNIST (source)": one_of_each["source"], "USPS (target)": one_of_each["target"]}
visualization.translation_grid(rows, "lstnet_domains.png")

# %% [markdown]
# ## The judges
#
# Is a translated 7 still a 7? A classifier of each domain, trained on its real images, says so.
# They are kept in Keras's own folder, and loaded when they are asked for again. `max_shift` and
# `softness` make them less sensitive to where a digit is and how sharp, so that they judge what it
# is. (MNIST's sees a sixth of its images here, to save time.)

# %%
judges = {
    "source": metrics.reference_classifier(
        pair.source_train[:10_000],
        pair.source_train_labels[:10_000],
        epochs=4,
        max_shift=2,
        softness=0.5,
    ),
    "target": metrics.reference_classifier(
        pair.target_train, pair.target_train_labels, epochs=6, max_shift=1, softness=0.5
    ),
}


def accuracy(domain, images, labels):
    """Share of images in which the judge of a domain sees the label."""
    metric = metrics.TransferAccuracy(judges[domain])
    metric.update_state(labels, images)
    return float(metric.result())


for domain in judges:
    share = accuracy(domain, test[domain], labels[domain])
    print(f"judge of the {domain}, on real images: {share:.3f}")

# %% [markdown]
# What is there to gain? As they are, only made larger or smaller, digits of the other domain are
# recognised by these judges as well, but less often:

# %%
resized = {
    "source": keras.ops.image.resize(test["target"], (28, 28), antialias=True),
    "target": keras.ops.image.resize(test["source"], (16, 16), antialias=True),
}
other = {"source": "target", "target": "source"}
for to, images in resized.items():
    share = accuracy(to, keras.ops.convert_to_numpy(images), labels[other[to]])
    print(f"{other[to]} resized to {to}: {share:.3f}")

# %% [markdown]
# ## Two teams
#
# In every step the discriminators learn first, then encoders and generators, on the same
# translations. Each team has an optimizer of its own: `compile` takes a dict. The learning rate is
# much larger than the paper's 1e-4, and falls along a cosine, for this short training.

# %%
EPOCHS, STEPS = 4, 230  # together just under one pass over MNIST

model = models.LSTNet.from_preset("lstnet_mnist_usps_tiny", load_weights=False, seed=0)
print(f"{model.count_params():,} parameters; teams: {list(model.optimizer_groups())}")


def adam():
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * STEPS, alpha=0.05)
    return keras.optimizers.Adam(rate, beta_1=0.8)


keras.utils.set_random_seed(0)
model.compile({"discriminators": adam(), "translators": adam()})

# %% [markdown]
# A game can be lost. The logs say how it stands: the discriminators' accuracies (0.5: they cannot
# tell; 1: they always can, and teach nothing any more) and the spread, the variance of translated
# images divided by that of real ones (near 0: the generator draws the same picture for all).
# `CollapseMonitor` warns when they say so; `LSTNet` adds one to `fit` if you do not.
#
# `TranslationGrid` draws the same few images after every epoch, into a folder.

# %%
monitor = callbacks.CollapseMonitor()
grid = callbacks.TranslationGrid(one_of_each["source"], one_of_each["target"], "lstnet_grids")
history = model.fit(
    pair.train,
    epochs=EPOCHS,
    steps_per_epoch=STEPS,
    shuffle=False,  # the pair has shuffled
    callbacks=[monitor, grid],
    verbose=2,
)
print("lost:", monitor.reasons if monitor.collapsed else "nothing")

# %% [markdown]
# How the game went:

# %%
shown = [f"{d}_{log}" for log in ("discriminator_accuracy", "spread", "cycle_loss") for d in test]
visualization.training_curves(
    {name: history.history[name] for name in shown}, "lstnet_training.png"
)

# %% [markdown]
# ## Translations
#
# `translate` goes to the other domain, `cycle` there and back:

# %%
rows = []
for domain, images in one_of_each.items():
    rows += [
        (domain, images),
        (f"as {other[domain]}", model.translate(images, to=other[domain])),
        ("and back", model.cycle(images, domain=domain)),
    ]
visualization.translation_grid(rows, "lstnet_translations.png")

# %% [markdown]
# Are they what they were? To be compared with the resized images above. Digits of the two sets are
# alike, so that resizing is not easily beaten: after a training as short as this one, do not expect
# translations to be recognised more often than resized images, although they look more like the
# other domain. The paper's networks, and the longer training below, go far beyond.

# %%
for to in judges:
    translated = model.translate(test[other[to]], to=to)
    print(f"{other[to]} translated to {to}: {accuracy(to, translated, labels[other[to]]):.3f}")

# %% [markdown]
# The pictures in `lstnet_grids` show how it went: blobs first, then strokes, then digits, of which
# some are another digit than they were. No label says which is which; only that what goes there and
# back should be the same, and that both domains share their latents.
#
# ## A classifier without labels of its own
#
# Translate first, then classify: so a classifier of MNIST becomes one of USPS, for which no label
# was used. `to_classifier` makes it one Keras model, which can be saved, exported and served.

# %%
classify_usps = model.to_classifier(judges["source"], domain="target")
scores = classify_usps.predict(test["target"], batch_size=TEST, verbose=0)
print(f"USPS, by a classifier of MNIST: {np.mean(scores.argmax(1) == labels['target']):.3f}")
classify_usps.save("classify_usps.keras")

# %% [markdown]
# ## At full length
#
# The command trains the preset `lstnet_mnist_usps_small`, a quarter of the paper's width, for 8
# epochs: about an hour on two CPU cores that multiply bfloat16 matrices, without them (and the
# option) more. It can be interrupted and goes on where it was.
#
# ```bash
# keras-latent run mnist-usps --mixed-precision mixed_bfloat16
# keras-latent run mnist-usps --preset paper                      # the paper's networks, on a GPU
# ```
#
# It also decides which epoch counts, for each direction, without labels: by the information that
# the judge's answers hold on translated *training* images. What it reaches stands beside the
# paper's table in `benchmarks/TABLES.md`.
#
# For domains of your own, `datasets.pair_from_arrays(a, b, augment=...)` makes the pair, and
# `LSTNet` takes any networks of fitting shapes; its docstring lists what helps where the game is
# lost (`label_smoothing`, `instance_noise`, `r1_weight`, `ema_momentum`).
