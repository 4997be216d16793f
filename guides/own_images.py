# ---
# jupyter:
#   description: Train a translator on two folders of images, in one command or a few lines.
#   kernelspec:
#     name: python3
#     display_name: Python 3
# ---

# %% [markdown]
# # Your own two folders
#
# ## Introduction
#
# You have two folders of images, and want a translator between them. This guide makes two folders
# from the photographs that come with scikit-learn, a Chinese temple and a flower: `negatives`, with
# black-and-white negatives of pieces of them, and `prints`, with the same pieces in color. Then it
# trains a `VBTA` that turns negatives into color prints, and applies it to parts of the photographs
# that it has not seen. It takes a few minutes on two CPU cores, needs only
# `pip install ".[jax,viz]"`, and runs on TensorFlow, JAX and PyTorch.

# %%
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_images

from keras_latent import datasets, models, visualization

keras.utils.set_random_seed(0)

# %% [markdown]
# ## The folders
#
# Training pieces are from the upper two thirds of each photograph, new ones from the rest. A piece
# has the same file name in both folders, which is how the pairs will be found. With your own
# images, skip this step. They may be of any size, in sub-folders, PNG, JPEG, WebP, BMP or TIFF.

# %%
rng = np.random.default_rng(0)


def cut(photograph, name, folder, count, rows):
    """Cut random 64x64 pieces from a range of rows, as negatives and as prints."""
    for i in range(count):
        top = rng.integers(rows[0], rows[1] - 64)
        left = rng.integers(photograph.shape[1] - 64)
        piece = Image.fromarray(photograph[top : top + 64, left : left + 64])
        for kind, made in (("negatives", ImageOps.invert(piece.convert("L"))), ("prints", piece)):
            Path(folder, kind).mkdir(parents=True, exist_ok=True)
            made.save(Path(folder, kind, f"{name}_{i:03}.png"))


for name, photograph in zip(("temple", "flower"), load_sample_images().images, strict=True):
    third = photograph.shape[0] // 3
    cut(photograph, name, "pieces", 500, (0, 2 * third))
    cut(photograph, name, "new_pieces", 4, (2 * third, photograph.shape[0]))
print(len(list(Path("pieces/negatives").iterdir())), "pairs of pieces")

# %% [markdown]
# ## In one command
#
# Everything below is also one command. It prints what it finds (sizes, unreadable files,
# duplicates), trains, draws translations after each epoch, and resumes if it was interrupted:
#
# ```bash
# keras-latent train --source pieces/negatives --target pieces/prints --paired-by name \
#     --model vbta --size 32 --epochs 30 --out runs/prints
# keras-latent translate runs/prints new_pieces/negatives made --to target
# keras-latent report runs/prints
# ```
#
# `report` writes a page with the curves, the pictures and the figures. Without pairs, leave out
# `--paired-by` and take `--model lstnet`, or `vbta`, which then aligns the domains by a sliced
# Wasserstein distance. `keras-latent train --help` lists all options.
#
# ## In your own code
#
# `pair_from_folders` decodes each file once, into one array on the disk, from which batches are
# read. So memory does not grow with the number of images. A tenth of them is held out.

# %%
pair = datasets.pair_from_folders(
    "pieces/negatives", "pieces/prints", size=32, paired_by="name", batch_size=32
)
pair

# %% [markdown]
# `networks_for` builds the networks of a method for images of this size, and of these channels, by
# the rule of the command. For images of another kind, pass networks of your own.

# %%
networks = models.networks_for("VBTA", pair.source_shape, pair.target_shape, width=16)
model = models.VBTA(
    **networks, observation_variance=0.01, gamma=10.0, cross_reconstruction=1.0, seed=0
)
model.compile(keras.optimizers.Adam(1e-3))
history = model.fit(pair.train, epochs=30, verbose=0)
print(f"{model.count_params():,} parameters, loss {history.history['loss'][-1]:.1f}")

# %% [markdown]
# ## New images
#
# `images_from_folder` reads other images in the same way. The rows of the picture: negatives, their
# translations, and the true prints.

# %%
negatives = datasets.images_from_folder("new_pieces/negatives", size=32)
prints = datasets.images_from_folder("new_pieces/prints", size=32)
x, truth = negatives.images / np.float32(255), prints.images / np.float32(255)
printed = model.translate(x, to="target")
visualization.translation_grid(
    {"negatives": np.repeat(x, 3, axis=-1), "printed": printed, "true prints": truth}, "prints.png"
)

# %% [markdown]
# The squared error of the translations, beside that of the best image that does not depend on the
# negative. Two photographs are little to learn from, a gray value does not determine a color, and a
# latent of 128 numbers keeps few details. So expect light and dark in the right places, plausible
# colors, and blurred edges.

# %%
errors = [float(np.mean(np.square(made - truth))) for made in (printed, truth.mean(axis=0))]
print("printed: {:.4f}, mean print: {:.4f}".format(*errors))

# %% [markdown]
# ## Next steps
#
# - [Getting started with domain pairs](getting_started.md) explains pairs and models.
# - `datasets.find_duplicates` tells whether a held-out image is also in training.
# - For sharper translations of larger images, see `LSTNet` in
#   [MNIST <-> USPS with LSTNet](lstnet_mnist_usps.md).
