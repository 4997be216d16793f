"""
Title: Translating faces between men and women with VBTA
Description: Two domains of faces share one latent space, with pairs by attributes.

No face is in both domains, so the known pairs are men and women with the same other attributes
(smiling, blond, ...), whose latents are pulled together. What goes with gender may still differ:
moved by the offset between the mean latents of the domains, translations look more typical of the
other domain. The strength of that move is chosen on validation faces.

    python applications/celeba_men_women.py      # the faces: see `datasets.load_faces`

`keras-latent run celeba-men-women` does the same with less memory, resumes if it was interrupted,
and also trains a plain VAE to compare reconstruction errors with.

Reference: Kuznetsova and Bakhteev, "Variational Bi-domain Triplet Autoencoder" (2018), section 6.2.
"""

from pathlib import Path

import keras
import numpy as np

from keras_latent import datasets, metrics, models, visualization

DATASET, PAIR = "celeb_a_64", "celeba_64_men_women"  # "celeb_a", "celeba_men_women": all of CelebA
PRESET = "vbta_celeba_small"  # for two CPU cores; "vbta_celeba" is the paper's
EPOCHS, BATCH_SIZE, LEARNING_RATE = 12, 50, 1e-3
CLASSIFIER = {"kind": "small", "epochs": 6}
STRENGTHS = np.arange(13) / 4  # multiples of the offset to try
WANTED = {"gender": 0.9, "agreement": 0.85}  # shares of translations
DATA_DIR, SEED = None, 0
OUT = Path("runs/scripts/celeba_men_women")
WHO, OTHER = {"source": "men", "target": "women"}, {"source": "target", "target": "source"}

# ## The data, and a classifier of attributes to evaluate translations. It is trained once.

faces = datasets.load_faces(DATASET, DATA_DIR)
classifier = metrics.attribute_classifier(
    faces.images["train"], faces.attributes["train"], **CLASSIFIER, verbose=2
)
MALE = faces.attribute_names.index("Male")


def domain_of(split, domain):
    """The images and attributes of the men or the women of a split."""
    rows = faces.attributes[split][:, MALE] == (domain == "source")
    return faces.images[split][rows] / np.float32(255), faces.attributes[split][rows]


# ## Training: half of the faces of a batch are flipped left to right

flip = datasets.RandomFlip()
pair = datasets.load_pair(PAIR, batch_size=BATCH_SIZE, augment=flip, seed=SEED, data_dir=DATA_DIR)
print(pair)
keras.utils.set_random_seed(SEED)
model = models.VBTA.from_preset(PRESET, load_weights=False, seed=SEED)
steps = EPOCHS * pair.steps_per_epoch
rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=0.05)
model.compile(keras.optimizers.Adam(rate))
history = model.fit(pair.train, validation_data=pair.test, epochs=EPOCHS, shuffle=False, verbose=2)
visualization.training_curves(history, OUT / "training.png")
model.save(OUT / "model.keras")

# ## Evaluation: gender and the other attributes, as the classifier sees them


def attributes_in(images):
    return classifier.predict(images.clip(0, 1), batch_size=256, verbose=0) >= 0.5


def shares(images, domain, offset=None):
    """Per translation: has it the other gender, and the reconstruction's other attributes?"""
    before = attributes_in(model.reconstruct(images, domain))
    after = attributes_in(model.translate(images, to=OTHER[domain], offset=offset))
    same = np.delete(before == after, MALE, axis=1).mean(1)
    return {"gender": after[:, MALE] == (domain == "target"), "agreement": same}


def margin(found):
    """By how many standard errors the worse of both shares exceeds (or misses) its target."""
    errors = {k: max(v.std() / np.sqrt(len(v)), 1 / len(v)) for k, v in found.items()}
    return min((v.mean() - WANTED[k]) / errors[k] for k, v in found.items())


men, women = (domain_of("train", d)[0] for d in WHO)
offset = model.encode(women, "target").mean(0) - model.encode(men, "source").mean(0)
figures, offsets = {}, {}
for d, to in OTHER.items():
    images, _ = domain_of("validation", d)
    strength = max(STRENGTHS, key=lambda s: margin(shares(images, d, s * offset)))  # noqa: B023
    offsets[d] = strength * offset
    images, _ = domain_of("test", d)
    figures[d] = {k: v.mean() for k, v in shares(images, d).items()}
    moved = {k: v.mean() for k, v in shares(images, d, offsets[d]).items()}
    error = np.square(model.reconstruct(images, d) - images).mean()
    print(f"{len(images)} test {WHO[d]}: squared error of reconstructions {error:.5f}")
    for text, found in (("as they are", figures[d]), (f"moved by {strength:g} offsets", moved)):
        print(
            f"  translations {text}: {found['gender']:.4f} classified as {WHO[to]}, "
            f"{found['agreement']:.4f} of other attributes as in the reconstruction"
        )

# ## Pictures: test faces that agree in the other attributes, and samples from the prior

(men, his), (women, hers) = (domain_of("test", d) for d in WHO)
names = faces.attribute_names
matched = datasets.match_by_attributes(his[:10], hers, names=names, exclude=("Male",))
rows = []
for d, x in (("source", men[:10]), ("target", women[matched])):
    to = OTHER[d]
    rows += [(WHO[d], x), ("reconstruction", model.reconstruct(x, d))]
    rows += [(f"as {WHO[to]}", model.translate(x, to=to))]
    rows += [(f"moved to {WHO[to]}", model.translate(x, to=to, offset=offsets[d]))]
visualization.translation_grid(rows, OUT / "translations.png")
visualization.translation_grid(model.generate(10, seed=0), OUT / "samples.png")
print(f"Model and pictures: {OUT.resolve()}")
