# ---
# jupyter:
#   description: Translate between two data sets of handwritten digits without pairs or labels.
#   kernelspec:
#     name: python3
#     display_name: Python 3
#   accelerator: GPU
# ---

# %% [markdown]
# # MNIST <-> USPS with LSTNet
#
# ## Introduction
#
# MNIST and USPS both contain handwritten digits, but from different writers, scanners and decades.
# MNIST images have 28x28 pixels, thin strokes and gray edges; USPS images have 16x16 pixels and
# broad strokes that fill the frame. No image is in both data sets, so a translation has to be
# learned from two unpaired sets of images.
#
# `LSTNet`, the Latent Space Translation Network (Friedjungová et al., ESANN 2020), learns it
# adversarially. Encoders map both domains to one latent space, and generators map latents back to
# either domain. There are three discriminators: one per domain, which distinguishes real from
# translated images, and one that tells which domain a latent comes from. A cycle loss ensures that
# an image translated to the other domain and back stays the same.
#
# This guide uses the preset `lstnet_mnist_usps_tiny`, the paper's networks at 1/32 of their width,
# and trains it for just under one pass over MNIST. This takes minutes on two CPU cores; TensorFlow
# is the fastest. It is enough to see how the training works, but far from the paper's results. The
# last section shows how to train at full length.
#
# ## Load two domains without pairs
#
# `augment=True` rotates, shifts and scales each training image slightly, as in the paper. A batch
# holds 64 unrelated images of each domain. The pair includes labels, but batches do not: labels are
# used only for evaluation.

# %%
import keras
import numpy as np

from keras_latent import callbacks, datasets, metrics, models, visualization

pair = datasets.load_pair("mnist_usps", batch_size=64, augment=True, seed=0)
print(pair)

TEST = 1000  # test images per domain
test = {
    "source": pair.source_test[:TEST] / np.float32(255),
    "target": pair.target_test[:TEST] / np.float32(255),
}
labels = {"source": pair.source_test_labels[:TEST], "target": pair.target_test_labels[:TEST]}
one_of_each = {d: test[d][[int(np.argmax(labels[d] == k)) for k in range(10)]] for d in test}
rows = {"MNIST (source)": one_of_each["source"], "USPS (target)": one_of_each["target"]}
visualization.translation_grid(rows, "lstnet_domains.png")

# %% [markdown]
# ## Train the evaluation classifiers
#
# Is a translated 7 still a 7? A classifier per domain, trained on its real images, measures this.
# Classifiers are cached in Keras's home folder. `max_shift` and `softness` augment their training
# images, so that they depend less on a digit's position and sharpness. (To save time, the MNIST
# classifier is trained on a sixth of the images.)

# %%
classifiers = {
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
    """Share of images that the domain's classifier assigns to their label."""
    metric = metrics.TransferAccuracy(classifiers[domain])
    metric.update_state(labels, images)
    return float(metric.result())


for domain in classifiers:
    share = accuracy(domain, test[domain], labels[domain])
    print(f"{domain} classifier on real images: {share:.3f}")

# %% [markdown]
# As a baseline, classify the images of the other domain after resizing them, without any
# translation. They are recognized too, but less often:

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
# ## Configure two optimizers
#
# In every step, the discriminators are updated first, then the encoders and generators, on the same
# translations. Each of these two groups has its own optimizer, so `compile` takes a dict. For this
# short training, the learning rate is much larger than the paper's 1e-4 and decays along a cosine.

# %%
EPOCHS, STEPS = 4, 230  # together just under one pass over MNIST

model = models.LSTNet.from_preset("lstnet_mnist_usps_tiny", load_weights=False, seed=0)
print(f"{model.count_params():,} parameters; optimizer groups: {list(model.optimizer_groups())}")


def adam():
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * STEPS, alpha=0.05)
    return keras.optimizers.Adam(rate, beta_1=0.8)


keras.utils.set_random_seed(0)
model.compile({"discriminators": adam(), "translators": adam()})

