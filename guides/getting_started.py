# ---
# jupyter:
#   description: 'Two domains and a model of both: trained, measured, drawn and saved.'
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Getting started with domain pairs
#
# ## What this is about
#
# A *domain* is a set of alike things: photographs, sketches, spoken words. *Domain transfer* turns
# a thing of one domain into its counterpart in another: a photograph into the sketch of the same
# face. keras_latent does it through a latent space: what was seen is encoded into a few numbers,
# and decoded into the other domain.
#
# In this guide the domains are scikit-learn's 8x8 digits and the same digits transposed (rows and
# columns exchanged). Nothing is downloaded, and it takes about a minute on two CPU cores. It
# runs on TensorFlow, JAX and PyTorch alike: Keras takes the backend that the environment variable
# `KERAS_BACKEND` names.

# %%
import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

keras.utils.set_random_seed(0)

# %% [markdown]
# ## A domain pair
#
# `load_pair` loads two domains by name. Here the model may know 100 *pairs*: it is told that these
# images and those transposed ones are the same digits. All other rows of both domains are shuffled
# independently, so that nothing can be learned from which of them meet in a batch.

# %%
pair = datasets.load_pair("digits_transpose", paired=100)
print(pair)

# %% [markdown]
# `pair.train` and `pair.test` go into `model.fit` as they are. The arrays are there too, as they
# were read (`uint8`), with their labels, which no batch holds: the model below is never told what a
# digit is.
#
# Models take floats from 0 to 1, channels last. The first row below is the source, the second the
# target.

# %%
source_test, target_test = pair.source_test / np.float32(255), pair.target_test / np.float32(255)
columns = [int(np.argmax(pair.source_test_labels == digit)) for digit in range(10)]
visualization.translation_grid(
    {"source": source_test[columns], "target": target_test[columns]}, "domains.png"
)

# %% [markdown]
# ## A model from a preset
#
# `VBTA`, the Variational Bi-domain Triplet Autoencoder ([Kuznetsova and Bakhteev,
# 2018](https://arxiv.org/abs/1806.08672)), has an encoder and a decoder for each domain, and one
# latent space for both. A preset is a named configuration, networks included; `models.VBTA.presets`
# lists those of `VBTA`. This one comes with trained weights; `load_weights=False` starts from random
# ones, to train it here.

# %%
model = models.VBTA.from_preset("vbta_digits_transpose_sharp", load_weights=False, seed=0)
print(f"{model.count_params():,} parameters, {model.latent_dim} latents")

# %% [markdown]
# A model brings its own objective, so that `compile` takes no loss. Without an optimizer it takes
# the one that suits the method; here, Adam. `fit` is Keras's `fit`, with all of its callbacks.

# %%
model.compile(optimizer=keras.optimizers.Adam(1e-3))
history = model.fit(pair.train, validation_data=pair.test, epochs=40, verbose=0)
visualization.training_curves(history, "training.png")

# %% [markdown]
# All losses are in nats, summed over pixels or latents and averaged over images. `triplet_loss` and
# `cross_reconstruction_loss` are those of the known pairs: the first keeps the two images of a pair
# nearer to each other than to other images, the second decodes each of them from the other's
# latent. All test rows are pairs (this is what transposing gives), while only 100 rows in training
# are.
#
# ## Translating
#
# `translate` takes arrays of any length, and returns arrays.

# %%
as_target = model.translate(source_test, to="target")
as_source = model.translate(target_test, to="source")
rows = [
    ("source", source_test[columns]),
    ("as target", as_target[columns]),
    ("and back", model.cycle(source_test[columns])),
    ("target", target_test[columns]),
    ("as source", as_source[columns]),
]
visualization.translation_grid(rows, "translations.png")

# %% [markdown]
# The other verbs mean the same on every model: `encode`, `decode`, `reconstruct`, `generate` and
# `interpolate`. The way from one image to another leads through latent space, and can be drawn in
# either domain:

# %%
start, end = source_test[columns[:4]], source_test[columns[1:5]]
path = model.interpolate(start, end, steps=9, domain="source", to="target")
visualization.interpolation_strip(path, "interpolations.png")

# %% [markdown]
# One latent space holds both domains, and digits of a kind lie near each other in it, whichever
# domain they are from. The map shows two of its 32 dimensions, the first principal components, and
# so only a part of that; `method="tsne"` and `method="umap"` draw other maps.

# %%
latents = np.concatenate([model.encode(source_test, "source"), model.encode(target_test, "target")])
digits = np.concatenate([pair.source_test_labels, pair.target_test_labels])
visualization.latent_map(latents, digits, title="latents of both domains", path="latents.png")

