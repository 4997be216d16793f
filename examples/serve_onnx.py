"""Runs an exported model on images with NumPy and ONNX Runtime only.

    model.export("translate.onnx", "onnx", verb="translate", to="target")  # once
    python serve_onnx.py translate.onnx images.npy translated.npy

`images.npy` has the shape `(rows, height, width, channels)` and contains floats, scaled as in
training, or uint8.
"""

import sys

import numpy as np
import onnxruntime

model, source, destination = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
images = np.load(source)
x = (images / 255 if images.dtype == np.uint8 else images).astype("float32")
name = session.get_inputs()[0].name
batches = np.split(x, range(64, len(x), 64))
outputs = np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
np.save(destination, outputs)
print(f"{len(outputs)} rows of shape {outputs.shape[1:]} in {destination}")
