"""A model folder as a run writes it, of a model that looks at colours: with prediction sets and reference images."""

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

from tlsearch.types import AnyArray
from tlsearch.uncertainty.prediction_sets import ConformalScores
from tlsearch.uncertainty.reference import ComparedLayer, ReferenceSource, make_reference

SIDE = 8
LABELS = ["red", "green", "blue"]
SCORES = ConformalScores(
    scores=tuple(np.r_[np.zeros(70), np.linspace(0.4, 0.8, 30)].round(6).tolist()), groups=100, images=100, reason=""
)
"""A coverage of 0.9 takes the second class in where the first has at most about 0.67."""


def colours(count: int, seed: int) -> AnyArray:
    """Colours (N, 3) of training images: one channel is bright, the others are not."""
    rng = np.random.default_rng(seed)
    found = rng.uniform(10, 60, (count, 3))
    found[np.arange(count), rng.integers(0, 3, count)] += 120
    return found.round()


def write_model(folder: Path, scores: ConformalScores | None = SCORES, reference: bool = True) -> Path:
    """A model whose class is the brightest channel: softmax of 0.05 x the mean of each channel."""
    pixels = keras.Input((SIDE, SIDE, 3))
    layer = keras.layers.Conv2D(3, 1, use_bias=False, name="colours")
    backbone = keras.Model(pixels, layer(pixels), name="backbone")
    layer.set_weights([np.eye(3, dtype=np.float32)[None, None]])
    rgb = keras.Input((SIDE, SIDE, 3))
    dense = keras.layers.Dense(3, activation="softmax", use_bias=False)
    model = keras.Model(rgb, dense(keras.ops.mean(backbone(rgb), axis=(1, 2))))
    dense.set_weights([np.eye(3, dtype=np.float32) * 0.05])
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps(LABELS))
    config = {"image_size": SIDE, "backbone": "x", **(scores.in_config() if scores is not None else {})}
    (folder / "config.json").write_text(json.dumps(config))
    if reference:
        known = colours(300, 0)
        predicted = np.bincount(known.argmax(axis=1), minlength=3)
        layers = (ComparedLayer(name="colours", width=3),)
        source = ReferenceSource(layers=layers, frozen=True, predicted=predicted)
        made = make_reference(source, known.astype(np.float32), None, np.arange(300), 0)
        assert made is not None
        made.save(folder)
    return folder


def write_pictures(folder: Path, of: AnyArray) -> Path:
    """A picture of each colour, shape (N, 3)."""
    folder.mkdir(parents=True)
    for number, colour in enumerate(of):
        red, green, blue = (int(value) for value in colour)
        Image.new("RGB", (SIDE, SIDE), (red, green, blue)).save(folder / f"{number:04d}.png")
    return folder
