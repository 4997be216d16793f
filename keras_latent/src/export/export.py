"""What a model can do, as files for others to serve: TensorFlow's SavedModel, and ONNX."""

import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from keras_latent.src.export import formats as export_formats
from keras_latent.src.models.base import validation

FORMATS = ("tf_saved_model", "onnx")
GRAPH_OF = "graph_of_"


class Graph(NamedTuple):
    """A verb as one function of tensors.

    Attributes:
        inputs: Name of each input to the shape of one row of it.
        fn: Function of the inputs, symbolic float32 tensors `(batch, ...)`, in their order.
    """

    inputs: dict[str, tuple[int, ...]]
    fn: Callable


class ExportMixin:
    """Verbs as Keras models, and as files.

    A verb that is one function of tensors has a method `graph_of_<verb>`, which takes those
    arguments of the verb that are no data (`to`, `domain`, `attribute`, ...), checks them, and
    returns a `Graph`. Where a constant of it is an array, it stays a NumPy array: a tensor of
    TensorFlow would become one more input of an ONNX file.
    """

    def export_verbs(self) -> list[str]:
        """Names of the verbs that `export` and `verb_model` take, in alphabetical order."""
        names = (name for name in dir(type(self)) if name.startswith(GRAPH_OF))
        return sorted(name.removeprefix(GRAPH_OF) for name in names)

    def _graph(self, verb: str, options: dict[str, Any]) -> Graph:
        if verb not in self.export_verbs():
            hint = ""
            if callable(getattr(type(self), str(verb), None)):
                hint = (
                    f" `{verb}` is not one function of its inputs; export the verbs that it is "
                    "made of: of `generate`, that is 'decode', whose input are latents."
                )
            raise ValueError(
                f"`verb` must be one of {self.export_verbs()} for a `{type(self).__name__}`. "
                f"Received: verb={verb!r}.{hint}"
            )
        graph_of = getattr(self, GRAPH_OF + verb)
        signature = inspect.signature(graph_of)
        try:
            signature.bind(**options)
        except TypeError as error:
            raise ValueError(
                f"The verb {verb!r} is exported with the options {list(signature.parameters)} of "
                f"the method `{verb}`, by means and not by draws. Received: {sorted(options)} "
                f"({error})"
            ) from error
        return graph_of(**options)

    def verb_model(self, verb: str, **options) -> keras.Model:
        """A verb as a plain Keras model, to be saved, served or built into another one.

        Args:
            verb: One of `export_verbs()`, for example `"translate"` or `"encode"`.
            **options: Arguments of that method which are no data.

        Returns:
            A functional model in inference mode that shares this model's weights. Its inputs are
            named as the verb's, float32 tensors `(batch, ...)`: of one, that tensor; of several,
            a dict. It returns float32, means where the verb could draw.

        Raises:
            ValueError: If this model has no such verb, or an option is unknown or out of range.

        Example:

        >>> import keras
        >>> from keras_latent import models
        >>> vbta = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
        >>> vbta.export_verbs()
        ['cycle', 'decode', 'encode', 'reconstruct', 'translate']
        >>> encoder = vbta.verb_model("encode", domain="target")
        >>> encoder.input_shape, encoder.output_shape
        ((None, 8, 8, 1), (None, 32))
        """
        graph = self._graph(verb, options)
        inputs = {
            name: keras.Input(shape, name=name, dtype="float32")
            for name, shape in graph.inputs.items()
        }
        output = graph.fn(*inputs.values())
        if keras.backend.standardize_dtype(output.dtype) != "float32":
            output = keras.ops.cast(output, "float32")
        given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
        return keras.Model(given, output, name=f"{self.name}_{verb}")

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        *,
        verb: str = "translate",
        opset_version: int | None = None,
        **options,
    ) -> None:
        """Writes one verb to a file that needs neither Keras nor this library to be run.

        The file takes any number of rows, and gives what the method of that name gives, without
        its checks of values. Inputs are named as those of the method, `x` or `z`; models with
        attributes add `attributes`, float32 `(rows, attributes)` of 1, 0 and -1, and for
        `transfer` with `strength=None` also `strength`, `(rows,)`. The output is `output_0`.
        All are float32.

        | | written by | needs |
        |---|---|---|
        | SavedModel | TensorFlow, JAX | `tensorflow` |
        | ONNX | TensorFlow | `onnx`, `tf2onnx` |
        | ONNX | PyTorch | `onnx` |
        | ONNX | JAX | `jax2onnx` |

        `pip install keras-latent[export]` brings these but for the backends and `jax2onnx`. What
        the running backend cannot write (PyTorch a SavedModel; JAX an ONNX file, without
        `jax2onnx`), a second Python process writes from the same weights with another backend,
        where that is installed; it must be able to import the modules of layers of your own.

        Args:
            filepath: The file (ONNX) or folder (SavedModel) to write. An older one is replaced
                once the new one is complete.
            format: `"tf_saved_model"` or `"onnx"`. `keras.Model.export` has more, and
                `verb_model` makes a model for it.
            verbose: Whether to print where it was saved; `None`: yes.
            verb: One of `export_verbs()`.
            opset_version: The ONNX opset; `None`: the default of what writes the file.
            **options: Arguments of that method which are no data: `to`, `domain`, `attribute`...

        Raises:
            ValueError: If this model has no such verb, an option is unknown or out of range, the
                format is unknown, or there is something at `filepath` that is no older export.
            ImportError: If a package is missing; the message says which to install.
            RuntimeError: If the second process cannot rebuild the model.

        Example:

        >>> import keras, tempfile
        >>> from keras_latent import models
        >>> vbta = models.VBTA.from_preset("vbta_digits_transpose", load_weights=False)
        >>> path = tempfile.mkdtemp() + "/translate.onnx"
        >>> if keras.backend.backend() != "jax":  # there, it may take the second process seconds
        ...     vbta.export(path, "onnx", verbose=False, verb="translate", to="target")

        and wherever it shall run:

        ```python
        session = onnxruntime.InferenceSession("translate.onnx")
        (images,) = session.run(None, {"x": x})
        ```
        """
        validation.require_choice("format", format, FORMATS)
        if opset_version is not None and format != "onnx":
            raise ValueError(
                "`opset_version` is an option of `format='onnx'`. "
                f"Received: opset_version={opset_version!r}, format={format!r}"
            )
        program = self.verb_model(verb, **options)
        what = {"model": type(self).__name__, "verb": verb, "options": options}
        export_formats.write(self, program, filepath, format, what, opset_version)
        if verbose is None or verbose:
            print(f"Saved artifact at '{filepath}'.")