# %% [markdown]
# ## Measuring
#
# Is a translated 3 still a 3? A classifier that was trained on real images of the target domain
# says so: `reference_classifier` trains one, and keeps it in Keras's own folder for the next time.
# The *transfer accuracy* is the share of translations in which it sees the label of the
# original. What it makes of real test images is the ceiling.

# %%
classifier = metrics.reference_classifier(pair.target_train, pair.target_train_labels, epochs=10)


def share_recognised(images):
    accuracy = metrics.TransferAccuracy(classifier)
    accuracy.update_state(pair.source_test_labels, images)
    return float(accuracy.result())


print(f"real images of the target:  {share_recognised(target_test):.3f}")
print(f"translated from the source: {share_recognised(as_target):.3f}")
print(f"not translated at all:      {share_recognised(source_test):.3f}")

# %% [markdown]
# ## Saving
#
# A `.keras` file holds networks, weights, the optimizer's state and that of the random numbers: a
# loaded model can be used at once, and goes on with `fit` as if it had never stopped.

# %%
model.save("vbta.keras")
loaded = keras.saving.load_model("vbta.keras")
same = np.allclose(loaded.translate(source_test, to="target"), as_target, atol=1e-6)
print(f"the loaded model translates in the same way: {same}")

# %% [markdown]
# `model.save_to_preset("folder")` writes a preset of your own, without the optimizer:
# `models.VBTA.from_preset("folder")` reads it, weights included.
#
# ## Your own arrays
#
# Any two arrays make a pair. Here is a domain of other size and colour: the same digits at 16x16,
# written in brown ink on cream paper. The first 200 rows of both arrays are known pairs; the other
# rows of the second array are shuffled.

# %%
cream, brown = np.array([0.98, 0.94, 0.84]), np.array([0.36, 0.20, 0.09])


def written(images):
    ink = np.kron(images, np.ones((1, 2, 2, 1)))  # each pixel becomes four
    return (cream + ink * (brown - cream)).astype("float32")


plain = pair.source_train / np.float32(255)
order = np.arange(len(plain))
np.random.default_rng(0).shuffle(order[200:])
inked = datasets.pair_from_arrays(
    plain,
    written(plain[order]),
    paired=200,
    test_source=source_test,
    test_target=written(source_test),
    test_paired=True,
)
print(inked)

# %% [markdown]
# ## Your own networks
#
# Networks are Keras models: encoders return `(z_mean, z_log_var)`, decoders the mean image (or, with
# `likelihood="bernoulli"`, logits). They must be built, that is, start with a `keras.Input`. The
# observation variance is about the squared error per pixel that you expect to be left: if it is much
# larger, translations are blurred.

# %%
LATENTS = 32


def dense(units, activation="relu"):
    return keras.layers.Dense(units, activation=activation)


def encoder(shape):
    x = keras.Input(shape)
    h = dense(256)(keras.layers.Flatten()(x))
    return keras.Model(x, (dense(LATENTS, None)(h), dense(LATENTS, None)(h)))


def decoder(shape):
    z = keras.Input((LATENTS,))
    h = dense(int(np.prod(shape)), "sigmoid")(dense(256)(z))
    return keras.Model(z, keras.layers.Reshape(shape)(h))


own = models.VBTA(
    source_encoder=encoder(inked.source_shape),
    target_encoder=encoder(inked.target_shape),
    source_decoder=decoder(inked.source_shape),
    target_decoder=decoder(inked.target_shape),
    observation_variance=0.02,
    gamma=10.0,
    cross_reconstruction=1.0,
    seed=0,
)
own.compile()
own.fit(inked.train, epochs=40, verbose=0)

some_plain, some_inked = inked.source_test[columns], inked.target_test[columns]
rows = [
    ("source", some_plain),
    ("as target", own.translate(some_plain, to="target")),
    ("target", some_inked),
    ("as source", own.translate(some_inked, to="source")),
]
visualization.translation_grid(rows, "own_networks.png")

# %% [markdown]
# ## Where to go from here
#
# - Domains without a single known pair, such as MNIST and USPS: `models.LSTNet`.
# - Two generative models that stay as they are, and a bridge between their latents:
#   `models.BridgingVAE`.
# - Attributes of images, changed along the boundaries of linear classifiers: `models.DualVAE`.
# - A method of your own: the guide "Writing your own latent model with the portable train step".
# - `keras-latent list` on the command line shows complete applications.
