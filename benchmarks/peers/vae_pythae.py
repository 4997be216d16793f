"""The VAE of pythae, trained by its own trainer.

    python -m benchmarks.peers.vae_pythae FILE.npz BATCH STEPS LATENT

Uses its default networks for images of one channel: 784-512-LATENT and back.
"""

import sys
import tempfile
import time

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig

from benchmarks.peers.turns import THREADS, serve


def main():
    path, batch, steps, latent = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(THREADS)
    file = np.load(path)
    images = torch.from_numpy(file["images"][: batch * steps])
    labels = torch.from_numpy(file["labels"][: batch * steps])
    model = VAE(VAEConfig(input_dim=tuple(images.shape[1:]), latent_dim=latent))
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model,
            BaseDataset(images, labels),
            training_config=BaseTrainerConfig(
                output_dir=folder, per_device_train_batch_size=batch, learning_rate=1e-3
            ),
        )
        trainer.prepare_training()
        epoch = 0

        def run(_):
            nonlocal epoch
            epoch += 1
            start = time.perf_counter()
            trainer.train_step(epoch)  # runs an epoch
            return (time.perf_counter() - start) / steps

        serve(run, parameters=sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    main()
