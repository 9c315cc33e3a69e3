"""A saved model whose answers can be worked out by hand, and pictures for it."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Keras and TensorFlow say of themselves while they are imported
    import keras

SIDE = 8
LABELS = ["red", "green", "blue"]


def write_model(folder: Path, outputs: int = 3, side: int = SIDE) -> Path:
    """A model whose class is the brightest colour: softmax of 0.1 x the mean of each channel."""
    inputs = keras.Input((side, side, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(outputs, activation="softmax", use_bias=False)
    model = keras.Model(inputs, dense(pooled))
    dense.set_weights([np.eye(3, outputs, dtype=np.float32) * 0.1])
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps(LABELS))
    (folder / "config.json").write_text(json.dumps({"image_size": side, "decode_size": 12, "backbone": "x"}))
    return folder


def write_picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (20, 14)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path
