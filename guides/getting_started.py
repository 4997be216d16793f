# ---
# jupyter:
#   description: Load two domains, train a model, then translate, evaluate, plot and save.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Getting started with domain pairs
#
# ## Introduction
#
# A *domain* is a set of similar things: photographs, sketches, spoken words. *Domain transfer* maps
# an item of one domain to its counterpart in another, for example a photograph to a sketch of the
# same face. keras_latent does this through a shared latent space: it encodes the input as a short
# vector and decodes that vector in the other domain.
#
# The domains in this guide are scikit-learn's 8x8 digits and the same digits transposed (rows and
# columns swapped). Nothing is downloaded, and the guide takes about a minute on two CPU cores. It
# runs on TensorFlow, JAX and PyTorch; set the environment variable `KERAS_BACKEND` to choose one.

# %%
import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

keras.utils.set_random_seed(0)

# %% [markdown]
# ## Load a domain pair
#
# `load_pair` loads two domains by name. With `paired=100`, the model knows 100 *pairs*: it is told
# which transposed digit belongs to which original. All other rows of both domains are shuffled
# independently, so their order carries no information.

# %%
pair = datasets.load_pair("digits_transpose", paired=100)
print(pair)

# %% [markdown]
# Pass `pair.train` and `pair.test` directly to `model.fit`. The pair also holds the raw `uint8`
# arrays and their labels. Batches contain no labels, so the model never sees which digit an image
# shows.
#
# Models expect floats from 0 to 1 with channels last. The first row below shows the source domain,
# the second the target domain.

# %%
source_test, target_test = pair.source_test / np.float32(255), pair.target_test / np.float32(255)
columns = [int(np.argmax(pair.source_test_labels == digit)) for digit in range(10)]
visualization.translation_grid(
    {"source": source_test[columns], "target": target_test[columns]}, "domains.png"
)

# %% [markdown]
# ## Build a model from a preset
#
# `VBTA`, the Variational Bi-domain Triplet Autoencoder ([Kuznetsova and Bakhteev,
# 2018](https://arxiv.org/abs/1806.08672)), has an encoder and a decoder per domain and one shared
# latent space. A preset is a named configuration, including the networks; `models.VBTA.presets`
# lists those of `VBTA`. This preset has pretrained weights. To train it here, pass
# `load_weights=False`, which initializes the weights randomly.

# %%
model = models.VBTA.from_preset("vbta_digits_transpose_sharp", load_weights=False, seed=0)
print(f"{model.count_params():,} parameters, {model.latent_dim} latents")

# %% [markdown]
# The model defines its own objective, so `compile` needs no loss. The optimizer is optional too:
# each method has a default, which is Adam here. `fit` is Keras's own and supports all callbacks.

# %%
model.compile(optimizer=keras.optimizers.Adam(1e-3))
history = model.fit(pair.train, validation_data=pair.test, epochs=40, verbose=0)
visualization.training_curves(history, "training.png")

# %% [markdown]
# All losses are in nats, summed over pixels or latent dimensions and averaged over images. Only the
# known pairs contribute to `triplet_loss`, which keeps the two images of a pair closer to each
# other than to other images, and to `cross_reconstruction_loss`, which decodes each image from the
# latent vector of its partner. In the test set every row is a pair, since the targets are
# transposed sources; in the training set only 100 rows are.
#
# ## Translate
#
# `translate` takes and returns arrays of any length.

# %%
as_target = model.translate(source_test, to="target")
as_source = model.translate(target_test, to="source")
rows = [
    ("source", source_test[columns]),
    ("as target", as_target[columns]),
    ("cycle", model.cycle(source_test[columns])),
    ("target", target_test[columns]),
    ("as source", as_source[columns]),
]
visualization.translation_grid(rows, "translations.png")

# %% [markdown]
# Other methods have the same meaning on every model: `encode`, `decode`, `reconstruct`, `generate`
# and `interpolate`. `interpolate` follows a path through latent space from one image to another and
# can decode it in either domain:

# %%
start, end = source_test[columns[:4]], source_test[columns[1:5]]
path = model.interpolate(start, end, steps=9, domain="source", to="target")
visualization.interpolation_strip(path, "interpolations.png")

# %% [markdown]
# Both domains share the latent space, and digits of the same class lie close together whichever
# domain they come from. The map shows the first two principal components of 32 dimensions, so it
# shows only part of this structure. `method="tsne"` and `method="umap"` draw other projections.

# %%
latents = np.concatenate([model.encode(source_test, "source"), model.encode(target_test, "target")])
digits = np.concatenate([pair.source_test_labels, pair.target_test_labels])
visualization.latent_map(latents, digits, title="Latents of both domains", path="latents.png")

# %% [markdown]
# ## Measure transfer accuracy
#
# Is a translated 3 still a 3? To find out, use a classifier trained on real images of the target
# domain. `reference_classifier` trains one and caches it in Keras's home folder. The *transfer
# accuracy* is the share of translations that it assigns to the class of the original. Its accuracy
# on real test images is an upper bound.

# %%
classifier = metrics.reference_classifier(pair.target_train, pair.target_train_labels, epochs=10)


def transfer_accuracy(images):
    accuracy = metrics.TransferAccuracy(classifier)
    accuracy.update_state(pair.source_test_labels, images)
    return float(accuracy.result())


print(f"real target images:      {transfer_accuracy(target_test):.3f}")
print(f"translated to target:    {transfer_accuracy(as_target):.3f}")
print(f"source, not translated:  {transfer_accuracy(source_test):.3f}")

# %% [markdown]
# ## Save and load
#
# A `.keras` file contains the networks, the weights, the optimizer state and the state of the
# random number generators. You can use a loaded model immediately or continue training as if it had
# never stopped.

# %%
model.save("vbta.keras")
loaded = keras.saving.load_model("vbta.keras")
same = np.allclose(loaded.translate(source_test, to="target"), as_target, atol=1e-6)
print(f"The loaded model gives the same translations: {same}")

# %% [markdown]
# To create your own preset, call `model.save_to_preset("folder")`; it does not include the
# optimizer. `models.VBTA.from_preset("folder")` loads it with its weights.
#
# ## Use your own arrays
#
# Any two arrays can form a pair. Here the second domain has another size and color: the same digits
# at 16x16, in brown ink on cream paper. The first 200 rows of both arrays are known pairs; the
# other rows of the second array are shuffled.

# %%
cream, brown = np.array([0.98, 0.94, 0.84]), np.array([0.36, 0.20, 0.09])


def written(images):
    ink = np.kron(images, np.ones((1, 2, 2, 1)))  # 8x8 to 16x16
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
# ## Use your own networks
#
# Networks are Keras models. Encoders return `(z_mean, z_log_var)`; decoders return the mean image,
# or logits with `likelihood="bernoulli"`. They must be built, so start each one with a
# `keras.Input`. Set the observation variance to roughly the squared error per pixel that you expect
# after training. If it is much larger, translations are blurred.

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
# ## Next steps
#
# - Domains without known pairs, such as MNIST and USPS: `models.LSTNet`.
# - A bridge between the latent spaces of two frozen generative models: `models.BridgingVAE`.
# - Image attributes, edited along the boundaries of linear classifiers: `models.DualVAE`.
# - Your own method: see the guide "Writing a custom latent-variable model".
# - Complete applications: run `keras-latent list` on the command line.
