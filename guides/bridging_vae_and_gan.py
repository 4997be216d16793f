# ---
# jupyter:
#   description: Connect the latent spaces of two frozen generative models with a small VAE.
#   kernelspec:
#     name: python3
#     display_name: Python 3
#   accelerator: GPU
# ---

# %% [markdown]
# # Bridging a VAE and a GAN: digits to sound
#
# ## Introduction
#
# A written 7 and a spoken "seven" have no pixel in common, but each domain can have its own
# generative model. Latent Domain Transfer (Tian and Engel, 2018) keeps these models frozen and
# trains a bridge between their latent spaces: a small conditional VAE that encodes the latents of
# both domains into one shared space and decodes them for either domain. Its loss has three terms:
# the reconstruction of each latent, the sliced Wasserstein distance between the domains in the
# shared space, and the loss of a linear classifier on that space, which aligns the classes.
# Training uses only latents and is therefore fast.
#
# In this guide, a VAE models the written digits and WaveGAN ([Donahue, McAuley and Puckette,
# 2018](https://arxiv.org/abs/1802.04208)), which has no encoder, the spoken ones. Everything is
# trained here, in minutes on two CPU cores. Most of the time goes into the GAN.
#
# **Do not expect speech.** A GAN of waveforms needs a long training on a GPU to produce
# intelligible words. After a few minutes it generates noise, and the classifier picks the digit
# that each noise resembles most. This is enough to demonstrate the bridge, but not to produce
# sounds worth listening to.

# %%
import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

# %% [markdown]
# ## Load the two domains
#
# The domains are MNIST and the Free Spoken Digit Dataset: six speakers, recordings of one second at
# 8 kHz. TensorFlow Datasets downloads them if necessary. Only the labels connect the two.

# %%
pair = datasets.load_pair("mnist_spoken_digit", seed=0)
print(pair)

RATE = datasets.SAMPLE_RATES["spoken_digit"]
IMAGES = 20_000  # training images to use
images, digits = pair.source_train[:IMAGES], pair.source_train_labels[:IMAGES]
test_images, test_digits = pair.source_test[:1000], pair.source_test_labels[:1000]
images, test_images = images / np.float32(255), test_images / np.float32(255)

columns = [int(np.argmax(test_digits == k)) for k in range(10)]
spoken = [int(np.argmax(pair.target_test_labels == k)) for k in range(10)]
rows = [("written", test_images[columns]), ("spoken", pair.target_test[spoken])]
visualization.spectrogram_grid(rows, RATE, "bridge_domains.png")

# %% [markdown]
# ## Train the evaluation classifiers
#
# Train a classifier per domain on its real data; both are cached in Keras's home folder. They
# measure transfer accuracy. The sound classifier also assigns digits to the GAN's latents.

# %%
image_classifier = metrics.reference_classifier(
    images[:10_000], digits[:10_000], epochs=4, max_shift=2, softness=0.5
)
sound_classifier = metrics.reference_audio_classifier(
    pair.target_train, pair.target_train_labels, RATE, epochs=6
)


def accuracy_of(classifier, data, labels):
    accuracy = metrics.TransferAccuracy(classifier)
    accuracy.update_state(labels, data)
    return float(accuracy.result())


image_accuracy = accuracy_of(image_classifier, test_images, test_digits)
print(f"accuracy on real test images:     {image_accuracy:.3f}")
sound_accuracy = accuracy_of(sound_classifier, pair.target_test, pair.target_test_labels)
print(f"accuracy on real test recordings: {sound_accuracy:.3f}")

# %% [markdown]
# ## Train a VAE for the images

# %%
keras.utils.set_random_seed(0)
vae = models.VAE.from_preset("vae_mnist", load_weights=False, observation_variance=0.05, seed=0)
vae.compile()
vae.fit(images, batch_size=128, epochs=10, verbose=0)
rows = {"written": test_images[columns], "reconstruction": vae.reconstruct(test_images[columns])}
visualization.translation_grid(rows, "bridge_vae.png")

# %% [markdown]
# ## Train a GAN for the sounds
#
# `wavegan_spoken_digit_small` is the paper's network at a quarter of its width. Instead of several
# critic updates per generator update, its critic has a higher learning rate. The generator's
# weights are averaged over time.

# %%
gan = models.WaveGAN.from_preset("wavegan_spoken_digit_small", load_weights=False, seed=0)
optimizers = gan.default_optimizer()
optimizers["critic"].learning_rate, optimizers["generator"].learning_rate = 4e-4, 2e-4
gan.compile(optimizers)
whole_batches = len(pair.target_train) // 32 * 32
history = gan.fit(pair.target_train[:whole_batches], batch_size=32, epochs=15, verbose=0)
visualization.training_curves(history, "bridge_gan_training.png")

# %% [markdown]
# `wasserstein` is the critic's estimate of the distance between real and generated sounds. The rows
# below show real sounds and generated ones.

# %%
rows = [("real", pair.target_test[spoken]), ("generated", gan.generate(10, seed=0))]
visualization.spectrogram_grid(rows, RATE, "bridge_gan_sounds.png")

# %% [markdown]
# ## Label the GAN's latents
#
# A GAN has neither labels nor an encoder. `rejection_sample` draws latents, decodes them, and keeps
# those that the classifier recognizes with the highest confidence, per digit. A briefly trained GAN
# generates some digits rarely or never; `allow_fewer` accepts that.

