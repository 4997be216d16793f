"""Image files: finding, reading and writing them. Pillow does the work."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_latent.src.utils.files import replaced_when_complete, require_file
from keras_latent.src.utils.optional import import_extra

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def image_files(folder: Path) -> Iterator[Path]:
    """The image files below a folder, by their extensions; hidden ones are left out."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(EXTENSIONS) and not name.startswith("."):
                yield Path(parent, name)


def read_image(path: Path, size: tuple[int, int], channels: int) -> np.ndarray:
    """One image file as an array of a fixed shape.

    The image is turned as its EXIF orientation says, put on white where it is transparent, cropped
    to the ratio of `size` around its center, and resampled.

    Args:
        path: The file.
        size: Height and width, in pixels.
        channels: 1 for grey, 3 for RGB.

    Returns:
        uint8 array `(height, width, channels)`.

    Raises:
        ValueError: If the file is not an image that Pillow can read to its end.
    """
    with _opened(path) as image:
        # JPEG files can be decoded at a fraction of their size, which is much faster.
        image.draft("RGB" if channels == 3 else "L", (2 * size[1], 2 * size[0]))
        return _fitted(image, size, channels)


def channels_of(path: Path) -> int:
    """1 if a file says that its image is grey, else 3.

    Raises:
        ValueError: If the file is not an image.
    """
    with _opened(path) as image:
        return 1 if image.mode in ("1", "L", "LA", "I") or image.mode.startswith("I;16") else 3


def resized(image: np.ndarray, size: tuple[int, int], channels: int) -> np.ndarray:
    """A uint8 image `(height, width, 1 or 3)` in another size and number of channels."""
    if image.shape == (*size, channels):
        return image
    Image = import_extra("PIL.Image", "images", "resizing images")
    made = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return _fitted(made, size, channels)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The image of a file. Whatever is wrong with the file is a `ValueError`, also in the block."""
    Image = import_extra("PIL.Image", "images", "reading image files")
    try:
        require_file(path)
        with Image.open(path) as image:
            yield image
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises many kinds for damaged files.
        raise ValueError(f"{str(path)!r} cannot be read as an image ({error})") from error


def _fitted(image: Any, size: tuple[int, int], channels: int) -> np.ndarray:
    Image = import_extra("PIL.Image", "images", "reading image files")
    ImageOps = import_extra("PIL.ImageOps", "images", "reading image files")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode == "I":  # 16 bits per pixel
        image = Image.fromarray((np.asarray(image) // 256).astype("uint8"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB" if channels == 3 else "L")
    image = ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(*size, channels)


def write_image(path: Path, image: np.ndarray) -> None:
    """Writes an image `(height, width, channels)`, floats in [0, 1] or uint8, atomically.

    The extension of `path` is the format.
    """
    Image = import_extra("PIL.Image", "images", "writing image files")
    if image.dtype != np.uint8:
        image = np.round(np.clip(image, 0, 1) * 255).astype("uint8")
    made = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    file_format = Image.registered_extensions()[path.suffix.lower()]
    with replaced_when_complete(path) as temporary:
        made.save(temporary, format=file_format)
