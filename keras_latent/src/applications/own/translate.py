"""`keras-latent translate`: image files, or an array of images, through a trained model."""

import argparse
import functools
import itertools
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from keras_latent import models
from keras_latent.src.applications.own.saved_models import load_model
from keras_latent.src.applications.running.evaluation import floats
from keras_latent.src.datasets import array_checks
from keras_latent.src.datasets.folders.image_files import (
    EXTENSIONS,
    image_files,
    read_image,
    resized,
    write_image,
)
from keras_latent.src.models.base.attributes import AttributeModel
from keras_latent.src.models.base.latent_model import LatentModel
from keras_latent.src.models.base.translator import Translator
from keras_latent.src.training.inputs import check_values
from keras_latent.src.utils.domains import OTHER
from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.progress import Count

#: Broken files that are named at the end.
NAMED = 20


def run(arguments: argparse.Namespace) -> int:
    """Translates `arguments.input` to `arguments.out`.

    Returns:
        The exit status: 1 if a file could not be read, else 0.

    Raises:
        ValueError: If the model does not do what is asked, or the input does not fit it.
    """
    source, out = Path(arguments.input), Path(arguments.out)
    is_array = source.suffix.lower() == ".npz" and not source.is_dir()
    endings = (".npz",) if is_array else EXTENSIONS
    if not source.is_dir() and out.suffix.lower() not in endings:
        raise ValueError(
            f"`OUTPUT` must end in {' or '.join(endings)}. Received: {arguments.out!r}"
        )
    model = load_model(arguments.model, arguments.to or "target")
    translation = Translation(model, arguments.to, arguments.attribute, arguments.strength)
    print(
        f"{type(model).__name__}: {translation.what}, of images cut to "
        f"{described(translation.shape)}. The first images compile, which may take a minute.",
        flush=True,
    )
    if is_array:
        translate_array(translation, source, out, arguments.batch_size)
        return 0
    if source.is_dir():
        return translate_folder(translation, source, out, arguments.batch_size, arguments.overwrite)
    return translate_files(translation, iter([(source, out)]), 1, batch_size=1)


class Translation:
    """What a model does with images, as a function of a batch.

    Args:
        model: The model.
        to: `"target"` or `"source"`, for two domains; `None`: the target.
        attribute: Name or number of an attribute, for models of attributes.
        strength: How much to change it; `None`: 1.

    Raises:
        ValueError: If the model does not do this, or does not take and return images.

    Attributes:
        what: What it does, in words.
        shape: Shape of an image that it takes.
        made: Shape of an image that it returns.
    """

    def __init__(
        self,
        model: LatentModel,
        to: str | None = None,
        attribute: str | None = None,
        strength: float | None = None,
    ):
        takes: tuple[str, ...] = ()
        if isinstance(model, (Translator, models.LatentDomainTransfer)):
            takes, offer = ("--to",), "translation, with `--to target` or `--to source`"
        elif isinstance(model, AttributeModel):
            takes, offer = ("--attribute",), "changes of attributes, with `--attribute`"
        elif isinstance(model, models.VAE):
            offer = "reconstruction, without this option"
        else:
            raise ValueError(f"A `{type(model).__name__}` does not turn images into images.")
        for option, value in (("--to", to), ("--attribute", attribute)):
            if value is not None and option not in takes:
                raise ValueError(
                    f"`{option}` is not for a `{type(model).__name__}`, which offers {offer}. "
                    f"Received: {value!r}"
                )
        self._function: Callable[..., np.ndarray]
        if "--to" in takes:
            to = to or "target"
            self._function = functools.partial(
                model.translate if isinstance(model, Translator) else model.transfer, to=to
            )
            self.what = f"translation to the {to}"
            self.shape, self.made = model.event_shapes[OTHER[to]], model.event_shapes[to]
        else:
            self.shape = self.made = model.event_shape
            self._function, self.what = model.reconstruct, "reconstruction (it has one domain)"
        if "--attribute" in takes:
            self._change(model, attribute, 1.0 if strength is None else strength)
        for shape in (self.shape, self.made):
            if len(shape) != 3 or shape[-1] not in (1, 3) or None in shape:
                raise ValueError(
                    "`MODEL` must be a model of images (height, width, 1 or 3). Received: a "
                    f"`{type(model).__name__}` from {self.shape} to {self.made}"
                )

    def _change(self, model, attribute, strength):
        names = model.attribute_names
        if attribute is None:
            raise ValueError(
                f"`--attribute` is needed for a `{type(model).__name__}`: one of {list(names)}, or "
                "its number."
            )
        if attribute not in names and attribute.isdigit():
            attribute = int(attribute)
        (column,), _ = model.columns_of(attribute)
        self.what = f"attribute {names[column]!r} changed by {strength:g}"
        self._function = functools.partial(model.transfer, attribute=column, strength=strength)

    def __call__(self, images: np.ndarray, batch_size: int) -> np.ndarray:
        """Images for at most `batch_size` images, both uint8 or both floats.

        The model always gets `batch_size` rows, so that nothing is compiled twice.
        """
        rows = np.zeros((batch_size, *self.shape), "float32")
        rows[: len(images)] = floats(images)
        made = self._function(rows, batch_size=batch_size)[: len(images)]
        if images.dtype == np.uint8:
            return np.round(np.clip(made, 0, 1) * 255).astype("uint8")
        return made


