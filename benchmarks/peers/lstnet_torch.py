"""LSTNet's step handwritten in PyTorch, eager, built from the same tables of layers.

Images are NCHW in [-1, 1]. The discriminators are updated first, on translations without gradients;
the update of the translators translates again.
"""

import torch
from torch import nn
from torch.nn import functional

DOMAINS = ("source", "target")
SLOPE = 0.3  # slope of LeakyReLU


class Padding(nn.Module):
    """TensorFlow's "same" padding for an int kernel; an odd total is larger at the end."""

    def __init__(self, kernel: int, strides: int, value: float = 0.0):
        super().__init__()
        self.arguments = kernel, strides, value

    def forward(self, x):
        (kernel, strides, value), margins = self.arguments, []
        for size in reversed(x.shape[2:]):
            total = max((-(-size // strides) - 1) * strides + kernel - size, 0)
            margins += [total // 2, total - total // 2]
        return functional.pad(x, margins, value=value)


def convolutions(table, width: int, channels: int, transposed: bool = False) -> nn.Sequential:
    """Build from rows of filters (in units of `width`), kernel, strides and padding."""
    kind, layers = nn.ConvTranspose2d if transposed else nn.Conv2d, []
    for filters, kernel, strides, padding in table:
        n = filters * width
        layers.append(kind(channels, n, kernel, strides, bias=False))
        if padding == "same" and transposed:  # crop what the convolution padded
            first, last = -((kernel - strides) // 2), -((kernel - strides + 1) // 2)
            layers.append(nn.ZeroPad2d((first, last, first, last)))
        elif padding == "same":
            layers.insert(-1, Padding(kernel, strides))
        layers += [nn.BatchNorm2d(n, eps=1e-3, momentum=0.01), nn.LeakyReLU(SLOPE)]
        channels = n
    return nn.Sequential(*layers)


def discriminator(table, width: int, channels: int) -> nn.Sequential:
    """Build from rows of filters (in units of `width`), kernel, padding and pooling stride."""
    layers = []
    for filters, kernel, padding, pool in table:
        layers += [Padding(kernel, 1)] if padding == "same" else []
        layers += [nn.Conv2d(channels, filters * width, kernel), nn.LeakyReLU(SLOPE)]
        layers += [Padding(2, pool, -torch.inf), nn.MaxPool2d(2, pool)]
        channels = filters * width
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(1))


class LSTNet(nn.Module):
    """`tables`: rows by network; `shapes`: `(height, width, channels)` by domain."""

    def __init__(self, tables: dict, shapes: dict, width: int = 64):
        super().__init__()
        n = {name: table[-1][0] * width for name, table in tables.items()}  # output channels
        inputs = {d: shapes[d][-1] for d in DOMAINS} | {"latent": n["shared_encoder"]}
        self.networks = nn.ModuleDict()
        for name, table in tables.items():
            part, kind = name.split("_")
            if kind == "discriminator":
                network = discriminator(table, width, inputs[part])
            elif kind == "encoder":
                network = convolutions(table, width, inputs.get(part, n["source_encoder"]))
            else:
                before = n["shared_encoder" if part == "shared" else "shared_generator"]
                network = convolutions(table, width, before, transposed=True)
                if part != "shared":
                    network.extend([nn.ConvTranspose2d(n[name], inputs[part], 1), nn.Tanh()])
            self.networks[name] = network
        x = [torch.zeros(1, shapes[d][-1], *shapes[d][:2]) for d in DOMAINS]
        for name, _, true, _ in self.eval().games(*x, *self(*x)):
            self.score(name, true, 1.0)  # initializes the lazy last layer
        self.train()
        teams = {True: [], False: []}
        for name, network in self.networks.items():
            teams[name.endswith("_discriminator")] += network.parameters()
        adam, self.translating = {"lr": 1e-4, "betas": (0.8, 0.999)}, teams[False]
        self.discriminators = torch.optim.Adam(teams[True], **adam)
        self.translators = torch.optim.Adam(self.translating, **adam)

    def through(self, *images):
        """Return latents of source and target images, and features, each as one batch."""
        features = [self.networks[f"{d}_encoder"](x) for d, x in zip(DOMAINS, images, strict=True)]
        z = self.networks["shared_encoder"](torch.cat(features))
        return z, self.networks["shared_generator"](z)

    def forward(self, x1, x2):
        """Return latents, and pairs of reconstructions, translations and cycles."""
        rows = [len(x1), len(x2)]
        to = [self.networks[f"{d}_generator"] for d in DOMAINS]
        z, h = self.through(x1, x2)
        (kept1, made1), (made2, kept2) = (g(h).split(rows) for g in to)
        back = self.through(made1, made2)[1].split(rows[::-1])
        return z.split(rows), (kept1, kept2), (made1, made2), (to[0](back[1]), to[1](back[0]))

    def games(self, x1, x2, z, _, translated, __):
        """Return name, weight, real and fake inputs of each adversarial term."""
        yield "source", 20.0, x1, translated[0]
        yield "target", 20.0, x2, translated[1]
        yield "latent", 30.0, *z

    def score(self, name, x, label):
        logits = self.networks[f"{name}_discriminator"](x)
        return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))

    def step(self, x1, x2):
        """Update the discriminators, then the translators; return both losses."""
        with torch.no_grad():
            made, played, loss = self(x1, x2), 0.0, 0.0
        for name, weight, true, false in self.games(x1, x2, *made):
            played += weight * (self.score(name, true, 1.0) + self.score(name, false, 0.0))
        self.discriminators.zero_grad()
        played.backward()
        self.discriminators.step()

        made = self(x1, x2)
        for name, weight, true, false in self.games(x1, x2, *made):
            loss += weight * self.score(name, false, 1.0)
            if name == "latent":
                loss += weight * self.score(name, true, 0.0)
        for x, image in zip((x1, x2) * 2, (*made[1], *made[3]), strict=True):
            loss += 100.0 * functional.l1_loss(image, x)
        self.translators.zero_grad()
        loss.backward(inputs=self.translating)  # no gradients for discriminators
        self.translators.step()
        return played.item(), loss.item()


def copy_weights(keras_weights_by_network: dict[str, list], model: LSTNet) -> None:
    """Load `network.get_weights()` of the Keras networks into those with the same names."""
    for name, arrays in keras_weights_by_network.items():
        arrays, channels = iter(arrays), None
        for layer in model.networks[name]:
            for key, tensor in layer.state_dict().items():
                if key == "num_batches_tracked":
                    continue
                value = torch.tensor(next(arrays))
                if value.ndim == 4:  # (..., in, out), or transposed (..., out, in)
                    value = value.permute(3, 2, 0, 1)
                elif value.ndim == 2:  # Keras flattens (places, channels)
                    value = value.reshape(-1, channels).T.reshape(1, -1)
                tensor.copy_(value)
            channels = getattr(layer, "out_channels", channels)
