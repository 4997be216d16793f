"""
Title: How a BridgingVAE aligns two ellipses
Description: What each term of the loss does, in two dimensions.

The latents of two models are two ellipses with two classes each. In the source, one class is above
the other; in the target, they are side by side, so that only a rotation keeps the classes. Four
bridges add one idea after the other: a plain VAE, a VAE conditioned on the domain, the sliced
Wasserstein distance between the domains (SWD), and a classifier. A minute on two CPU cores:

    python applications/bridging_synthetic.py

`keras-latent run bridging-synthetic` does the same, and also draws the shared space.

Reference: Tian and Engel, "Latent Domain Transfer: Crossing modalities with Bridging Autoencoders"
(2018), figures 2 and 7.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from matplotlib.figure import Figure

from keras_latent import models, ops
from keras_latent.layers import GatedMixingLayer

POINTS, STEPS, BATCH_SIZE, LEARNING_RATE = 2000, 3000, 200, 3e-3
SEED = 0
OUT = Path("runs/scripts/bridging_synthetic")
VARIANTS = {
    "VAE": {"conditional": False, "beta_swd": 0.0, "beta_cls": 0.0},
    "conditional VAE": {"beta_swd": 0.0, "beta_cls": 0.0},
    "+ SWD": {"beta_cls": 0.0},
    "+ SWD + classes": {},
}

# ## The data, and the axis along which the two classes of a domain are next to each other

CENTERS, AXES = {"source": (-1.5, 0.0), "target": (1.5, 0.0)}, {"source": 1, "target": 0}
rng = np.random.default_rng(SEED)


def class_of(z, domain):
    return (z[:, AXES[domain]] > CENTERS[domain][AXES[domain]]).astype("int64")


def ellipse(center):
    radius, angle = np.sqrt(rng.uniform(size=POINTS)), rng.uniform(0, 2 * np.pi, POINTS)
    circle = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return (center + np.array([0.6, 1.0]) * circle).astype("float32")


z = {d: ellipse(center) for d, center in CENTERS.items()}
y = {d: class_of(z[d], d) for d in CENTERS}

# ## The networks: both take the one-hot domain as a second input, and end in gated mixing layers


def body(x):
    for _ in range(2):
        x = layers.Dense(64, activation="relu")(x)
    return x


def networks():
    latent, domain = keras.Input((2,)), keras.Input((2,))
    skip = layers.Concatenate()([latent, domain])
    h = body(skip)
    mean, raw = GatedMixingLayer(2)(h, skip), GatedMixingLayer(2)(h, skip)
    log_var = layers.Activation(lambda x: 2.0 * ops.log_softplus(x))(raw)
    encoder = keras.Model((latent, domain), (mean, log_var))
    shared, domain = keras.Input((2,)), keras.Input((2,))
    skip = layers.Concatenate()([shared, domain])
    h = body(skip)
    decoder = keras.Model((shared, domain), GatedMixingLayer(2)(h, skip))
    return {"encoder": encoder, "decoder": decoder}


# ## Training and evaluation: how many points keep their class, and do they still fill an ellipse?
# The spread is the smallest ratio of variances over all directions: 0 if the points are on a line.

figures, moved = {}, {}
for name, options in VARIANTS.items():
    keras.utils.set_random_seed(SEED)
    weights = {"beta_kl": 0.02, "beta_swd": 1.0, "beta_cls": 0.2} | options
    bridge = models.BridgingVAE(**networks(), num_classes=2, **weights, seed=SEED)
    each = POINTS // BATCH_SIZE
    epochs = -(-STEPS // each)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * each, alpha=0.01)
    bridge.compile(keras.optimizers.Adam(rate))
    bridge.fit(z, y, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    for d, to in (("source", "target"), ("target", "source")):
        moved[name, d] = bridge.transfer(z[d], d, to)
        figures[name, d] = float(np.mean(class_of(moved[name, d], to) == y[d]))
        ratios = np.linalg.solve(np.cov(z[to].T), np.cov(moved[name, d].T))
        spread = np.linalg.eigvals(ratios).real.min()
        print(f"{name}, {d} to {to}: {figures[name, d]:.4f} keep their class, spread {spread:.4f}")

# ## A picture: a row of panels per variant, colored by the original position

figure = Figure(figsize=(8, 2.2 * len(VARIANTS)), layout="constrained")
panels = figure.subplots(len(VARIANTS), 3)
for row, name in zip(panels, VARIANTS, strict=True):
    titles = ("latents", "source to target", "target to source")
    shown = (z, {"source": moved[name, "source"]}, {"target": moved[name, "target"]})
    for axes, title, clouds in zip(row, titles, shown, strict=True):
        for d, points in clouds.items():
            color, colors = z[d][:, 1 - AXES[d]], {"source": "autumn", "target": "winter"}[d]
            for k, marker in enumerate("ox"):
                some = np.flatnonzero(y[d] == k)[:250]
                axes.scatter(*points[some].T, c=color[some], cmap=colors, marker=marker, s=12)
        axes.set(xlim=(-2.7, 2.7), ylim=(-1.8, 1.8), aspect="equal", title=f"{name}: {title}")
        axes.title.set_fontsize(8)
OUT.mkdir(parents=True, exist_ok=True)
figure.savefig(OUT / "figure_7.png", dpi=150)
print(f"Picture: {OUT.resolve() / 'figure_7.png'}")
