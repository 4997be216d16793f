"""What a batch of latents of several domains must be, and its labels."""

from collections.abc import Iterable, Mapping
from typing import Any

from keras import ops as kops

from keras_latent.src.training.batches import BatchSpec, as_numpy
from keras_latent.src.training.inputs import Input, check_shape
from keras_latent.src.utils import checks
from keras_latent.src.utils.types import Tensor

#: Ends the name of further rows of a domain, which count only in the classifier's term.
LABELLED = "_labelled"


def domain_of(key: str) -> str:
    """The domain of a batch's key, `"<domain>"` or `"<domain>_labelled"`."""
    return key.removesuffix(LABELLED)


class Latents(Input):
    """Latents `(batch, dim)`, or the parameters of their distribution, `(batch, 2, dim)`."""

    kind = "latents"

    def check(self, name: str, x: Any) -> None:
        (dim,) = self.shape
        rank = len(x.shape)
        if rank > 3:
            raise ValueError(
                f"`{name}` must be latents, (batch, {dim}), or their means and log-variances, "
                f"(batch, 2, {dim}). Received: shape={tuple(x.shape)}. To get latents of data, "
                "call `encode` of the domain's own model, or `LatentDomainTransfer.posterior`."
            )
        check_shape(name, x.shape, (2, dim) if rank == 3 else (dim,))


class LabelsByDomain:
    """Integer labels of some or all domains, or `None`: a dict by the keys of the latents.

    Args:
        num_classes: Number of classes; `None`: not checked.
    """

    def __init__(self, num_classes: int | None):
        self.num_classes = num_classes

    def check(self, model: str, y: Any, rows: dict[str, int | None]) -> None:
        """Raises `ValueError` unless labels, of any backend, match the rows."""
        if y is None:
            extra = sorted(key for key in rows if key.endswith(LABELLED))
            if extra:
                raise ValueError(f"Labels are missing for the rows {extra}: pass them as `y`.")
            return
        if not isinstance(y, Mapping) or not set(y) <= set(rows):
            got = sorted(y) if isinstance(y, Mapping) else type(y).__name__
            raise ValueError(
                "`y` must be a dict of integer labels, by the keys of the latents "
                f"{sorted(rows)}. Received: {got}"
            )
        for key, labels in y.items():
            if not hasattr(labels, "shape"):
                raise ValueError(
                    f"`y['{key}']` must be an array of integer labels: `np.asarray(...)`. "
                    f"Received: {type(labels).__name__}"
                )
            dtype = str(getattr(labels.dtype, "name", labels.dtype))
            size, shape = rows[key], tuple(labels.shape)
            other_size = len(shape) == 1 and None not in (size, shape[0]) and size != shape[0]
            if len(shape) != 1 or "int" not in dtype or other_size:
                raise ValueError(
                    f"`y['{key}']` must hold one integer label per row, ({size},), with -1 for a "
                    f"missing label. Received: shape={shape}, dtype={dtype}. For one-hot rows, "
                    "pass `.argmax(-1)`."
                )

    def check_values(self, y: Any) -> None:
        """Raises `ValueError` unless labels are classes, or -1."""
        for key, labels in (as_numpy(y) or {}).items():
            if self.num_classes and labels.size:
                low, high = int(labels.min()), int(labels.max())
                if low < -1 or high >= self.num_classes:
                    raise ValueError(
                        f"`y['{key}']` must be from 0 to {self.num_classes - 1}, or -1 for a "
                        f"missing label. Received: labels from {low} to {high}"
                    )

    def to_tensor(self, y: Any) -> dict[str, Tensor]:
        """Labels by key, `(batch,)`, int32."""
        return {k: kops.cast(kops.convert_to_tensor(v), "int32") for k, v in (y or {}).items()}


def domain_names(domains: Any) -> tuple[str, ...]:
    """The names of the domains, checked."""
    several = isinstance(domains, Iterable) and not isinstance(domains, str)
    names = tuple(domains) if several else ()
    strings = all(isinstance(name, str) and not name.endswith(LABELLED) for name in names)
    if not strings or len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(
            "`domains` must be two or more different names, none of which ends in "
            f"'{LABELLED}'. Received: domains={domains!r}"
        )
    return names


def latent_sizes(latent_dims: Any, domains: tuple[str, ...], width: int) -> dict[str, int]:
    """The size of each domain's latents; `None`: the width that the networks take."""
    several = isinstance(latent_dims, Iterable) and not isinstance(latent_dims, (str, Mapping))
    sizes = [width] * len(domains) if latent_dims is None else list(latent_dims) if several else []
    if len(sizes) != len(domains):
        raise ValueError(
            f"`latent_dims` must be one size per domain, of {list(domains)}. "
            f"Received: latent_dims={latent_dims!r}"
        )
    sizes = [checks.integer("latent_dims", n) for n in sizes]
    if max(sizes) != width:
        raise ValueError(
            f"The largest of `latent_dims` must be the size that `encoder` takes, {width}. "
            f"Received: latent_dims={latent_dims!r}"
        )
    return dict(zip(domains, sizes, strict=True))


def batch_of(latent_dims: dict[str, int], num_classes: int | None) -> BatchSpec:
    """What a batch must be: latents of every domain, and labels."""
    inputs: dict[str, Input] = {d: Latents((n,)) for d, n in latent_dims.items()}
    inputs |= {d + LABELLED: Latents((n,), required=False) for d, n in latent_dims.items()}
    hint = f"a domain may have further rows, '<domain>{LABELLED}'."
    return BatchSpec(inputs, targets=LabelsByDomain(num_classes), hint=hint)


def check_classes(num_classes: Any) -> int | None:
    """An integer of 2 or more, or `None`."""
    if num_classes is None:
        return None
    try:
        return checks.integer("num_classes", num_classes, at_least=2)
    except ValueError as error:
        raise ValueError(f"{error}. Without a classifier, pass None.") from error
