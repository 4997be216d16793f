# ---
# jupyter:
#   description: Two frozen generative models, and a small VAE between their latent spaces.
#   kernelspec:
#     name: python3
#     display_name: Python 3
#   accelerator: GPU
# ---

# %% [markdown]
# # Bridging a VAE and a GAN: digits to sound
#
# ## What this is about
#
# A written 7 and a spoken "seven" have no pixel in common, but each may have a generative model of
# its own. Latent Domain Transfer (Tian and Engel, 2018) leaves such models as they are and builds a
# bridge between their latent spaces: a small VAE that encodes latents of both into one shared
# space, told which domain they come from, and decodes them for either. Three terms train it: each
# latent comes back, both domains lie over each other in the shared space (a sliced Wasserstein
# distance), and a linear classifier finds the same classes in the same places. Only latents are
# trained on, which is fast.
#
# Here the written digits have a VAE and the spoken ones a GAN, WaveGAN ([Donahue, McAuley and
# Puckette, 2018](https://arxiv.org/abs/1802.04208)), which cannot encode. All is trained in this
# guide, in minutes on two CPU cores, most of which are the GAN's.
#
# **Do not expect speech.** A GAN of waveforms needs a long training on a GPU to speak. After some
# minutes this one makes noise, and the classifier is made to name the digit that it is most like.
# That is enough to build a bridge to, and nothing to listen to for pleasure.

# %%
import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

# %% [markdown]
# ## Two domains
#
# MNIST, and the Free Spoken Digit Dataset: six speakers, a second at 8 kHz. TensorFlow Datasets
# downloads both where they are not there yet. Equal labels are all that connects them.

# %%
pair = datasets.load_pair("mnist_spoken_digit", seed=0)
print(pair)

RATE = datasets.SAMPLE_RATES["spoken_digit"]
IMAGES = 20_000  # of the training images: enough for a short training
images, digits = pair.source_train[:IMAGES], pair.source_train_labels[:IMAGES]
test_images, test_digits = pair.source_test[:1000], pair.source_test_labels[:1000]
images, test_images = images / np.float32(255), test_images / np.float32(255)

columns = [int(np.argmax(test_digits == k)) for k in range(10)]
heard = [int(np.argmax(pair.target_test_labels == k)) for k in range(10)]
rows = [("written", test_images[columns]), ("spoken", pair.target_test[heard])]
visualization.spectrogram_grid(rows, RATE, "bridge_domains.png")

# %% [markdown]
# ## The judges
#
# A classifier for each domain, trained on its real data and kept in Keras's own folder. They
# measure the transfers; that of the sounds also tells which of the GAN's latents belongs to which
# digit.

# %%
see = metrics.reference_classifier(
    images[:10_000], digits[:10_000], epochs=4, max_shift=2, softness=0.5
)
hear = metrics.reference_audio_classifier(
    pair.target_train, pair.target_train_labels, RATE, epochs=6
)


def share_right(judge, data, labels):
    accuracy = metrics.TransferAccuracy(judge)
    accuracy.update_state(labels, data)
    return float(accuracy.result())


print(f"written: {share_right(see, test_images, test_digits):.3f} of real test images right")
spoken_right = share_right(hear, pair.target_test, pair.target_test_labels)
print(f"spoken:  {spoken_right:.3f} of real test recordings right")

# %% [markdown]
# ## The model of the images: a VAE

# %%
keras.utils.set_random_seed(0)
vae = models.VAE.from_preset("vae_mnist", load_weights=False, observation_variance=0.05, seed=0)
vae.compile()
vae.fit(images, batch_size=128, epochs=10, verbose=0)
rows = {"written": test_images[columns], "reconstruction": vae.reconstruct(test_images[columns])}
visualization.translation_grid(rows, "bridge_vae.png")

# %% [markdown]
# ## The model of the sounds: a GAN
#
# `wavegan_spoken_digit_small` is the paper's network at a quarter of its width. Instead of many
# updates of the critic for one of the generator, it has a critic that learns faster, and the
# generator's weights are averaged over time.

# %%
gan = models.WaveGAN.from_preset("wavegan_spoken_digit_small", load_weights=False, seed=0)
optimizers = gan.default_optimizer()
optimizers["critic"].learning_rate, optimizers["generator"].learning_rate = 4e-4, 2e-4
gan.compile(optimizers)
whole_batches = len(pair.target_train) // 32 * 32
history = gan.fit(pair.target_train[:whole_batches], batch_size=32, epochs=15, verbose=0)
visualization.training_curves(history, "bridge_gan_training.png")

