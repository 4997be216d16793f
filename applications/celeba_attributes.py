"""
Title: Changing attributes of faces with DualVAE
Description: A VAE whose latent space has a linear boundary for each attribute.

DualVAE trains a VAE of faces together with a linear classifier of its latents. A step along the
dual vector of an attribute changes that attribute. The length of the step is chosen on validation
faces by the conditional inception score (CIS): the attribute should change, and no other.

    python applications/celeba_attributes.py      # the faces: see `datasets.load_faces`

`keras-latent run celeba-attributes` does the same, resumes if it was interrupted, and has options
for missing labels and for two baselines, a conditional VAE and the Fader network.

Reference: Okamoto et al., "Dual Space Learning with Variational Autoencoders" (2019), section 4.
"""

from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

DATASET = "celeb_a_64"  # "celeb_a" is all of CelebA
PRESET = "dual_vae_celeba_small"  # for two CPU cores; "dual_vae_celeba" for a GPU
EPOCHS, BATCH_SIZE, LEARNING_RATE = 20, 64, 1e-3
CLASSIFIER = {"kind": "small", "epochs": 6}
STEPS = (1, 2, 4, 6, 9, 13, 18, 24, 32)  # lengths to try, in standard deviations of the prior
MARGINS = (1, 3, 6, 9, 13, 18)  # log-odds to try, for moves past the boundary
SWEEP_IMAGES = 160  # validation faces to choose strengths on
DATA_DIR, SEED = None, 0
OUT = Path("runs/scripts/celeba_attributes")
SHOWN = ("Blond_Hair", "Eyeglasses", "Mustache", "Bangs", "Male", "Smiling")

# ## The data, and a classifier of attributes to evaluate transfers. It is trained once.

faces = datasets.load_faces(DATASET, DATA_DIR)
names = list(faces.attribute_names)
images, attributes = faces.images["train"], faces.attributes["train"]
classifier = metrics.attribute_classifier(images, attributes, **CLASSIFIER, verbose=2)


class Batches(keras.utils.PyDataset):
    """Batches in random order, with half of the faces flipped; the last one is filled up."""

    epoch = 0

    def __len__(self):
        return -(-len(images) // BATCH_SIZE)

    def __getitem__(self, step):
        order = np.random.default_rng((SEED, self.epoch)).permutation(len(images))
        rows = np.resize(order, len(self) * BATCH_SIZE)[step * BATCH_SIZE :][:BATCH_SIZE]
        x = images[rows] / np.float32(255)
        flipped = np.random.default_rng((SEED, self.epoch, step)).random(BATCH_SIZE) < 0.5
        x[flipped] = x[flipped, :, ::-1]
        return x, attributes[rows].astype("int32")

    def on_epoch_end(self):
        self.epoch += 1


# ## Training: two losses, each with its own optimizer

keras.utils.set_random_seed(SEED)
model = models.DualVAE.from_preset(PRESET, load_weights=False, attributes=names, seed=SEED)
batches = Batches()
rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * len(batches), alpha=0.02)
model.compile({group: keras.optimizers.Adam(rate) for group in model.optimizer_groups()})
history = model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=2)
visualization.training_curves(history, OUT / "training.png")
model.save(OUT / "model.keras")

# ## Evaluation: steps along the dual vector, isolated from other attributes, or past the boundary

length = np.linalg.norm(model.dual_vectors(), axis=1).mean()
lambdas, other = [round(float(step / length), 4) for step in STEPS], {"direction": "isolated"}
unit = {"unit": "dual_vector"}  # of lambda: the paper's eq. 3, the same lambda for all attributes
kinds = {
    "dual": (model.transfer_function(**unit), lambdas),
    "isolated": (model.transfer_function(**other, **unit), lambdas),
    "boundary": (model.boundary_function(present=True, **other), MARGINS),
}
metric = metrics.ConditionalInceptionScore(classifier, names)
chosen = np.random.default_rng([SEED, 12]).permutation(len(faces.images["validation"]))
validation = faces.images["validation"][chosen[:SWEEP_IMAGES]] / np.float32(255)
test = faces.images["test"] / np.float32(255)


def score(function, strength, x):
    metric.reset_state()
    inputs = {"x": x, "strength": np.full(len(x), strength, "float32")}
    return metric.measure(function, inputs, batch_size=max(1, 320 // len(names)))


figures, strengths = {}, {}
for kind, (function, values) in kinds.items():
    cis = [score(function, strength, validation)["cis"] for strength in values]
    strengths[kind] = values[int(np.argmax(cis))]
    figures[kind] = score(function, strengths[kind], test)
    draws = metric.result_of_draws(size=min(160, len(test)), draws=10, seed=0)["cis"]
    print(f"{kind}, strength {strengths[kind]:g}: {figures[kind]} on {len(test)} test faces")
    print(f"  CIS of sets of 160 faces: {draws['mean']:.4f} +- {draws['std']:.4f}")
print(f"Squared error: {np.square(model.reconstruct(test) - test).mean():.5f}")

# ## Pictures: six faces with each attribute added, and one face at several strengths

x = test[:6]
made = model.to_boundary(x, None, strengths["boundary"], present=True, **other)
rows = [("face", x), ("reconstruction", model.reconstruct(x))]
rows += [(name, made[:, i]) for i, name in enumerate(names)]
visualization.translation_grid(rows, OUT / "attributes.png")
path = np.linspace(-2, 2, 9, dtype="float32") * strengths["dual"]
nine = np.repeat(x[:1], 9, axis=0)
strips = {name: model.transfer(nine, name, path, **unit) for name in SHOWN}
visualization.translation_grid(strips, OUT / "strengths.png")
print(f"Model and pictures: {OUT.resolve()}")
