# ---
# jupyter:
#   description: A VAE whose distances follow labels, triplets mined by hand, and pairs without labels.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Triplets and metric learning in latent spaces
#
# ## What this is about
#
# A variational autoencoder lays images out by what they look like. Often their distances should
# mean something else: two images of one class near each other, those of different classes far
# apart, however they look. Metric learning says so by *triplets*: an anchor, a positive of its
# label and a negative of another. The negative should be farther from the anchor than the
# positive, by a margin `m`:
#
#     max{0, D(anchor, positive) - D(anchor, negative) + m}
#
# `TVAE` ([Ishfaq, Hoogi and Rubin, 2018](https://arxiv.org/abs/1802.04403)) adds this hinge to the
# objective of a VAE. Here it is trained on scikit-learn's 8x8 digits, with all labels and with few;
# then `TripletMiner`, the layer that chooses the triplets, is used in a model of plain Keras; and at
# the end two domains are paired with no label at all.

# %%
import keras
import numpy as np

from keras_latent import datasets, layers, metrics, models, ops, visualization

(images, labels), (test_images, test_labels) = datasets.load_arrays("digits")
x, x_test = images / np.float32(255), test_images / np.float32(255)
everything = np.concatenate([x, x_test])
EPOCHS = 30

# %% [markdown]
# ## A VAE, and the same VAE with triplets
#
# With `triplet_weight=0` a `TVAE` is a plain VAE that logs its triplets. We train it, and two with a
# weight of 10: one with random triplets, as in the paper, and one with *semi-hard* ones, whose
# negative is the nearest of those that are farther away than the positive.
#
# The preset's networks have ten latents. Its observation variance is the paper's, 1 (in squared
# pixels), which leaves little weight to what images of 64 pixels look like: here it is 0.05.


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
# *Active* triplets are those whose hinge is above zero, so that there is still something to learn
# from them: random triplets are mostly easy. The *spread*, the mean distance of a batch's latents
# from their centre, would go to zero if all latents collapsed onto one point.
#
# ## Three measures of distances
#
# On test images, which no model was trained on:
#
# - `TripletAccuracy(margin=0)`: in which share of random triplets is the negative not nearer than
#   the positive? This is the paper's measure.
# - The same with a margin of 1: is it farther by a standard deviation of the prior?
# - `NearestNeighborAccuracy`: has the nearest training image the same label? It looks at the
#   neighbourhood only, where a VAE is good already.


# %%
def measure(z, y):
    """Of embeddings of `everything`, and the training images' labels."""
    z, z_test = np.split(z, [len(x)])
    rows = [metrics.TripletAccuracy(m, num_triplets=20_000)(test_labels, z_test) for m in (0, 1)]
    neighbors = metrics.NearestNeighborAccuracy()
    neighbors.adapt(y, z)  # rows whose label is -1 are left out
    return rows + [neighbors(test_labels, z_test)]


def print_measures(name, values):
    print(f"{name:22s}" + "".join(f"{value:14.4f}" for value in values))


print(f"{'':22s}" + "".join(f"{name:>14s}" for name in ("margin 0", "margin 1", "neighbours")))
latents = {}
for name, model in trained.items():
    latents[name] = model.encode(everything, batch_size=len(everything))
    print_measures(name, measure(latents[name], labels))

# %% [markdown]
# Triplets are about distances, and leave the rest of the VAE alone: images still come out of their
# latents.

# %%
rows = [("test digit", x_test[:10])]
for name in ("VAE", "TVAE, semi-hard"):
    rows.append((name, trained[name].reconstruct(x_test[:10])))
visualization.translation_grid(rows, "triplets_reconstructions.png")

# %% [markdown]
# A map of the test images' latents, in the plane of their first two principal components: first of
# the VAE,

# %%
of_test = latents["VAE"][len(x) :]
visualization.latent_map(of_test, test_labels, title="VAE", path="triplets_map_vae.png")

# %% [markdown]
# then of the TVAE with semi-hard triplets, whose classes have drawn together. (Two of ten dimensions
# show only a part of it.)

# %%
of_test = latents["TVAE, semi-hard"][len(x) :]
visualization.latent_map(
    of_test, test_labels, title="TVAE, semi-hard triplets", path="triplets_map_tvae.png"
)

# %% [markdown]
# ## When most labels are missing
#
# A label of -1 is a missing one. Such a row still counts in the VAE's own loss, and is in no triplet.
# With every tenth label known, a batch of 128 holds about 13 labelled images: enough for triplets.
# Only labelled images can be neighbours now, for the VAE as well:

