"""
Title: Transferring digits to clothes with a BridgingVAE
Description: A small VAE connects the latent spaces of two frozen VAEs.

Two VAEs are trained apart, on MNIST and on Fashion-MNIST, and frozen. The bridge is a VAE of their
latents, with one shared space: digits of a class become clothes of the class with the same number.

    python applications/mnist_fashion.py

`keras-latent run mnist-fashion` does the same, caches the base VAEs, resumes if it was interrupted,
and has options for few labels or none and for the paper's configuration.

Reference: Tian and Engel, "Latent Domain Transfer: Crossing modalities with Bridging Autoencoders"
(2018), tables 1, 2 and 5.
"""

from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

STEPS, BATCH_SIZE, LEARNING_RATE = 6000, 128, 1e-3
BASE_EPOCHS = 40
CLASSIFIERS = {
    "source": {"epochs": 16, "max_shift": 2, "softness": 0.5},
    "target": {"epochs": 8, "max_shift": 1, "softness": 0.5},
}
DATA_DIR, SEED = None, 0
OUT = Path("runs/scripts/mnist_fashion")

# ## The data, and a classifier of each domain to evaluate transfers. It is trained once.

pair = datasets.load_pair("mnist_fashion", data_dir=DATA_DIR)
OTHER = {"source": "target", "target": "source"}
train = {"source": pair.source_train, "target": pair.target_train}
train_labels = {"source": pair.source_train_labels, "target": pair.target_train_labels}
test = {"source": pair.source_test / np.float32(255), "target": pair.target_test / np.float32(255)}
labels = {"source": pair.source_test_labels, "target": pair.target_test_labels}
classifiers = {
    d: metrics.reference_classifier(train[d], train_labels[d], **options, verbose=2)
    for d, options in CLASSIFIERS.items()
}


def classify(domain, images):
    return classifiers[domain].predict(images, batch_size=500, verbose=0).argmax(1)


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


vaes = {d: base_vae(images, seed=0) for d, images in train.items()}

# ## The bridge, trained on means and variances of latents and on labels

keras.utils.set_random_seed(SEED)
bridge = models.BridgingVAE.from_preset("bridging_mnist_sharp", load_weights=False, seed=SEED)
transfer = models.LatentDomainTransfer(vaes["source"], bridge, vaes["target"])
latents = {d: transfer.posterior(train[d] / np.float32(255), d) for d in OTHER}
# What a latent decodes to counts, not what was encoded.
decoded = {d: classify(d, transfer.decode(z[:, 0], d)) for d, z in latents.items()}
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

for d in OTHER:
    seen = classify(d, transfer.decode(transfer.encode(test[d], d), d))
    share = np.mean(seen == labels[d])
    print(f"Label recognized in reconstructions by the VAE of the {d}: {share:.4f}")

figures = {}
for d in OTHER:
    for kind in ("sampled", "mean"):
        sample = kind == "sampled"
        z = transfer.encode(test[d], d, sample=sample, seed=SEED)
        before = classify(d, transfer.decode(z, d))
        for to in OTHER:
            moved = transfer.transfer_latents(z, d, to, sample=sample, seed=SEED + 1)
            images = transfer.decode(moved, to)
            figures[d, to, kind] = float(np.mean(before == classify(to, images)))
            print(f"Class kept, {d} to {to}, {kind} latents: {figures[d, to, kind]:.4f}")
            if (d, to) == ("source", "target"):  # distance to real clothes
                features = keras.Sequential([classifiers["target"], keras.layers.Softmax()])
                distance = metrics.FrechetDistance(features)
                for i in range(0, len(images), 500):
                    distance.update_state(test["target"][i : i + 500], images[i : i + 500])
                print(f"  Frechet distance: {float(distance.result()):.4f}")

# ## Pictures: one image of each class, and what becomes of it

for d, to in OTHER.items():
    x = test[d][np.unique(labels[d], return_index=True)[1]]
    rows = {d: x, "its VAE": transfer.decode(transfer.encode(x, d), d)}
    rows |= {"reconstruction": transfer.reconstruct(x, d), f"as {to}": transfer.transfer(x, to)}
    visualization.translation_grid(rows, OUT / f"{d}_to_{to}.png")
print(f"Models and pictures: {OUT.resolve()}")