# %% [markdown]
# Adversarial training can fail, and the logs show when it does. A discriminator accuracy of 0.5
# means that it cannot tell the images apart; at 1 it is always right and its gradient no longer
# helps. The spread is the variance of translated images divided by that of real ones; near 0, the
# generator produces the same image for every input. `CollapseMonitor` warns in these cases. If you
# do not pass one, `LSTNet` adds it to `fit`.
#
# `TranslationGrid` saves a picture of the same translated images after every epoch.

# %%
monitor = callbacks.CollapseMonitor()
grid = callbacks.TranslationGrid(one_of_each["source"], one_of_each["target"], "lstnet_grids")
history = model.fit(
    pair.train,
    epochs=EPOCHS,
    steps_per_epoch=STEPS,
    shuffle=False,  # already shuffled by the pair
    callbacks=[monitor, grid],
    verbose=2,
)
print("Collapsed:", monitor.reasons if monitor.collapsed else "no")

# %% [markdown]
# Plot the training:

# %%
shown = [f"{d}_{log}" for log in ("discriminator_accuracy", "spread", "cycle_loss") for d in test]
visualization.training_curves(
    {name: history.history[name] for name in shown}, "lstnet_training.png"
)

# %% [markdown]
# ## Translate
#
# `translate` maps images to the other domain, `cycle` maps them there and back:

# %%
rows = []
for domain, images in one_of_each.items():
    rows += [
        (domain, images),
        (f"as {other[domain]}", model.translate(images, to=other[domain])),
        ("cycle", model.cycle(images, domain=domain)),
    ]
visualization.translation_grid(rows, "lstnet_translations.png")

# %% [markdown]
# Compare the accuracy of the translations with that of the resized images above. The two data sets
# are similar, which makes resizing hard to beat: after such a short training, translations look
# more like the other domain, but do not expect them to be recognized more often. The paper's
# networks and longer training improve this considerably.

# %%
for to in classifiers:
    translated = model.translate(test[other[to]], to=to)
    print(f"{other[to]} translated to {to}: {accuracy(to, translated, labels[other[to]]):.3f}")

# %% [markdown]
# The pictures in `lstnet_grids` show the progress from blobs to strokes to digits. Some
# translations become a different digit, because training uses no labels: it only requires that
# cycles preserve the image and that the domains share their latents.
#
# ## Build a classifier without target labels
#
# To classify USPS without USPS labels, translate the images to MNIST and apply the MNIST
# classifier. `to_classifier` combines both steps into one Keras model that you can save, export and
# serve.

# %%
classify_usps = model.to_classifier(classifiers["source"], domain="target")
scores = classify_usps.predict(test["target"], batch_size=TEST, verbose=0)
print(f"USPS with an MNIST classifier: {np.mean(scores.argmax(1) == labels['target']):.3f}")
classify_usps.save("classify_usps.keras")

# %% [markdown]
# ## Train at full length
#
# By default, the command trains the preset `lstnet_mnist_usps_small`, a quarter of the paper's
# width, for 8 epochs. This takes about an hour on two CPU cores with bfloat16 matrix units. On
# other CPUs, leave out `--mixed-precision`; training takes longer. If interrupted, run the command
# again to resume.
#
# ```bash
# keras-latent run mnist-usps --mixed-precision mixed_bfloat16
# keras-latent run mnist-usps --preset paper                      # the paper's networks, on a GPU
# ```
#
# The command also selects the best epoch per direction without labels, by the mutual information
# between translated *training* images and the evaluation classifier's predictions.
# `benchmarks/TABLES.md` compares the results with the paper's.
#
# To use your own domains, create the pair with `datasets.pair_from_arrays(a, b, augment=...)`.
# `LSTNet` accepts any networks with matching shapes. Its docstring lists options that help when
# training fails (`label_smoothing`, `instance_noise`, `r1_weight`, `ema_momentum`).
