# ---
# jupyter:
#   description: Edit attributes along linear boundaries in latent space, and score the edits.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Editing attributes with DualVAE and measuring with CIS
#
# ## Introduction
#
# Some labels are not classes but attributes, and an image can have several of them: glasses, a
# smile, blond hair. To *edit* an attribute is to change it and leave the rest of the image as it
# is.
#
# `DualVAE` (Okamoto et al., 2019) is a VAE whose latents `z` also predict the attributes with a
# linear model: `p(y_i|z) = sigmoid(u_i . z)`. The *dual vector* `u_i` is the normal of the
# attribute's decision boundary. To edit the attribute, move along it and decode the result.
#
# The conditional inception score (CIS), from the same paper, measures whether an edit changes the
# intended attribute and nothing else. This guide applies both to scikit-learn's 8x8 digits and
# compares `DualVAE` with a conditional VAE, in about two minutes on two CPU cores. The last section
# covers faces.
#
# ## Prepare digits with attributes
#
# Three attributes are derived from the digit. *Loop* is visible. *Even* and *large* are only
# conventions, so an edit has to change the digit: the closest even version of a 3 may be an 8.
#
# To simulate missing labels, 30 % of the labels are set to -1. Images with missing labels still
# contribute to training.

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
print(f"share of missing labels: {np.mean(y < 0):.3f}")

# %% [markdown]
# ## Train the model
#
# The preset has 32 latent dimensions, one hidden layer each in encoder and decoder, and an
# observation variance of 0.05 squared pixels. `alpha` weights the attribute loss: each image has 64
# pixels to reconstruct, but only three attributes to predict.

# %%
keras.utils.set_random_seed(0)
dual = models.DualVAE.from_preset(
    "dual_vae_digits", load_weights=False, attributes=NAMES, use_bias=True, alpha=3.0
)
dual.compile()  # two Adam optimizers: VAE; encoder and boundaries
history = dual.fit(x, y, batch_size=64, epochs=60, verbose=0)
visualization.training_curves(history, "attributes_training.png")

# %% [markdown]
# The boundaries are a classifier, which `attribute_probabilities` evaluates. On test images:

# %%
predicted = dual.attribute_probabilities(x_test) > 0.5
for name, share in zip(NAMES, np.mean(predicted == y_test, axis=0), strict=True):
    print(f"{name:6s} accuracy {share:.3f}")

# %% [markdown]
# ## Edit attributes
#
# `transfer` moves the latents to `z + strength u_i / |u_i|`, so the strength counts standard
# deviations of the prior. The paper's step is `z + lambda u_i`, and how far a `lambda` goes depends
# on the lengths of the dual vectors: with `unit="dual_vector"`, the strength is `lambda`. The rows
# show the images, their reconstructions, and a step of three standard deviations towards each
# attribute.

# %%
columns = [int(np.argmax(test_digits == digit)) for digit in range(10)]
some = x_test[columns]
rows = {"digit": some, "reconstruction": dual.reconstruct(some)}
rows |= {f"more {name}": dual.transfer(some, name, 3.0) for name in NAMES}
visualization.translation_grid(rows, "attributes_transfer.png")

# %% [markdown]
# The decoder predicts the mean of a Gaussian, which is not bounded. So pixels can leave [0, 1], the
# more so the stronger the edit. `translation_grid` clips them; use `np.clip(images, 0, 1)` before
# you store images.
#
# A negative strength removes the attribute. An array of strengths, one per row, produces a sweep.
# Here it ranges from minus three to plus three standard deviations of *loop*, for the digits 3, 5
# and 7:

# %%
path = np.linspace(-3, 3, 9, dtype="float32")
sweep = {
    f"loop: {digit}": dual.transfer(np.repeat(some[[digit]], len(path), axis=0), "loop", path)
    for digit in (3, 5, 7)
}
visualization.translation_grid(sweep, "attributes_sweep.png")

# %% [markdown]
# In real data, attributes are correlated, and so are their boundaries: a step along one dual vector
# also crosses others. `direction="isolated"` moves along the component of `u_i` that is orthogonal
# to all other dual vectors, so the model's predictions of the other attributes stay the same.
# `to_boundary` moves each image just as far as it needs to go: across the boundary, until the
# attribute's log-odds equal `margin`.

# %%
rows = {"digit": some}
for name in NAMES:
    rows[f"{name} flipped"] = dual.to_boundary(some, name, margin=3.0, direction="isolated")
visualization.translation_grid(rows, "attributes_boundary.png")

# %% [markdown]
# How does the model itself classify the edited images? Not always as requested, because decoding
# and encoding again loses part of the step.

# %%
for i, name in enumerate(NAMES):
    moved = dual.to_boundary(x_test, name, margin=3.0, direction="isolated")
    after = dual.attribute_probabilities(moved) > 0.5
    others = [k for k in range(len(NAMES)) if k != i]
    print(
        f"{name:6s} changed in a share of {np.mean(after[:, i] != predicted[:, i]):.3f}, "
        f"other attributes in {np.mean(after[:, others] != predicted[:, others]):.3f}"
    )

