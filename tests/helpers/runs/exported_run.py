"""The output folder of a small run whose model is exact: it names the brightest colour of a picture."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.config import RunConfig
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.results.result import write_result
from tlsearch.results.schema import EvaluationPredictions
from tlsearch.runs.ledger import fingerprint_of

LABELS = ("blue", "green", "red")
CHANNEL = {"blue": 2, "green": 1, "red": 0}
SIDE = 16


def write_images(folder: Path, per_class: int = 12, seed: int = 0) -> Path:
    """Write noise in which one colour is brighter, a folder for each class."""
    rng = np.random.default_rng(seed)
    for label in LABELS:
        target = folder / label
        target.mkdir(parents=True)
        for number in range(per_class):
            pixels = rng.integers(0, 170, (SIDE, SIDE, 3))
            pixels[..., CHANNEL[label]] += rng.integers(15, 60)
            Image.fromarray(pixels.astype(np.uint8)).save(target / f"{number:03}.png")
    return folder


def write_model(folder: Path, temperature: float | None = None) -> Path:
    """Write the model: preprocessing, a convolution with ReLU, averages and maxima, a standardised linear head."""
    import keras

    inputs = keras.Input((SIDE, SIDE, 3), name="rgb")
    scaled = keras.layers.Rescaling(1 / 64)(inputs)
    convolution = keras.layers.Conv2D(6, 1, padding="same", name="stem")
    features = keras.layers.ReLU()(keras.layers.BatchNormalization()(convolution(scaled)))
    pooled = keras.ops.concatenate(
        [keras.ops.mean(features, axis=(1, 2)), keras.ops.max(features, axis=(1, 2))], axis=-1
    )
    standard = keras.layers.Normalization(mean=np.zeros(12), variance=np.ones(12), name="standardise")(pooled)
    dense = keras.layers.Dense(3, name="logits")
    model = keras.Model(inputs, keras.layers.Softmax(name="probabilities")(dense(standard)))
    # Each colour passes through; the head looks at its average alone, in the order of the labels.
    convolution.set_weights([np.eye(3, 6, dtype=np.float32)[None, None], np.zeros(6, np.float32)])
    kernel = np.zeros((12, 3), np.float32)
    kernel[[2, 1, 0], [0, 1, 2]] = 8.0
    dense.set_weights([kernel, np.zeros(3, np.float32)])
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(folder / "model.keras")
    config: dict[str, object] = {"image_size": SIDE, "decode_size": SIDE, "backbone": "efficientnet_lite0"}
    if temperature is not None:
        config["calibration"] = {"temperature": temperature, "fitted_on": 50, "by_default": True, "reason": "it helps"}
    (folder / "labels.json").write_text(json.dumps(LABELS))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_run(folder: Path, temperature: float | None = None, *, validation: bool = False) -> Path:
    """Write images and the output of a run on them, and give its model folder."""
    images = folder / "images"
    if validation:
        for number, part in enumerate(("train", "val", "test")):
            write_images(images / part, per_class=40 if part == "val" else 12, seed=number)
    else:
        write_images(images)
    output = folder / "run"
    write_model(output / "model", temperature)
    config = RunConfig(dataset=images, output=output)
    config.to_toml(output / "run.toml")
    index = scan(images)
    parts = split(index, config.seed)
    result = SAMPLE
    counts = {
        part: {name: sum(index.labels[row] == at for row in rows) for at, name in enumerate(LABELS)}
        for part, rows in (("train", parts.train), ("val", parts.val), ("test", parts.test))
    }
    dataset = replace(
        result.dataset, path=str(images), fingerprint=index.fingerprint, classes=index.classes, counts=counts
    )
    tested = EvaluationPredictions(
        fingerprint=fingerprint_of(index.images[row].sha256 for row in parts.test), true=(), predicted=(), groups=()
    )
    write_result(replace(result, dataset=dataset, predictions=tested), output)
    return output / "model"
