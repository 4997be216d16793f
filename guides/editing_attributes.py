# ---
# jupyter:
#   description: 'Attributes as linear boundaries in latent space: moved across, and scored.'
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Editing attributes with DualVAE and measuring with CIS
#
# ## What this is about
#
# Some labels are not classes but attributes, of which an image may have several: glasses, a smile,
# blond hair. To *edit* an attribute is to make an image that has it, and is otherwise the same.
#
# `DualVAE` (Okamoto et al., 2019) is a VAE whose latents `z` also predict the attributes, linearly:
# `p(y_i|z) = sigmoid(u_i . z)`. The *dual vector* `u_i` is the normal of the attribute's decision
# boundary, and an edit is a step along it, decoded: `z + lambda u_i`.
#
# The conditional inception score (CIS) of the same paper says whether an edit does what it should,
# and nothing else. Here both are tried on scikit-learn's 8x8 digits, beside a conditional VAE,
# in about two minutes on two CPU cores. Faces come at the end.
#
# ## Digits with attributes
#
# Three attributes, all made from the digit. *Loop* can be seen; *even* and *large* are mere
# conventions, which an edit has to find a digit for: 3 made even, and otherwise the same, may be an
# 8.
#
# Three labels in ten are taken away. -1 says that a label is missing; the image still counts.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_latent import datasets, metrics, models, ops, visualization

NAMES = ["even", "large", "loop"]


def attributes_of(digit):
    columns = digit % 2 == 0, digit >= 5, np.isin(digit, [0, 6, 8, 9])
    return np.stack(columns, axis=1).astype("int32")


(images, digits), (test_images, test_digits) = datasets.load_arrays("digits")
x, x_test = images / np.float32(255), test_images / np.float32(255)
all_labels, y_test = attributes_of(digits), attributes_of(test_digits)
missing = np.random.default_rng(0).random(all_labels.shape) < 0.3
y = np.where(missing, -1, all_labels)
print(f"{np.mean(y < 0):.3f} of the labels are missing")

# %% [markdown]
# ## Training
#
# The preset has 32 latents, one hidden layer each way, and an observation variance of 0.05 squared
# pixels. `alpha` weighs the labels: an image has 64 pixels to explain and three attributes.

# %%
keras.utils.set_random_seed(0)
dual = models.DualVAE.from_preset(
    "dual_vae_digits", load_weights=False, attributes=NAMES, use_bias=True, alpha=3.0
)
dual.compile()  # two Adams: one for the VAE, one for encoder and boundaries
history = dual.fit(x, y, batch_size=64, epochs=60, verbose=0)
visualization.training_curves(history, "attributes_training.png")

# %% [markdown]
# The boundaries are a classifier, which `attribute_probabilities` asks. On test images:

# %%
seen = dual.attribute_probabilities(x_test) > 0.5
for name, share in zip(NAMES, np.mean(seen == y_test, axis=0), strict=True):
    print(f"{name:6s} right in {share:.3f} of the test images")

# %% [markdown]
# ## Editing
#
# `transfer` takes the step `z + lambda u_i`. How long it is depends on the length of `u_i`; here we
# think in standard deviations of the prior. Rows: the images, their reconstructions, and a step of
# three standard deviations towards each attribute.

# %%
step = 1.0 / float(np.linalg.norm(dual.dual_vectors(), axis=1).mean())
columns = [int(np.argmax(test_digits == digit)) for digit in range(10)]
some = x_test[columns]
rows = {"digit": some, "reconstruction": dual.reconstruct(some)}
rows |= {f"more {name}": dual.transfer(some, name, 3 * step) for name in NAMES}
visualization.translation_grid(rows, "attributes_transfer.png")

# %% [markdown]
# A negative strength takes the attribute away, and one number for each row makes a sweep. From three
# standard deviations less to three more of *loop*, for the digits 3, 5 and 7:

# %%
path = np.linspace(-3, 3, 9, dtype="float32") * np.float32(step)
sweep = {
    f"loop: {digit}": dual.transfer(np.repeat(some[[digit]], len(path), axis=0), "loop", path)
    for digit in (3, 5, 7)
}
visualization.translation_grid(sweep, "attributes_sweep.png")

# %% [markdown]
# Attributes of real data hang together, and so do their boundaries: a step along one dual vector
# crosses others, too. `direction="isolated"` moves along the part of `u_i` that no other dual
# vector has a share in, so that the model's own answers about the others stay. And `to_boundary`
# goes as far as each image needs: to the other side, where the attribute's log-odds are `margin`.

# %%
rows = {"digit": some}
for name in NAMES:
    rows[f"{name} or not"] = dual.to_boundary(some, name, margin=3.0, direction="isolated")
visualization.translation_grid(rows, "attributes_boundary.png")

# %% [markdown]
# What does the model itself say of these pictures, if it is asked again? Not quite what was asked
# for: decoding and encoding once more loses some of the step.

# %%
for i, name in enumerate(NAMES):
    moved = dual.to_boundary(x_test, name, margin=3.0, direction="isolated")
    after = dual.attribute_probabilities(moved) > 0.5
    others = [k for k in range(len(NAMES)) if k != i]
    print(
        f"{name:6s} changed in {np.mean(after[:, i] != seen[:, i]):.3f}, "
        f"the others in {np.mean(after[:, others] != seen[:, others]):.3f}"
    )

