"""
Title: Translating digits to their transposes with VBTA
Description: Two domains share one latent space, learned from known pairs and triplets.

The source domain is MNIST, and the target the same images transposed. VBTA trains a VAE of each,
and pulls the latents of known pairs together and those of other rows apart. Some minutes on two
CPU cores:

    python applications/mnist_transpose.py

`keras-latent run mnist-transpose` does the same, resumes if it was interrupted, and has options for
few known pairs or none.

Reference: Kuznetsova and Bakhteev, "Variational Bi-domain Triplet Autoencoder" (2018), section 6.1.
"""

from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

DATASET = "mnist_transpose"  # "digits_transpose" needs no download
SPLIT = "paper"  # 50,000 images for training, 10,000 for testing; "keras" for other datasets
PRESET = "vbta_mnist_transpose_sharp"  # "vbta_digits_transpose_sharp" for 8x8 digits
EPOCHS, BATCH_SIZE, LEARNING_RATE = 20, 50, 1e-3
CLASSIFIER = {"epochs": 16, "max_shift": 2, "softness": 0.5}
DATA_DIR, SEED = None, 0
OUT = Path("runs/scripts/mnist_transpose")

# ## The data: each image and its transpose are a known pair

pair = datasets.load_pair(
    DATASET, paired="all", split=SPLIT, batch_size=BATCH_SIZE, seed=SEED, data_dir=DATA_DIR
)
print(pair)
source, target = pair.source_test / np.float32(255), pair.target_test / np.float32(255)
labels = pair.source_test_labels

# ## A classifier of real source images, to evaluate translations. It is trained once and cached.

classifier = metrics.reference_classifier(
    pair.source_train, pair.source_train_labels, **CLASSIFIER, verbose=2
)


def accuracy(images):
    """The share of images that the classifier assigns to the label of the original."""
    metric = metrics.TransferAccuracy(classifier)
    for i in range(0, len(images), 500):
        metric.update_state(labels[i : i + 500], images[i : i + 500])
    return float(metric.result())


# ## Training

keras.utils.set_random_seed(SEED)
model = models.VBTA.from_preset(PRESET, load_weights=False, seed=SEED)
model.compile(keras.optimizers.Adam(LEARNING_RATE))
history = model.fit(pair.train, validation_data=pair.test, epochs=EPOCHS, shuffle=False, verbose=2)
visualization.training_curves(history, OUT / "training.png")
model.save(OUT / "model.keras")

# ## Evaluation: are translated test images still the same digits?

to_source = model.translate(target, to="source")
to_target = model.translate(source, to="target")
reconstruction = model.reconstruct(source)
figures = {
    "target to source": accuracy(to_source),
    # The classifier knows upright digits, so these are transposed back.
    "source to target": accuracy(np.swapaxes(to_target, 1, 2)),
    "reconstructions": accuracy(reconstruction),
    "real images": accuracy(source),
}
for name, value in figures.items():
    print(f"Accuracy, {name}: {value:.4f}")

# ## Pictures: one digit of each class, samples from the prior, and principal components

rows = {"x": source, "reconstruction": reconstruction, "f(x)": to_target}
rows |= {"y": target, "g(y)": to_source}
digits = np.unique(labels, return_index=True)[1]
visualization.translation_grid(
    {title: images[digits] for title, images in rows.items()}, OUT / "translations.png"
)
visualization.translation_grid(model.generate(10, seed=0), OUT / "samples.png")
visualization.pca_comparison(
    source, to_source, labels, OUT / "pca.png", titles=("x", "g(y), translated to the source")
)
print(f"Model and pictures: {OUT.resolve()}")
