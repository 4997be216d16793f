"""MultiVae's JMVAE, trained by MultiVae's own trainer.

    python -m benchmarks.peers.jmvae FILE.npz BATCH STEPS

Encoders and decoders are MultiVae's classes with VBTA's widths. JMVAE also has a joint encoder,
here its default, so its step does more work than VBTA's.
"""

import sys
import tempfile
import time

import numpy as np
import torch
from multivae.data import MultimodalBaseDataset
from multivae.models import JMVAE, JMVAEConfig
from multivae.models.base import BaseAEConfig
from multivae.models.nn.default_architectures import Decoder_AE_MLP, Encoder_VAE_MLP
from multivae.trainers import BaseTrainer, BaseTrainerConfig

from benchmarks.peers.turns import THREADS, serve

DOMAINS = ("source", "target")


def main():
    path, batch, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(THREADS)
    file = np.load(path)
    data = {d: torch.from_numpy(file[d][: batch * steps]) for d in DOMAINS}
    latent = file["z_mean/bias"].size
    shape = data["source"].shape[1:]
    network = BaseAEConfig(input_dim=tuple(shape), latent_dim=latent)
    model = JMVAE(
        JMVAEConfig(n_modalities=2, latent_dim=latent, input_dims=dict.fromkeys(DOMAINS, shape)),
        encoders={d: Encoder_VAE_MLP(network, n_hidden=0) for d in DOMAINS},
        decoders={d: Decoder_AE_MLP(network) for d in DOMAINS},
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model,
            MultimodalBaseDataset(data),
            training_config=BaseTrainerConfig(
                output_dir=folder, per_device_train_batch_size=batch, learning_rate=1e-3
            ),
        )
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
