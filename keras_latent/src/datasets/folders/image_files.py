"""Image files: finding, reading and writing them. Pillow does the work."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_latent.src.utils.files import replaced_when_complete
from keras_latent.src.utils.optional import import_extra

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def image_files(folder: Path) -> Iterator[Path]:
    """The image files below a folder, by their extensions; hidden ones are left out."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.suffix.lower() in EXTENSIONS and not any(p.startswith(".") for p in parts):
            yield path


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
    Image = import_extra("PIL.Image", "images", "reading image files")
    ImageOps = import_extra("PIL.ImageOps", "images", "reading image files")
    try:
        with Image.open(path) as image:
            # JPEG files can be decoded at a fraction of their size, which is much faster.
            image.draft("RGB" if channels == 3 else "L", (2 * size[1], 2 * size[0]))
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I;16") or image.mode == "I":  # 16 bits per pixel
                image = Image.fromarray((np.asarray(image) // 256).astype("uint8"))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = image.convert("RGB" if channels == 3 else "L")
            image = ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS)
            return np.asarray(image).reshape(*size, channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{str(path)!r} cannot be read as an image ({error})") from error


def channels_of(path: Path) -> int:
    """1 if a file says that its image is grey, else 3."""
    Image = import_extra("PIL.Image", "images", "reading image files")
    with Image.open(path) as image:
        return 1 if image.mode in ("1", "L", "LA", "I") or image.mode.startswith("I;16") else 3


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
