# ---
# jupyter:
#   description: Make a VAE's distances follow labels, mine triplets, and find pairs without labels.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Triplets and metric learning in latent spaces
#
# ## Introduction
#
# A variational autoencoder arranges images by appearance. Often, distances should have another
# meaning: images of the same class close together and images of different classes far apart,
# whatever they look like. Metric learning expresses this with *triplets* of an anchor, a positive
# with the same label, and a negative with a different label. The negative should be farther from
# the anchor than the positive is, by a margin `m`:
#
#     max{0, D(anchor, positive) - D(anchor, negative) + m}
#
# `TVAE` ([Ishfaq, Hoogi and Rubin, 2018](https://arxiv.org/abs/1802.04403)) adds this hinge loss to
# the objective of a VAE. This guide trains it on scikit-learn's 8x8 digits, first with all labels
# and then with few. It then uses `TripletMiner`, the layer that selects the triplets, in a plain
# Keras model, and finally pairs two domains without any labels.

# %%
import keras
import numpy as np

from keras_latent import datasets, layers, metrics, models, ops, visualization

(images, labels), (test_images, test_labels) = datasets.load_arrays("digits")
x, x_test = images / np.float32(255), test_images / np.float32(255)
everything = np.concatenate([x, x_test])
EPOCHS = 30

# %% [markdown]
# ## Train a VAE with and without triplets
#
# With `triplet_weight=0`, `TVAE` is a plain VAE that logs triplet statistics. The code below trains
# one, and two more models with a weight of 10: one with random triplets, as in the paper, and one
# with *semi-hard* triplets, whose negative is the nearest of those that are farther away than the
# positive.
#
# The preset's networks have ten latent dimensions. The paper's observation variance of 1 squared
# pixel would give the reconstruction of 64 pixels little weight, so it is set to 0.05.


# %%
def train(y, **options):
    keras.utils.set_random_seed(0)
    model = models.TVAE.from_preset(
        "tvae_digits", load_weights=False, observation_variance=0.05, **options
    )
    model.compile(keras.optimizers.Adam(2e-3))
    history = model.fit(x, y, batch_size=128, epochs=EPOCHS, verbose=0)
    last = {name: values[-1] for name, values in history.history.items()}
    active, spread = last["active_triplets"], last["embedding_spread"]
    print(f"{options}: active triplets {active:.2f}, spread {spread:.2f}")
    return model


trained = {
    "VAE": train(labels, triplet_weight=0.0),
    "TVAE, random": train(labels, triplet_weight=10.0, mining="random"),
    "TVAE, semi-hard": train(labels, triplet_weight=10.0, mining="semi_hard"),
}

# %% [markdown]
# *Active* triplets have a hinge loss above zero, so the model can still learn from them; random
# triplets are mostly easy. The *spread* is the mean distance of a batch's latents from their
# center. It would approach zero if all latents collapsed to one point.
#
# ## Compare three measures
#
# All three are computed on test images:
#
# - `TripletAccuracy(margin=0)`, the paper's measure: the share of random triplets whose negative is
#   not closer than the positive.
# - The same with a margin of 1: the negative must be farther away by one standard deviation of the
#   prior.
# - `NearestNeighborAccuracy`: the share of images whose nearest training image has the same label.
#   It considers only the immediate neighborhood, where a plain VAE already does well.


# %%
def measure(z, y):
    """Evaluate embeddings of `everything`, with these labels of the training images."""
    z, z_test = np.split(z, [len(x)])
    rows = [metrics.TripletAccuracy(m, num_triplets=20_000)(test_labels, z_test) for m in (0, 1)]
    neighbors = metrics.NearestNeighborAccuracy()
    neighbors.adapt(y, z)  # skips labels of -1
    return rows + [neighbors(test_labels, z_test)]


def print_measures(name, values):
    print(f"{name:22s}" + "".join(f"{value:14.4f}" for value in values))


print(f"{'':22s}" + "".join(f"{name:>14s}" for name in ("margin 0", "margin 1", "neighbors")))
latents = {}
for name, model in trained.items():
    latents[name] = model.encode(everything, batch_size=len(everything))
    print_measures(name, measure(latents[name], labels))

# %% [markdown]
# The triplet loss affects distances but leaves the rest of the VAE intact: it still reconstructs
# images.

# %%
rows = [("test digit", x_test[:10])]
for name in ("VAE", "TVAE, semi-hard"):
    rows.append((name, trained[name].reconstruct(x_test[:10])))
visualization.translation_grid(rows, "triplets_reconstructions.png")

# %% [markdown]
# The next map shows the first two principal components of the VAE's latents of the test images:

# %%
test_latents = latents["VAE"][len(x) :]
visualization.latent_map(test_latents, test_labels, title="VAE", path="triplets_map_vae.png")

# %% [markdown]
# The TVAE with semi-hard triplets has tighter classes. (The map shows only two of ten dimensions.)

# %%
test_latents = latents["TVAE, semi-hard"][len(x) :]
visualization.latent_map(
    test_latents, test_labels, title="TVAE, semi-hard triplets", path="triplets_map_tvae.png"
)

# %% [markdown]
# ## Train with few labels
#
# A label of -1 marks a missing label. Such a row contributes to the VAE's own loss, but not to
# triplets. If one label in ten is known, a batch of 128 has about 13 labeled images, which is
# enough to form triplets. Nearest neighbors are now searched among labeled images only, for the VAE
# as well:

# %%
few = np.where(np.arange(len(labels)) % 10 == 0, labels, -1)
print(f"{np.sum(few >= 0)} of {len(few)} labels are known")
with_few = train(few, triplet_weight=10.0, mining="semi_hard")
latents["TVAE, few labels"] = with_few.encode(everything, batch_size=len(everything))
for name in ("VAE", "TVAE, few labels"):
    print_measures(name, measure(latents[name], few))

