"""Pictures of translations during training."""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_latent.src import backend
from keras_latent.src.training.inputs import Images, check_values
from keras_latent.src.utils import checks
from keras_latent.src.utils.domains import DOMAINS, OTHER
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.visualization.figures import to_array, to_pixels
from keras_latent.visualization import translation_grid

MAX_COLUMNS = 64


class TranslationGrid(keras.callbacks.Callback):
    """Draws the translations of a few fixed images during training.

    The rows of a picture are the source images, their translations to the target domain and, if
    the model has a `cycle`, the translations back; then the same for the target images. The files
    are `epoch_0001.png`, ..., numbered by finished epochs. They are written atomically and replace
    those of earlier runs. The pictures do not affect the results of the training.

    Args:
        source: Source images, `(N, H, W, C)` with one or three channels: floats as the model
            takes them, or uint8, which is divided by 255 as in the batches of `datasets`. At most
            64; about eight are easy to read.
        target: The same number of target images.
        directory: Folder of the pictures. It is created if missing.
        every: Number of epochs between pictures. The last epoch is always drawn, with the final
            weights: an optimizer with `use_ema` averages them at the end of the training.
        tensorboard: Folder for an event file with the same pictures, for TensorBoard. The step is
            the number of finished epochs. Use a separate folder such as `logs/pictures`, because
            TensorBoard supports one writer per folder. `None`: no event file.

    Raises:
        ValueError: If `every` is not a positive integer, or `source` and `target` are not the
            same number of images; at the start of the training, if the model has no `translate`,
            or does not take images of this shape or range.
        ImportError: If matplotlib (or tensorboard, if requested) is not installed.

    Example:

    >>> import os, tempfile
    >>> from keras_latent import callbacks, datasets, models
    >>> pair = datasets.load_pair("digits_transpose", paired=100)
    >>> vbta = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
    >>> vbta.compile()
    >>> folder = tempfile.mkdtemp()
    >>> grid = callbacks.TranslationGrid(pair.source_test[:6], pair.target_test[:6], folder)
    >>> history = vbta.fit(pair.train, epochs=2, callbacks=[grid], verbose=0)
    >>> sorted(os.listdir(folder))
    ['epoch_0001.png', 'epoch_0002.png']
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        directory: str | os.PathLike,
        every: int = 1,
        tensorboard: str | os.PathLike | None = None,
    ):
        super().__init__()
        self.images = {"source": _images("source", source), "target": _images("target", target)}
        rows = {domain: len(images) for domain, images in self.images.items()}
        if rows["source"] != rows["target"] or rows["source"] > MAX_COLUMNS:
            raise ValueError(
                "`source` and `target` must have the same number of images, at most "
                f"{MAX_COLUMNS}, because they are drawn in columns. For the first eight, pass "
                f"`images[:8]`. Received: {rows}"
            )
        self.directory = checks.path("directory", directory)
        self.every = checks.integer("every", every)
        self.tensorboard = None
        if tensorboard is not None:
            self.tensorboard = checks.path("tensorboard", tensorboard)
        # Missing packages raise an error now, not after the first epoch.
        import_extra("matplotlib.figure", "viz", "TranslationGrid")
        if self.tensorboard is not None:
            _tensorboard()
        self._finished = 0
        self._drawn: np.ndarray | None = None

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        model = self.model  # unwraps a model that PyTorch has wrapped
        if not callable(getattr(model, "translate", None)):
            raise ValueError(
                "`TranslationGrid` requires a model of two domains with a method "
                f"`translate(x, to=...)`, such as `VBTA`. Received: {model!r}"
            )
        shapes = getattr(model, "event_shapes", None)
        for domain, images in self.images.items():
            shape = images.shape[1:] if shapes is None else shapes[domain]
            Images(shape, getattr(model, "unit_interval", False)).rows(domain, images)

    def rows(self) -> list[tuple[str, np.ndarray]]:
        """Titles and images of the rows of a picture, with the current weights."""
        rows = []
        with backend.preserved_random_stream():
            for domain in DOMAINS:
                x, to = self.images[domain], OTHER[domain]
                rows += [(domain, x), (f"as {to}", self.model.translate(x, to=to))]
                if hasattr(self.model, "cycle"):
                    rows.append(("and back", self.model.cycle(x, domain=domain)))
        return rows

    def _draw(self) -> None:
        rows = self.rows()
        images = np.concatenate([x.ravel() for _, x in rows])
        # At the end of the training, the last picture is usually up to date.
        if self._drawn is not None and np.array_equal(images, self._drawn, equal_nan=True):
            return
        path = self.directory / f"epoch_{self._finished:04d}.png"
        translation_grid(rows, path)
        self._drawn = images
        if self.tensorboard is not None:
            _write_event(self._events, path.read_bytes(), self._finished)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._finished, self._drawn = 0, None
        if self.tensorboard is not None:
            # One file per training. TensorBoard reads files in the order of their names.
            name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
            self._events = self.tensorboard / name

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._finished, self._drawn = epoch + 1, None
        if self._finished % self.every == 0:
            self._draw()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._finished:
            self._draw()


def _images(argument: str, value: Any) -> np.ndarray:
    """Drawable images as a NumPy array, uint8 divided by 255."""
    images = to_array(argument, value)
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    to_pixels(argument, images, rank=4)
    check_values(argument, images)
    return images


def _tensorboard() -> list[Any]:
    """TensorBoard's record writer and protocol buffers, which do not need TensorFlow.

    Its `EventFileWriter` imports TensorFlow if installed, which takes seconds and GPU memory.
    """
    return [
        import_extra(f"tensorboard.{module}", "viz", "`TranslationGrid(tensorboard=...)`")
        for module in (
            "summary.writer.record_writer",
            "compat.proto.event_pb2",
            "compat.proto.summary_pb2",
        )
    ]


def _write_event(path: Path, png: bytes, step: int) -> None:
    """Append a picture to an event file, which is created if missing."""
    record_writer, event, summary = _tensorboard()
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = struct.unpack(">II", png[16:24])
    # Colorspace 4 is RGBA, which matplotlib writes.
    image = summary.Summary.Image(
        height=height, width=width, colorspace=4, encoded_image_string=png
    )
    value = summary.Summary.Value(tag="translation_grid", image=image)
    events = [event.Event(wall_time=time.time(), step=step, summary=summary.Summary(value=[value]))]
    if not path.exists():
        events.insert(0, event.Event(wall_time=time.time(), file_version="brain.Event:2"))
    with path.open("ab") as file:  # closed each time, so that nothing is lost if killed
        writer = record_writer.RecordWriter(file)
        for message in events:
            writer.write(message.SerializeToString())