# %%
found = models.rejection_sample(
    gan, sound_classifier, per_class=100, max_draws=1024, seed=0, allow_fewer=True
)
for k in range(10):
    confidence = found.confidence[found.labels == k]
    mean = f"mean confidence {confidence.mean():.2f}" if len(confidence) else "-"
    print(f"digit {k}: {len(confidence):4d} latents, {mean}")
held_out = np.arange(len(found.labels)) % 5 == 0

# %% [markdown]
# ## Train the bridge
#
# A `LatentDomainTransfer` combines both models and the bridge. Its `posterior` returns the training
# data of the bridge: the mean and log-variance of each image's latent, from which every step
# samples. The VAE has 64 latent dimensions and the GAN 100; the shorter vectors are padded.

# %%
keras.utils.set_random_seed(0)
bridge = models.BridgingVAE.from_preset(
    "bridging_mnist_sharp",
    load_weights=False,
    latent_dims=(vae.latent_dim, gan.latent_dim),
    seed=0,
)
transfer = models.LatentDomainTransfer(vae, bridge, gan)
latents = {
    "source": transfer.posterior(images, "source"),
    "target": found.latents[~held_out],
}
labels = {"source": digits, "target": found.labels[~held_out]}
batches = datasets.LatentBatches(latents, labels, batch_size=128, steps=200)
rate = keras.optimizers.schedules.CosineDecay(1e-3, 800, alpha=0.01)
bridge.compile(keras.optimizers.Adam(rate))
history = bridge.fit(batches, epochs=4, verbose=0)
print({name: round(float(values[-1]), 3) for name, values in history.history.items()})

# %% [markdown]
# As elsewhere, a label of -1 marks a missing label. If few labels are known,
# `datasets.propagate_labels` first assigns labels to similar rows.
#
# ## From digits to sounds
#
# `transfer` encodes an image with the VAE, crosses the bridge and decodes with the GAN. If you
# listen to the files, set a low volume.

# %%
sounds = transfer.transfer(test_images[columns], to="target")
names = [f"digit_{k}" for k in range(10)]
paths = visualization.write_wavs("bridge_sounds", sounds, RATE, names=names)
print(paths[0])
rows = [
    ("written", test_images[columns]),
    ("reconstructed\nthrough the bridge", transfer.reconstruct(test_images[columns], "source")),
    ("transferred to sound", sounds),
]
visualization.spectrogram_grid(rows, RATE, "bridge_to_sound.png")

# %% [markdown]
# The other direction goes from sounds to digits. The GAN's sounds come from latents, hence
# `latents=True`. The latents used here were held out of training.

# %%
z, z_labels = found.latents[held_out], found.labels[held_out]
some = [int(np.argmax(z_labels == k)) for k in np.unique(z_labels)]
rows = [
    ("generated", transfer.decode(z[some], "target")),
    ("transferred to digits", transfer.transfer(z[some], to="source", latents=True)),
]
visualization.spectrogram_grid(rows, RATE, "bridge_to_digits.png")

# %% [markdown]
# ## Measure transfer accuracy
#
# Does the sound classifier recognize the written digit in the sound, and the image classifier the
# spoken digit in the image? Chance is one in ten. The bridge can only transfer to digits for which
# the GAN has latents (see the counts above).

# %%
sounds = transfer.transfer(test_images[:300], to="target")
written = test_digits[:300]
print(f"digits to sounds: {accuracy_of(sound_classifier, sounds, written):.3f}")
has_latents = np.isin(written, np.unique(labels["target"]))
share = 0.0
if has_latents.any():
    share = accuracy_of(sound_classifier, sounds[has_latents], written[has_latents])
print(f"digits to sounds, only digits with GAN latents: {share:.3f}")
images_of_sounds = transfer.transfer(z, to="source", latents=True)
print(f"sounds to digits: {accuracy_of(image_classifier, images_of_sounds, z_labels):.3f}")

# %% [markdown]
# ## Interpolate
#
# As in figures 5 and 6 of the paper, the rows show a path in the VAE's latent space, decoded as
# images; the path between its transferred ends in the GAN's latent space; and the transfer of every
# point of the path. The last row shows that the bridge is continuous.

# %%
a, b = test_images[columns[3]][None], test_images[columns[8]][None]
rows = [
    (title, transfer.interpolate(a, b, steps=8, transferred=kind)[0])
    for title, kind in (
        ("digits", "none"),
        ("ends transferred", "ends"),
        ("all transferred", "all"),
    )
]
visualization.spectrogram_grid(rows, RATE, "bridge_interpolations.png")

# %% [markdown]
# ## Train at full length
#
# `keras-latent run mnist-spoken-digit` trains all of this for longer, resumes after interruptions,
# and writes sounds, pictures and metrics. `benchmarks/TABLES.md` has the results so far. By
# default, a VAE of spectrograms models the sounds there. A small GAN does not produce intelligible
# digits; for one that does, train the paper's network and pass it to the command:
#
# ```bash
# keras-latent run mnist-spoken-digit                              # VAE of spectrograms
# keras-latent run mnist-spoken-digit --gan wavegan_spoken_digit_small   # the GAN above
# keras-latent run mnist-spoken-digit --gan wavegan_spoken_digit   # the paper's width, for a GPU
# keras-latent run mnist-spoken-digit --gan my_wavegan.keras       # your own trained GAN
# keras-latent run mnist-fashion                                   # two VAEs, for comparison
# ```
#
# `transfer.save("digits_to_sound.keras")` stores both models and the bridge in one file. Any Keras
# model that maps latents to data can serve as a frozen model, such as the generator of an existing
# GAN.