# %% [markdown]
# ## A judge, and the conditional inception score
#
# No model should be its own judge. `attribute_classifier` trains one on real images, with all of
# their labels, once, and keeps it in Keras's own folder.

# %%
judge = metrics.attribute_classifier(
    images, all_labels, epochs=20, max_shift=1, flip=False, softness=0.5
)
report = metrics.attribute_report(judge, test_images, y_test, NAMES, batch_size=len(test_images))
for name, row in report.items():
    print(f"judge of {name:6s} right in {row['accuracy']:.3f} of the test images")

# %% [markdown]
# Each image is edited towards every attribute. The *transfer score* `ts` is how much the judge's
# probability of that attribute rises, the *reconstruction score* `rs` minus how much those of the
# others change, and CIS their sum. Doing nothing scores 0; images that have the attribute already
# cannot gain.
#
# One number says little, since every strength strikes another balance: so all are tried. The whole
# of it, edit and judge, runs as one compiled program; strengths go in beside the images, so that
# it is compiled once for each way of editing. `CVAE`, whose decoder is told the attributes, edits
# by telling it another one, and gets the same networks and labels.

# %%
keras.utils.set_random_seed(0)
layers = keras.layers
image, told, z = keras.Input((8, 8, 1)), keras.Input((len(NAMES),)), keras.Input((32,))
h = layers.Dense(256, activation="relu")(layers.Flatten()(image))
h = layers.Concatenate()([h, told])
z_mean, z_log_var = layers.Dense(32)(h), layers.Dense(32, activation=ops.log_softplus)(h)
encoder = keras.Model([image, told], [z_mean, z_log_var])
h = layers.Dense(256, activation="relu")(layers.Concatenate()([z, told]))
decoder = keras.Model([z, told], layers.Reshape((8, 8, 1))(layers.Dense(64)(h)))
cvae = models.CVAE(encoder, decoder, attributes=NAMES, observation_variance=0.05)
cvae.compile()
cvae.fit(x, y, batch_size=64, epochs=60, verbose=0)

ways = {  # how to edit, and the strengths to try
    "DualVAE": (dual.transfer_function(), step * np.array([1, 2, 3, 4, 6, 9])),
    "DualVAE, isolated": (
        dual.transfer_function(direction="isolated"),
        step * np.array([1, 2, 3, 4, 6, 9]),
    ),
    "DualVAE, to boundary": (
        dual.boundary_function(present=True, direction="isolated"),
        np.array([0, 2, 4, 6, 9, 14]),
    ),
    "CVAE": (cvae.transfer_function(), np.array([0.5, 1, 1.5, 2, 3, 4])),
}
scores = {}
for way, (function, strengths) in ways.items():
    cis = metrics.ConditionalInceptionScore(judge, NAMES)
    scores[way] = []
    for strength in strengths:
        cis.reset_state()
        strength_of_rows = np.full(len(x_test), strength, "float32")
        inputs = {"x": x_test, "y": y_test, "strength": strength_of_rows}
        scores[way].append(cis.measure(function, inputs, batch_size=120))
    best = max(scores[way], key=lambda score: score["cis"])
    print(f"{way:21s} best CIS {best['cis']:.3f} (ts {best['ts']:.3f}, rs {best['rs']:.3f})")

# %% [markdown]
# Drawn over each other, `ts` over `rs`, each curve from weak edits to strong ones. Up is an edit
# that works, right is one that leaves other attributes alone.

# %%
figure, axes = plt.subplots(figsize=(6.0, 4.2), dpi=150, layout="constrained")
for way, points in scores.items():
    rs, ts = ([score[name] for score in points] for name in ("rs", "ts"))
    axes.plot(rs, ts, marker="o", markersize=4, label=way)
axes.set(xlabel="reconstruction score rs", ylabel="transfer score ts")
axes.legend()
figure.savefig("attributes_scores.png")
plt.show()

# %% [markdown]
# Read it with the attributes in mind: those of ten digits are tangled on purpose, and often no
# digit has one more and is otherwise the same. And the best strength was chosen on the same test
# images that are scored, for every way alike; `keras-latent run celeba-attributes` chooses it on
# validation images.
#
# What the CVAE draws, with each attribute set:

# %%
rows = {"digit": some, "reconstruction": cvae.reconstruct(some, y_test[columns])}
rows |= {
    f"more {name}": cvae.transfer(some, name, 1.0, attributes=y_test[columns]) for name in NAMES
}
visualization.translation_grid(rows, "attributes_cvae.png")

# %% [markdown]
# It needs to know the attributes of the image that it edits; `DualVAE` reads them off the image.
#
# ## The same on faces
#
# CelebA has 40 attributes of 202,599 faces. Its pictures may be used in research and not be passed
# on, so that none is shown here. On the command line, with TensorFlow Datasets' `celeb_a`:
#
# ```bash
# keras-latent run celeba-attributes --dataset celeb_a
# keras-latent run celeba-attributes --dataset celeb_a --method cvae
# keras-latent run celeba-attributes --dataset celeb_a --missing 0.5
# ```
#
# It trains the judge and the model, chooses each way's strength on validation faces, scores test
# faces, and writes pictures and `metrics.json`. `--help` lists the options, `benchmarks/TABLES.md`
# what came out. In Python, `datasets.load_faces("celeb_a")` has the arrays, `dual_vae_celeba` and
# `dual_vae_celeba_small` are the presets; everything else stays as it is above.