# %% [markdown]
# ## Measure the conditional inception score
#
# A model should not evaluate itself. `attribute_classifier` trains a separate classifier on real
# images with all their labels and caches it in Keras's home folder.

# %%
classifier = metrics.attribute_classifier(
    images, all_labels, epochs=20, max_shift=1, flip=False, softness=0.5
)
report = metrics.attribute_report(
    classifier, test_images, y_test, NAMES, batch_size=len(test_images)
)
for name, row in report.items():
    print(f"{name:6s} classifier accuracy {row['accuracy']:.3f}")

# %% [markdown]
# Each image is edited towards every attribute. The *transfer score* `ts` is the increase in the
# classifier's probability of that attribute. The *reconstruction score* `rs` is minus the change in
# the probabilities of the others. CIS is their sum. Leaving an image unchanged scores 0, and images
# that already have the attribute cannot gain.
#
# A single strength says little, because each strength is a different trade-off between the two
# scores. So this code evaluates several. Editing and classification run as one compiled program.
# The strength is an input, so each way of editing is compiled only once. For comparison, a `CVAE`
# is trained with networks of the same size and the same labels. Its decoder receives the attributes
# as input, and an edit changes that input.

# %%
keras.utils.set_random_seed(0)
layers = keras.layers
image, attributes, z = keras.Input((8, 8, 1)), keras.Input((len(NAMES),)), keras.Input((32,))
h = layers.Dense(256, activation="relu")(layers.Flatten()(image))
h = layers.Concatenate()([h, attributes])
z_mean, z_log_var = layers.Dense(32)(h), layers.Dense(32, activation=ops.log_softplus)(h)
encoder = keras.Model([image, attributes], [z_mean, z_log_var])
h = layers.Dense(256, activation="relu")(layers.Concatenate()([z, attributes]))
decoder = keras.Model([z, attributes], layers.Reshape((8, 8, 1))(layers.Dense(64)(h)))
cvae = models.CVAE(encoder, decoder, attributes=NAMES, observation_variance=0.05)
cvae.compile()
cvae.fit(x, y, batch_size=64, epochs=60, verbose=0)

ways = {  # function that edits, and strengths to try
    "DualVAE": (dual.transfer_function(), np.array([1, 2, 3, 4, 6, 9])),
    "DualVAE, isolated": (
        dual.transfer_function(direction="isolated"),
        np.array([1, 2, 3, 4, 6, 9]),
    ),
    "DualVAE, to boundary": (
        dual.boundary_function(present=True, direction="isolated"),
        np.array([0, 2, 4, 6, 9, 14]),
    ),
    "CVAE": (cvae.transfer_function(), np.array([0.5, 1, 1.5, 2, 3, 4])),
}
scores = {}
for way, (function, strengths) in ways.items():
    cis = metrics.ConditionalInceptionScore(classifier, NAMES)
    scores[way] = []
    for strength in strengths:
        cis.reset_state()
        strength_of_rows = np.full(len(x_test), strength, "float32")
        inputs = {"x": x_test, "y": y_test, "strength": strength_of_rows}
        scores[way].append(cis.measure(function, inputs, batch_size=120))
    best = max(scores[way], key=lambda score: score["cis"])
    print(f"{way:21s} best CIS {best['cis']:.3f} (ts {best['ts']:.3f}, rs {best['rs']:.3f})")

# %% [markdown]
# Plot `ts` against `rs`, with a curve per way of editing, from weak to strong edits. Higher is a
# stronger effect on the intended attribute; further right is less effect on the others.

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
# When reading the plot, keep in mind that these attributes overlap by design: often no digit
# differs from another in just one of them. Also, the best strength was selected on the same test
# images that are scored, for all methods alike; `keras-latent run celeba-attributes` selects it on
# validation images.
#
# These are the CVAE's images with each attribute set:

# %%
rows = {"digit": some, "reconstruction": cvae.reconstruct(some, y_test[columns])}
rows |= {
    f"more {name}": cvae.transfer(some, name, 1.0, attributes=y_test[columns]) for name in NAMES
}
visualization.translation_grid(rows, "attributes_cvae.png")

# %% [markdown]
# The CVAE needs to know the attributes of the image that it edits; `DualVAE` infers them.
#
# ## Apply it to faces
#
# CelebA has 202,599 faces with 40 attributes. Its license permits research but not redistribution,
# so this guide shows no faces. The command reads TensorFlow Datasets' `celeb_a`:
#
# ```bash
# keras-latent run celeba-attributes --dataset celeb_a
# keras-latent run celeba-attributes --dataset celeb_a --method cvae
# keras-latent run celeba-attributes --dataset celeb_a --missing 0.5
# ```
#
# It trains the evaluation classifier and the model, selects the strength of each method on
# validation faces, scores test faces, and writes pictures and `metrics.json`. `--help` lists the
# options, and `benchmarks/TABLES.md` the results. In Python, `datasets.load_faces("celeb_a")` loads
# the arrays, and `dual_vae_celeba` and `dual_vae_celeba_small` are the presets; everything else
# works as above.