def translate_folder(
    translation: Translation, source: Path, out: Path, batch_size: int, overwrite: bool
) -> int:
    """Translates the image files below `source` to files of the same names below `out`.

    Files that exist are skipped, unless `overwrite` is set. Names are read twice and not kept.
    """

    def pending() -> Iterator[tuple[Path, Path]]:
        for path in image_files(source):
            target = out / path.relative_to(source)
            if overwrite or not target.exists():
                yield path, target

    found = sum(1 for _ in image_files(source))
    if not found:
        raise ValueError(
            f"`INPUT` must have image files ({', '.join(EXTENSIONS)}). Received: {str(source)!r}, "
            "which has none"
        )
    total = sum(1 for _ in pending())
    if total < found:
        print(
            f"{found - total} of {found} images are in {str(out)!r} already and are skipped. "
            "`--overwrite` replaces them."
        )
    return translate_files(translation, pending(), total, batch_size)


def translate_files(
    translation: Translation, pairs: Iterator[tuple[Path, Path]], total: int, batch_size: int
) -> int:
    """Translates image files to others, pair by pair, and goes on after broken ones.

    Returns:
        The exit status: 1 if there were broken ones.
    """
    progress, done, broken = Count(total, "images"), 0, 0
    named: list[str] = []
    with ThreadPoolExecutor() as pool:
        while batch := list(itertools.islice(pairs, batch_size)):
            errors = _translate_batch(translation, batch, batch_size, pool)
            done, broken = done + len(batch), broken + len(errors)
            named += errors[: NAMED - len(named)]
            progress.update(done)
    print(f"Images written: {done - broken}", flush=True)
    if broken:
        print(f"Files left out because they are broken: {broken}", file=sys.stderr)
        more = [f"and {broken - len(named)} more"] if broken > len(named) else []
        print(*(f"  {line}" for line in named + more), sep="\n", file=sys.stderr)
    return 1 if broken else 0


def _translate_batch(translation, batch, batch_size, pool):
    """Returns the messages of the files that cannot be read."""

    def read(pair):
        try:
            return read_image(pair[0], translation.shape[:2], translation.shape[2])
        except ValueError as error:
            return str(error)

    read_or_error = list(pool.map(read, batch))
    errors = [image for image in read_or_error if isinstance(image, str)]
    good = [i for i, image in enumerate(read_or_error) if not isinstance(image, str)]
    if good:
        images = translation(np.stack([read_or_error[i] for i in good]), batch_size)
        list(pool.map(write_image, [batch[i][1] for i in good], images))
    return errors


def translate_array(translation: Translation, source: Path, out: Path, batch_size: int) -> None:
    """Translates the one array of an `.npz` file: uint8 to uint8, floats in [0, 1] to floats.

    Images of another size, or in color instead of gray, are changed batch by batch as in training:
    as uint8.
    """
    name, images = _read_array(source)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape[1:]:
        raise ValueError(
            "`INPUT` must have shape (N, height, width) or (N, height, width, 1 or 3). Received: "
            f"shape={images.shape}"
        )
    images = array_checks.images("INPUT", images)
    if images.dtype != np.uint8:
        check_values("INPUT", images, unit_interval=True)
    if images.shape[1:] != translation.shape:
        print(f"The images in the file are {described(images.shape[1:])}, and are resized.")
    batch_size = min(batch_size, len(images))
    made = np.empty((len(images), *translation.made), images.dtype)
    progress = Count(len(images), "images")
    for first in range(0, len(images), batch_size):
        part = _of_shape(images[first : first + batch_size], translation.shape)
        made[first : first + len(part)] = translation(part, batch_size)
        progress.update(first + len(part))
    with replaced_when_complete(out) as temporary:
        np.savez_compressed(temporary, **{name: made})  # type: ignore[arg-type]
    print(f"Images written: {len(made)}")


def _of_shape(images, shape):
    """A batch of images in the size and the number of channels that the model takes."""
    if images.shape[1:] == shape:
        return images
    pixels = images if images.dtype == np.uint8 else np.round(images * 255).astype("uint8")
    made = np.stack([resized(image, shape[:2], shape[2]) for image in pixels])
    return made if images.dtype == np.uint8 else floats(made)


def described(shape: tuple[int, ...]) -> str:
    """The size and color of images, in words."""
    return f"{shape[0]}x{shape[1]}, {'color' if shape[2] == 3 else 'gray'}"


def _read_array(path):
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            arrays = [archive[names[0]]] if len(names) == 1 else []
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{str(path)!r} cannot be read as an .npz file ({error})") from error
    if not arrays:
        raise ValueError(f"`INPUT` must hold one array of images. Received: arrays {names}")
    return names[0], arrays[0]