# %% [markdown]
# ## Inspect the mined triplets
#
# `TripletMiner` takes embeddings and labels and returns the row indices of anchors, positives and
# negatives, and a weight that is 0 if an anchor has no triplet. It has no trainable weights and
# works on any tensors. The code below applies its strategies to the VAE's latents of a hundred test
# images and prints mean distances. `"all"` takes every triplet; the others take one per anchor.

# %%
z = keras.ops.convert_to_tensor(latents["VAE"][-100:])
y = keras.ops.convert_to_tensor(test_labels[-100:].astype("int32"))


def distances(z, y, miner):
    """Return distances to positives and to negatives, and weights, of mined triplets."""
    anchor, positive, negative, weight = miner(z, y)
    anchors = keras.ops.take(z, anchor, axis=0)
    d_positive = ops.euclidean(anchors, keras.ops.take(z, positive, axis=0))
    d_negative = ops.euclidean(anchors, keras.ops.take(z, negative, axis=0))
    return d_positive, d_negative, weight


for strategy in ("random", "semi-hard", "hard", "all"):
    *mined, weight = distances(z, y, layers.TripletMiner(strategy, margin=1.0, seed=0))
    means = [float(ops.weighted_mean(d, weight)) for d in mined]
    count = int(keras.ops.sum(weight))
    print(f"{strategy:10s}{count:7d} triplets; distances {means[0]:.2f} (+), {means[1]:.2f} (-)")

# %% [markdown]
# `"hard"` selects the farthest positive and the nearest negative, so on average the positive is
# farther away than the negative. `"semi-hard"` selects the nearest negative that is farther away
# than a random positive but within the margin, and skips anchors without one.
#
# ## Mine triplets in a plain Keras model
#
# The same function yields a loss for any network. A layer that adds this loss needs the labels as a
# second input. The encoder in front of it is trained by the loss and does not need labels
# afterwards. Here, embeddings are normalized to the unit sphere, so the model cannot satisfy the
# margin by scaling them up.


# %%
class TripletLoss(keras.layers.Layer):
    """Returns the embeddings and adds the hinge loss of triplets mined in the batch."""

    def __init__(self, strategy, margin=0.5, **kwargs):
        super().__init__(**kwargs)
        self.miner, self.margin = layers.TripletMiner(strategy), margin

    def call(self, z, y):
        d_positive, d_negative, weight = distances(z, y, self.miner)
        hinge = ops.triplet_hinge(d_positive, d_negative, self.margin)
        self.add_loss(ops.weighted_mean(hinge, weight))
        return z


keras.utils.set_random_seed(0)
encoder = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
        keras.layers.UnitNormalization(),
    ]
)
image, label = keras.Input((8, 8, 1), name="image"), keras.Input((), name="label", dtype="int32")
with_loss = keras.Model([image, label], TripletLoss("hard")(encoder(image), label))
with_loss.compile(keras.optimizers.Adam(1e-3))
history = with_loss.fit({"image": x, "label": labels}, batch_size=128, epochs=EPOCHS, verbose=0)
print("hinge loss, first and last epoch:", *(round(history.history["loss"][i], 3) for i in (0, -1)))

# %% [markdown]
# This encoder has no decoder to serve, so the whole latent space represents the labels. (A margin
# of 1 means something else here, since two points on the unit sphere are at most 2 apart.)

# %%
z = encoder.predict(everything, batch_size=len(everything), verbose=0)
print_measures("encoder, hard triplets", measure(z, labels))

# %% [markdown]
# ## Use pairs instead of labels
#
# With two domains, known pairs can replace labels. `VBTA` mines triplets across domains with
# `TripletMiner("hard", distance="symmetric_kl")`: the anchor is a row of one domain, the positive
# the row of the other domain that is paired with it, and the negative the nearest other row of that
# domain.
#
# If no pairs are known, the geometry of the two point clouds can reveal some. Transposing images
# rotates their point cloud in pixel space, and `match_by_geometry` finds this rotation: it projects
# both domains onto their principal components, runs iterative closest point, and returns the pairs
# of rows that are mutual nearest neighbors. The labels below only measure the result:

# %%
order = np.random.default_rng(0).permutation(len(images))
source, target = images, images[order].swapaxes(1, 2)
pairs = datasets.match_by_geometry(source, target, starts=5)
same_label = labels[pairs[:, 0]] == labels[order][pairs[:, 1]]
same_image = pairs[:, 0] == order[pairs[:, 1]]
print(f"{len(pairs)} pairs: same label {same_label.mean():.4f}, same image {same_image.mean():.4f}")
rows = {"source": source[pairs[:10, 0]], "match": target[pairs[:10, 1]]}
visualization.translation_grid(rows, "triplets_matches.png")

# %% [markdown]
# This is the easy case, in which each image occurs in both domains. Otherwise, `match_by_geometry`
# pairs similar images, which requires more data than this: with a few hundred rows, it may find a
# wrong rotation. Check some pairs before you train on them.
#
# `load_pair("mnist_transpose", paired=0, matched=True)` provides such pairs for training a `VBTA`.
# The documentation's page about VBTA shows the results in the columns "matched".
#
# ## Next steps
#
# - The docstring of `keras_latent.models.TVAE` explains how it interprets the paper where it is
#   unclear.
# - For MNIST, use the presets `tvae_mnist` (the paper's configuration) and `tvae_mnist_conv`;
#   `benchmarks/TABLES.md` lists their results.
