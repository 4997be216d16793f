"""Pictures of the translations while a model trains."""

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
from keras_latent.src.datasets.checks import check_integer
from keras_latent.src.models.base import validation
from keras_latent.src.models.base.two_domain_verbs import OTHER
from keras_latent.src.models.base.validation import DOMAINS
from keras_latent.src.utils.optional import import_extra
from keras_latent.src.visualization.figures import to_array, to_pixels
from keras_latent.visualization import translation_grid

MOST_COLUMNS = 64


class TranslationGrid(keras.callbacks.Callback):
    """Draws what a model of two domains makes of the same few images, epoch after epoch.

    The rows of a picture are the source images, their translations into the target and, if
    the model has a `cycle`, those translated back; then the same of the target images. The
    files are `epoch_0001.png`, ..., numbered by finished epochs; each appears when it is
    complete, and one of an earlier run is replaced. The training is not disturbed: its
    results are the same with and without the pictures.

    Args:
        source: Images of the source, `(N, H, W, C)` with one or three channels: floats as
            the model takes them, or uint8, which is divided by 255 as in batches of
            `datasets`. At most 64: eight or so are readable.
        target: As many images of the target.
        directory: Folder for the pictures; made when needed.
        every: Number of epochs from one picture to the next. There always is one of the last
            epoch, by the weights that the training ends with: an optimizer with `use_ema`
            averages them after that epoch.
        tensorboard: Folder into whose event file the pictures go as well, for TensorBoard;
            the step is the number of finished epochs. Best one of their own, such as
            `logs/pictures`: TensorBoard reads one writer a folder. `None`: none.

    Raises:
        ValueError: If `every` is not an integer of 1 or more, or `source` and `target` are
            not equally many images. When a training begins: if its model has no
            `translate`, or takes images of another shape or range.
        ImportError: If matplotlib, or where it is asked for tensorboard, is not installed.

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
        if rows["source"] != rows["target"] or rows["source"] > MOST_COLUMNS:
            raise ValueError(
                "`source` and `target` must have equally many images, which are drawn in columns, "
                f"and at most {MOST_COLUMNS}; `images[:8]` are the first eight. Received: {rows}"
            )
        self.directory = Path(directory)
        self.every = check_integer("every", every, at_least=1)
        self.tensorboard = None if tensorboard is None else Path(tensorboard)
        # What is missing is said now, and not after the first epoch.
        import_extra("matplotlib.figure", "viz", "TranslationGrid")
        if self.tensorboard is not None:
            _tensorboard()
        self._finished, self._drawn = 0, None

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        model = self.model  # PyTorch may have wrapped it.
        if not callable(getattr(model, "translate", None)):
            raise ValueError(
                "`TranslationGrid` is for models of two domains, which have a "
                f"`translate(x, to=...)`, such as `VBTA`. Received: {model!r}"
            )
        shapes = getattr(model, "event_shapes", None)
        for domain, images in self.images.items():
            if shapes is not None:
                validation.check_shape(domain, images.shape, shapes[domain])
            validation.check_values(domain, images, getattr(model, "unit_interval", False))

    def rows(self) -> list[tuple[str, np.ndarray]]:
        """Titles and images of the rows of a picture, by the weights of now."""
        rows = []
        with backend.preserved_random_stream():
            for domain in DOMAINS:
                x, to = self.images[domain], OTHER[domain]
                rows += [(domain, x), (f"as {to}", self.model.translate(x, to=to))]
                if hasattr(self.model, "cycle"):
                    rows.append(("and back", self.model.cycle(x, domain=domain)))
        return rows

    def _draw(self):
        rows = self.rows()
        images = np.concatenate([x.ravel() for _, x in rows])
        # At the end of a training the weights mostly are those of the last picture.
        if self._drawn is not None and np.array_equal(images, self._drawn, equal_nan=True):
            return
        path = self.directory / f"epoch_{self._finished:04d}.png"
        translation_grid(rows, path)
        self._drawn = images
        if self.tensorboard is not None:
            _write_event(self._events, path.read_bytes(), self._finished)

    def on_train_begin(self, logs=None):
        self._finished, self._drawn = 0, None
        if self.tensorboard is not None:
            # A file for each training: TensorBoard reads them in the order of their names.
            name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
            self._events = self.tensorboard / name

    def on_epoch_end(self, epoch, logs=None):
        self._finished, self._drawn = epoch + 1, None
        if self._finished % self.every == 0:
            self._draw()

    def on_train_end(self, logs=None):
        if self._finished:
            self._draw()


def _images(argument: str, value: Any) -> np.ndarray:
    """Images in host memory, uint8 divided by 255, that can be drawn."""
    images = to_array(argument, value)
    if images.dtype == np.uint8:
        images = images / np.float32(255)
    to_pixels(argument, images, rank=4)
    validation.check_values(argument, images, unit_interval=False)
    return images


def _tensorboard():
    """TensorBoard's writer of records and its messages, which do without TensorFlow.

    Its `EventFileWriter` imports TensorFlow where that is installed, for its file system.
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
    """Appends a picture to an event file, which is made when needed."""
    record_writer, event, summary = _tensorboard()
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = struct.unpack(">II", png[16:24])
    # matplotlib's PNGs have red, green, blue and alpha.
    image = summary.Summary.Image(
        height=height, width=width, colorspace=4, encoded_image_string=png
    )
    value = summary.Summary.Value(tag="translation_grid", image=image)
    events = [event.Event(wall_time=time.time(), step=step, summary=summary.Summary(value=[value]))]
    if not path.exists():
        events.insert(0, event.Event(wall_time=time.time(), file_version="brain.Event:2"))
    with path.open("ab") as file:  # closed between epochs: what is written survives a kill
        writer = record_writer.RecordWriter(file)
        for message in events:
            writer.write(message.SerializeToString())
