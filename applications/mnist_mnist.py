"""
Title: Connecting two VAEs of digits with a BridgingVAE
Description: A small VAE connects the latent spaces of two frozen VAEs.

Two VAEs of MNIST are trained with different seeds and frozen: their latent spaces have nothing in
common. The bridge is a VAE of their latents, with one shared space, in which classes meet.

    python applications/mnist_mnist.py

`keras-latent run mnist-mnist` does the same, caches the base VAEs, resumes if it was interrupted,
and has options for few labels or none and for the paper's configuration.

Reference: Tian and Engel, "Latent Domain Transfer: Crossing modalities with Bridging Autoencoders"
(2018), tables 1 to 4.
"""

from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

STEPS, BATCH_SIZE, LEARNING_RATE = 6000, 128, 1e-3
BASE_EPOCHS = 40
CLASSIFIER = {"epochs": 16, "max_shift": 2, "softness": 0.5}
DATA_DIR, SEED = None, 0
OUT = Path("runs/scripts/mnist_mnist")

# ## The data, and a classifier to evaluate transfers. It is trained once and cached.

pair = datasets.load_pair("mnist_mnist", data_dir=DATA_DIR)
train, test = pair.source_train, pair.source_test / np.float32(255)
classifier = metrics.reference_classifier(train, pair.source_train_labels, **CLASSIFIER, verbose=2)


def classify(images):
    return classifier.predict(images, batch_size=500, verbose=0).argmax(1)


# ## The base VAEs


def base_vae(images, seed):
    """The VAE of the paper, trained with a learning rate that falls along a cosine."""
    keras.utils.set_random_seed(seed)
    vae = models.VAE.from_preset("vae_mnist_bridging", load_weights=False, seed=seed)
    steps = BASE_EPOCHS * -(-len(images) // 512)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps, alpha=1e-3)
    vae.compile(keras.optimizers.Adam(rate))
    vae.fit(images / np.float32(255), batch_size=512, epochs=BASE_EPOCHS, verbose=2)
    return vae


vaes = [base_vae(train, seed) for seed in (0, 1)]

# ## The bridge, trained on means and variances of latents and on labels

keras.utils.set_random_seed(SEED)
bridge = models.BridgingVAE.from_preset("bridging_mnist_sharp", load_weights=False, seed=SEED)
transfer = models.LatentDomainTransfer(vaes[0], bridge, vaes[1])
DOMAINS = ("source", "target")
latents = {d: transfer.posterior(train / np.float32(255), d) for d in DOMAINS}
# What a latent decodes to counts, not what was encoded.
decoded = {d: classify(transfer.decode(z[:, 0], d)) for d, z in latents.items()}
each = min(STEPS, 500)
batches = datasets.LatentBatches(latents, decoded, batch_size=BATCH_SIZE, steps=each, seed=SEED)
epochs = -(-STEPS // each)
rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * each, alpha=0.01)
bridge.compile(keras.optimizers.Adam(rate))
history = bridge.fit(batches, epochs=epochs, shuffle=False, verbose=2)
visualization.training_curves(history, OUT / "training.png")
transfer.save(OUT / "model.keras")

# ## Evaluation: do decoded latents keep their class, within a domain and across? That says nothing
# of the VAEs themselves, so first: do their reconstructions show the labels of the images?

for d in DOMAINS:
    seen = classify(transfer.decode(transfer.encode(test, d), d))
    share = np.mean(seen == pair.source_test_labels)
    print(f"Label recognized in reconstructions by the VAE of the {d}: {share:.4f}")

figures = {}
for d in DOMAINS:
    for kind in ("sampled", "mean"):
        sample = kind == "sampled"
        z = transfer.encode(test, d, sample=sample, seed=SEED)
        before = classify(transfer.decode(z, d))
        for to in DOMAINS:
            moved = transfer.transfer_latents(z, d, to, sample=sample, seed=SEED + 1)
            after = classify(transfer.decode(moved, to))
            figures[d, to, kind] = float(np.mean(before == after))
            print(f"Class kept, {d} to {to}, {kind} latents: {figures[d, to, kind]:.4f}")

# ## Pictures: one image of each class, and what becomes of it

x = test[np.unique(pair.source_test_labels, return_index=True)[1]]
for d, to in (DOMAINS, DOMAINS[::-1]):
    rows = {d: x, "its VAE": transfer.decode(transfer.encode(x, d), d)}
    rows |= {"reconstruction": transfer.reconstruct(x, d), f"as {to}": transfer.transfer(x, to)}
    visualization.translation_grid(rows, OUT / f"{d}_to_{to}.png")
print(f"Models and pictures: {OUT.resolve()}")