# %%
few = np.where(np.arange(len(labels)) % 10 == 0, labels, -1)
print(f"{np.sum(few >= 0)} of {len(few)} labels are known")
with_few = train(few, triplet_weight=10.0, mining="semi_hard")
latents["TVAE, few labels"] = with_few.encode(everything, batch_size=len(everything))
for name in ("VAE", "TVAE, few labels"):
    print_measures(name, measure(latents[name], few))

# %% [markdown]
# ## What a miner chooses
#
# `TripletMiner` takes embeddings and labels, and returns the rows of anchors, positives and negatives
# and a weight, 0 where an anchor has no triplet. It has no weights of its own and works on tensors
# anywhere. Here are its strategies on the VAE's latents of a hundred test images. `"all"` takes every
# triplet, the others one for each anchor. Printed are the mean distances.

# %%
z = keras.ops.convert_to_tensor(latents["VAE"][-100:])
y = keras.ops.convert_to_tensor(test_labels[-100:].astype("int32"))


def distances(z, y, miner):
    """Distances to positives and to negatives, and the weights, of the mined triplets."""
    anchor, positive, negative, weight = miner(z, y)
    anchors = keras.ops.take(z, anchor, axis=0)
    d_positive = ops.euclidean(anchors, keras.ops.take(z, positive, axis=0))
    d_negative = ops.euclidean(anchors, keras.ops.take(z, negative, axis=0))
    return d_positive, d_negative, weight


for strategy in ("random", "semi-hard", "hard", "all"):
    *mined, weight = distances(z, y, layers.TripletMiner(strategy, margin=1.0, seed=0))
    means = [float(ops.weighted_mean(d, weight)) for d in mined]
    count = int(keras.ops.sum(weight))
    print(
        f"{strategy:10s}{count:7d} triplets; positives at {means[0]:.2f}, negatives {means[1]:.2f}"
    )

# %% [markdown]
# `"hard"` takes the farthest positive and the nearest negative: on average, they are the wrong way
# round. `"semi-hard"` keeps the negative just beyond a random positive, within the margin, and leaves
# anchors out that have none there.
#
# ## Mining in a plain Keras model
#
# The same function makes a loss for any network. A layer that adds it needs the labels as an input;
# what is trained is the encoder before it, which needs none afterwards. Embeddings lie on the unit
# sphere here, so that they cannot grow to please the margin.


# %%
class TripletLoss(keras.layers.Layer):
    """Returns the embeddings, and adds the hinge of triplets that are mined in the batch."""

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
print("Hinge, first and last epoch:", *(round(history.history["loss"][i], 3) for i in (0, -1)))

# %% [markdown]
# Without a decoder to serve, all of the latent space is there for the labels. (The margin of 1 is
# another unit here: no two points of the unit sphere are farther apart than 2.)

# %%
z = encoder.predict(everything, batch_size=len(everything), verbose=0)
print_measures("encoder, hard triplets", measure(z, labels))

# %% [markdown]
# ## Pairs in place of labels
#
# Between two domains, pairs say what belongs together, and mining needs no labels: `VBTA`, a model of
# two domains, mines with `TripletMiner("hard", distance="symmetric_kl")`, whose anchors are rows of
# one domain, and positives and negatives those of the other: the row paired with it, and the nearest
# of all others.
#
# Where no pair is known, the shape of the two clouds of points may give some. Transposing images
# turns their cloud around, in the space of pixels, and `match_by_geometry` finds the rotation: both
# domains in their principal components, then iterated closest points. Rows that are each other's
# nearest neighbours at last are its pairs. The labels only look on:

# %%
order = np.random.default_rng(0).permutation(len(images))
source, target = images, images[order].swapaxes(1, 2)
pairs = datasets.match_by_geometry(source, target, starts=5)
same_label = labels[pairs[:, 0]] == labels[order][pairs[:, 1]]
same_image = pairs[:, 0] == order[pairs[:, 1]]
print(f"{len(pairs)} pairs: {same_label.mean():.4f} of one label, {same_image.mean():.4f} right")
rows = {"source": source[pairs[:10, 0]], "its match": target[pairs[:10, 1]]}
visualization.translation_grid(rows, "triplets_matches.png")

# %% [markdown]
# That is the easy case: each image is in both domains. Where none is, similar images are paired,
# which takes more of them than there are here: with a few hundred rows, the rotation that is found
# may be a wrong one. Look at some pairs before you train on them.
#
# Such pairs are what `load_pair("mnist_transpose", paired=0, matched=True)` gives a `VBTA` to train
# on. What becomes of it stands in the README, in the columns "matched".
#
# ## Where to go from here
#
# - `keras_latent.models.TVAE` says what was read into the paper and where it is silent.
# - On MNIST, the presets `tvae_mnist` (the paper's) and `tvae_mnist_conv`; their figures stand in
#   `benchmarks/TABLES.md`.
