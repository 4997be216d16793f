"""The presets of `WaveGAN`. Listing them imports no Keras."""

from keras_latent.src.presets.registry import Preset, presets_of


def networks():
    from keras_latent.src.models.wavegan import networks

    return networks


PRESETS = presets_of(
    "WaveGAN",
    {
        "wavegan_sc09": Preset(
            "The configuration of the WaveGAN paper for spoken digits at 16 kHz, 16,384 samples, "
            "with Gaussian latents: 36.5 million parameters, for a GPU.",
            lambda: networks().wavegan(),
        ),
        "wavegan_spoken_digit": Preset(
            "`wavegan_sc09` for 8,192 samples, one second at 8 kHz.",
            lambda: networks().wavegan(samples=8192),
        ),
        "wavegan_spoken_digit_small": Preset(
            "`wavegan_spoken_digit` with a quarter of the width, for two CPU cores and short "
            "trainings: one update of the critic per step, which needs a higher learning rate than "
            "the generator's, and averaged generator weights.",
            lambda: (
                networks().wavegan(samples=8192, dim=16)
                | {"critic_steps": 1, "ema_momentum": 0.995}
            ),
        ),
        "wavegan_tiny": Preset(
            "1,024 samples and a 32nd of the width: for tests and first tries.",
            lambda: networks().wavegan(samples=1024, dim=2),
        ),
    },
)
