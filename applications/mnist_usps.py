"""
Title: Translating digits between MNIST and USPS with LSTNet
Description: Two datasets without labels or pairs, and an adversarial loss in both domains.

LSTNet translates through a shared latent space, and trains translators against discriminators. Its
losses do not show when it is best, so the epoch is chosen for each direction: by the mutual
information of translated training images and a classifier's predictions, which needs no labels.

    python applications/mnist_usps.py

`keras-latent run mnist-usps` does the same, resumes if it was interrupted, measures moving averages
of the weights, and compares the criterion with the accuracy over the epochs, which this script
leaves out.

Reference: Friedjungova, Vasata, Chobola and Jirina, "Unsupervised Latent Space Translation
Network" (2020), section 3.
"""

from pathlib import Path

import keras
import numpy as np

from keras_latent import callbacks, datasets, metrics, models, visualization

PRESET = "lstnet_mnist_usps_small"  # for two CPU cores; "lstnet_mnist_usps" for a GPU
EPOCHS, BATCH_SIZE, LEARNING_RATE = 8, 64, 5e-4
CLASSIFIERS = {
    "source": {"epochs": 16, "max_shift": 2},
    "target": {"epochs": 60, "max_shift": 1, "label_smoothing": 0.1},
}
DATA_DIR, SEED = None, 0
OUT = Path("runs/scripts/mnist_usps")

# ## The data, and a classifier of each domain to evaluate translations. It is trained once.

pair = datasets.load_pair(
    "mnist_usps", batch_size=BATCH_SIZE, augment=True, seed=SEED, data_dir=DATA_DIR
)
print(pair)
OTHER = {"source": "target", "target": "source"}
train = {"source": pair.source_train, "target": pair.target_train}
train_labels = {"source": pair.source_train_labels, "target": pair.target_train_labels}
test = {"source": pair.source_test / np.float32(255), "target": pair.target_test / np.float32(255)}
labels = {"source": pair.source_test_labels, "target": pair.target_test_labels}
classifiers = {
    d: metrics.reference_classifier(train[d], train_labels[d], softness=0.5, verbose=2, **options)
    for d, options in CLASSIFIERS.items()
}


# ## Which epoch is best? Measured on translations of 2,000 training images of each domain.

rng = np.random.default_rng(SEED)
some = {
    d: train[d][rng.permutation(len(train[d]))[:2000]] / np.float32(255) for d in OTHER.values()
}


class BestEpochs(keras.callbacks.Callback):
    """Saves the weights of the best epoch for each domain that images are translated to."""

    best, epochs = {"source": -np.inf, "target": -np.inf}, {}

    def on_epoch_end(self, epoch, logs=None):
        for to, d in OTHER.items():
            translated = self.model.translate(some[d], to=to)
            p = keras.ops.softmax(classifiers[to].predict(translated, batch_size=500, verbose=0))
            p = np.maximum(keras.ops.convert_to_numpy(p), 1e-30)
            # Large if the classifier is sure of each image, and predicts all classes.
            information = np.mean(np.sum(p * np.log(p / p.mean(0)), axis=1))
            if information > self.best[to]:
                self.best[to], self.epochs[to] = information, epoch + 1
                self.model.save_weights(OUT / f"to_{to}.weights.h5", overwrite=True)


# ## Training: two players, each with its own optimizer


def adam():
    steps = EPOCHS * pair.steps_per_epoch
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps), 0.8)


keras.utils.set_random_seed(SEED)
model = models.LSTNet.from_preset(PRESET, load_weights=False, seed=SEED)
model.compile({group: adam() for group in model.optimizer_groups()})
shown = {d: test[d][np.unique(labels[d], return_index=True)[1]] for d in OTHER}
choice, grid = BestEpochs(), callbacks.TranslationGrid(*shown.values(), OUT / "grids")
watch = [callbacks.CollapseMonitor(), grid, choice]
history = model.fit(pair.train, epochs=EPOCHS, shuffle=False, callbacks=watch, verbose=2)
visualization.training_curves(history, OUT / "training.png")

# ## Evaluation: test images translated by the weights of the chosen epoch


def accuracy(to, images, labels):
    """The share of images that the classifier of a domain assigns to their labels."""
    metric = metrics.TransferAccuracy(classifiers[to])
    for i in range(0, len(images), 500):
        metric.update_state(labels[i : i + 500], images[i : i + 500])
    return float(metric.result())


figures = {}
for to, d in OTHER.items():
    model.load_weights(OUT / f"to_{to}.weights.h5")
    model.save(OUT / f"model_to_{to}.keras")
    share = figures[d, to] = accuracy(to, model.translate(test[d], to=to), labels[d])
    print(f"Accuracy, {d} to {to}: {share:.4f} (epoch {choice.epochs[to]})")
    print(f"  real images of the {to}: {accuracy(to, test[to], labels[to]):.4f}")
    rows = {d: shown[d], "reconstruction": model.reconstruct(shown[d], d)}
    rows |= {f"as {to}": model.translate(shown[d], to=to), "and back": model.cycle(shown[d], d)}
    visualization.translation_grid(rows, OUT / f"{d}_to_{to}.png")
print(f"Models and pictures: {OUT.resolve()}")