# %% [markdown]
# `wasserstein` is the critic's estimate of how far real and generated sounds are apart. Real sounds
# above, the GAN's below.

# %%
rows = [("real", pair.target_test[heard]), ("generated", gan.generate(10, seed=0))]
visualization.spectrogram_grid(rows, RATE, "bridge_gan_sounds.png")

# %% [markdown]
# ## Latents with labels
#
# A GAN has no labels and no encoder. `rejection_sample` draws latents, decodes them, and keeps, of
# each digit, those of which the judge is surest. A GAN that cannot speak has favourite digits, and
# of others few or none, which `allow_fewer` permits.

# %%
found = models.rejection_sample(gan, hear, per_class=100, max_draws=1024, seed=0, allow_fewer=True)
for k in range(10):
    sure = found.confidence[found.labels == k]
    mean = f"judge's mean confidence {sure.mean():.2f}" if len(sure) else "-"
    print(f"digit {k}: {len(sure):4d} latents, {mean}")
held_out = np.arange(len(found.labels)) % 5 == 0

# %% [markdown]
# ## The bridge
#
# A `LatentDomainTransfer` is the whole chain. Its `posterior` gives what the bridge is trained on:
# of each image mean and log-variance of its latent, of which each step draws anew. The VAE has 64
# latents and the GAN 100, so that the shorter ones are filled up.

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
# A label of -1 is a missing one, here too: with few labels, `datasets.propagate_labels` finds those
# of their neighbours first.
#
# ## From digits to sounds
#
# `transfer` encodes with the VAE, crosses the bridge and decodes with the GAN. The files can be
# listened to, at low volume.

# %%
sounds = transfer.transfer(test_images[columns], to="target")
names = [f"digit_{k}" for k in range(10)]
paths = visualization.write_wavs("bridge_sounds", sounds, RATE, names=names)
print(paths[0])
rows = [
    ("written", test_images[columns]),
    ("through the bridge\nand back", transfer.reconstruct(test_images[columns], "source")),
    ("transferred to sound", sounds),
]
visualization.spectrogram_grid(rows, RATE, "bridge_to_sound.png")

# %% [markdown]
# And from sounds to digits. The GAN's sounds come from latents, hence `latents=True`; these were
# kept out of the training.

# %%
z, z_labels = found.latents[held_out], found.labels[held_out]
some = [int(np.argmax(z_labels == k)) for k in np.unique(z_labels)]
rows = [
    ("generated", transfer.decode(z[some], "target")),
    ("transferred to digits", transfer.transfer(z[some], to="source", latents=True)),
]
visualization.spectrogram_grid(rows, RATE, "bridge_to_digits.png")

# %% [markdown]
# ## Measured
#
# Does the judge hear in the sound the digit that was written, and see in the image the one that was
# heard? A guess is right one time in ten. What the GAN cannot say, no bridge can make it say: digits
# without latents above have nothing to go to.

# %%
sounds = transfer.transfer(test_images[:300], to="target")
print(f"digits to sounds: {share_right(hear, sounds, test_digits[:300]):.3f}")
sayable = np.isin(test_digits[:300], np.unique(labels["target"]))
share = share_right(hear, sounds[sayable], test_digits[:300][sayable]) if sayable.any() else 0.0
print(f"of digits that the GAN has latents of: {share:.3f}")
drawn = transfer.transfer(z, to="source", latents=True)
print(f"sounds to digits: {share_right(see, drawn, z_labels):.3f}")

# %% [markdown]
# ## On the way from one digit to another
#
# The paper's figures 5 and 6: a path in the VAE's latent space, decoded as images; its two ends
# transferred, and the path between them in the GAN's space; and every point of it transferred. The
# last shows that the bridge is continuous.

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
# ## At full length
#
# `keras-latent run mnist-spoken-digit` trains all of this for longer, resumes where it was
# interrupted, and writes sounds, pictures and figures. What came out so far stands in the README
# and in `benchmarks/TABLES.md`: its GAN cannot speak either. For one that can, train the paper's,
# and hand it over:
#
# ```bash
# keras-latent run mnist-spoken-digit                              # small GAN, two CPU cores
# keras-latent run mnist-spoken-digit --gan wavegan_spoken_digit   # the paper's width, for a GPU
# keras-latent run mnist-spoken-digit --gan my_wavegan.keras       # one that you have trained
# keras-latent run mnist-fashion                                   # two VAEs, for comparison
# ```
#
# `transfer.save("digits_to_sound.keras")` keeps both models and the bridge in one file. Any Keras
# model from latents to data will do as a frozen model, such as the generator of a GAN that you
# have.
