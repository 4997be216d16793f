"""Runs an exported model on images, without Keras: numpy and onnxruntime are all it takes.

    model.export("translate.onnx", "onnx", verb="translate", to="target")      # once, in training
    python serve_onnx.py translate.onnx images.npy translated.npy

`images.npy` holds `(rows, height, width, channels)`, floats as the model was trained on, or bytes.
"""

import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
images = np.load(sys.argv[2])
x = (images / 255 if images.dtype == np.uint8 else images).astype("float32")
name = session.get_inputs()[0].name
batches = np.split(x, range(64, len(x), 64))
made = np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
np.save(sys.argv[3], made)
print(f"{len(made)} rows of shape {made.shape[1:]} in {sys.argv[3]}")
