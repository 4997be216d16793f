"""
Title: From written digits to spoken ones with a BridgingVAE
Description: A small VAE connects the latent spaces of a frozen VAE and a frozen GAN.

A VAE models the written digits, and a WaveGAN the spoken ones. The GAN has no encoder, so its
latents are sampled, and those are kept whose sounds a classifier recognizes best. The bridge is a
VAE of both kinds of latents.

    python applications/mnist_spoken_digit.py

`keras-latent run mnist-spoken-digit` does the same, caches the base models, resumes if it was
interrupted, draws more, and has options for few labels and for the paper's configuration.

Reference: Tian and Engel, "Latent Domain Transfer: Crossing modalities with Bridging Autoencoders"
(2018), tables 1 and 2.
"""

from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

STEPS, BATCH_SIZE, LEARNING_RATE = 6000, 128, 1e-3
CLASSIFIER, AUDIO_EPOCHS = {"epochs": 16, "max_shift": 2, "softness": 0.5}, 15
BASE_EPOCHS, GAN_EPOCHS, GAN_BATCH_SIZE = 40, 100, 32
RATES = {"critic": 4e-4, "generator": 2e-4}
PER_CLASS, MAX_DRAWS = 1700, 100_000  # latents of the GAN
DATA_DIR, SEED = None, 0
OUT = Path("runs/scripts/mnist_spoken_digit")

# ## The data, and a classifier of each domain to evaluate transfers. It is trained once.

pair = datasets.load_pair("mnist_spoken_digit", seed=SEED, data_dir=DATA_DIR)
images, waveforms, labels = pair.source_train, pair.target_train, pair.source_train_labels
test = pair.source_test / np.float32(255)
HZ = datasets.SAMPLE_RATES["spoken_digit"]
see = metrics.reference_classifier(images, labels, **CLASSIFIER, verbose=2)
labels = pair.target_train_labels
hear = metrics.reference_audio_classifier(waveforms, labels, HZ, epochs=AUDIO_EPOCHS, verbose=2)


def classify(domain, data):
    classifier = see if domain == "source" else hear
    return classifier.predict(data, batch_size=500, verbose=0).argmax(1)


# ## The base models: a VAE of the images and a GAN of the sounds

keras.utils.set_random_seed(0)
vae = models.VAE.from_preset("vae_mnist_bridging", load_weights=False, seed=0)
steps = BASE_EPOCHS * -(-len(images) // 512)
rate = keras.optimizers.schedules.CosineDecay(1e-3, steps, alpha=1e-3)
vae.compile(keras.optimizers.Adam(rate))
vae.fit(images / np.float32(255), batch_size=512, epochs=BASE_EPOCHS, verbose=2)

keras.utils.set_random_seed(0)
gan = models.WaveGAN.from_preset("wavegan_spoken_digit_small", load_weights=False, seed=0)
optimizers = gan.default_optimizer()
for player, rate in RATES.items():  # unequal rates replace many updates of the critic
    optimizers[player].learning_rate = rate
gan.compile(optimizers)
rows = len(waveforms) // GAN_BATCH_SIZE * GAN_BATCH_SIZE  # whole batches
gan.fit(waveforms[:rows], batch_size=GAN_BATCH_SIZE, epochs=GAN_EPOCHS, verbose=2)

# ## Latents of the GAN: for each digit, those with the highest confidence. Some are for the test.

more = max(1, PER_CLASS // 10)
options = {"max_draws": MAX_DRAWS, "seed": SEED, "allow_fewer": True}  # it may not know all digits
found = models.rejection_sample(gan, hear, PER_CLASS + more, **options)
is_test, rng = np.zeros(len(found.labels), bool), np.random.default_rng([SEED, 11])
for k in np.unique(found.labels):
    rows = rng.permutation(np.flatnonzero(found.labels == k))
    is_test[rows[: min(more, -(-len(rows) // 11))]] = True
print(f"Latents of each digit: {np.bincount(found.labels, minlength=10)}")

# ## The bridge, trained on latents and labels

keras.utils.set_random_seed(SEED)
bridge = models.BridgingVAE.from_preset("bridging_mnist_sharp", load_weights=False, seed=SEED)
transfer = models.LatentDomainTransfer(vae, bridge, gan)
z = transfer.posterior(images / np.float32(255))
latents = {"source": z, "target": found.latents[~is_test]}
# What a latent decodes to counts, not what was encoded.
known = {"source": classify("source", vae.decode(z[:, 0])), "target": found.labels[~is_test]}
each, epochs = min(STEPS, 500), -(-STEPS // 500)
batches = datasets.LatentBatches(latents, known, batch_size=BATCH_SIZE, steps=each, seed=SEED)
rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * each, alpha=0.01)
bridge.compile(keras.optimizers.Adam(rate))
history = bridge.fit(batches, epochs=epochs, shuffle=False, verbose=2)
visualization.training_curves(history, OUT / "training.png")
transfer.save(OUT / "model.keras")

# ## Evaluation: do decoded latents keep their class, within a domain and across?

figures = {}
for d in ("source", "target"):
    for kind in ("sampled", "mean"):
        sample, z = kind == "sampled", found.latents[is_test]
        if d == "source":
            z = transfer.encode(test, sample=sample, seed=SEED)
        before = classify(d, transfer.decode(z, d))
        for to in ("source", "target"):
            moved = transfer.transfer_latents(z, d, to, sample=sample, seed=SEED + 1)
            figures[d, to, kind] = np.mean(before == classify(to, transfer.decode(moved, to)))
            print(f"Class kept, {d} to {to}, {kind} latents: {figures[d, to, kind]:.4f}")

# ## Pictures and sounds: one digit of each class, spoken, and one sound of each class, written

x = test[np.unique(pair.source_test_labels, return_index=True)[1]]
sounds = transfer.transfer(x, to="target")
visualization.write_wavs(OUT / "transferred", sounds, HZ, names=[f"digit_{k}" for k in range(10)])
rows = [("digit", x), ("transferred to speech", sounds)]
visualization.spectrogram_grid(rows, HZ, OUT / "source_to_target.png")
z = found.latents[is_test][np.unique(found.labels[is_test], return_index=True)[1]]
rows = [("generated", transfer.decode(z, "target"))]
rows += [("transferred to MNIST", transfer.transfer(z, to="source", latents=True))]
visualization.spectrogram_grid(rows, HZ, OUT / "target_to_source.png")
print(f"Models, pictures and sounds: {OUT.resolve()}")
