"""Rendered scenes: a thing of one of three classes somewhere on a textured background, with the box around it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tlsearch.data.images.rgb import to_square
from tlsearch.folders.boxes.box import Box
from tlsearch.folders.boxes.voc import write_voc

CLASSES = ("disk", "square", "triangle")
SIDES = (150, 120)
"""Width and height of a scene, in pixels."""

SIDE = 96
"""Pixels of the square that the network sees."""

CUT = "block10_add"
"""The cut point of EfficientNet-Lite0 on which the head sits."""

TRAINING, CHOOSING, SCORED = 60, 34, 40
"""Scenes of each class; fewer than 100 validation images in all would join training."""

THING = (0.3, 0.45)
"""The side of a thing as a share of the height: least and greatest."""


@dataclass(frozen=True)
class Scene:
    """A picture, its class, and the box around the thing in it."""

    pixels: npt.NDArray[np.uint8]
    label: int
    box: Box


def render(label: int, rng: np.random.Generator) -> Scene:
    """A scene of a class: the class decides shape, colours and texture of the thing, and nothing of the background."""
    width, height = SIDES
    rows, columns = np.mgrid[0:height, 0:width]
    angle, waves = rng.uniform(0, np.pi), rng.uniform(0.05, 0.25)
    stripes = np.sin(waves * (rows * np.sin(angle) + columns * np.cos(angle)) + rng.uniform(0, 6))
    pixels = rng.uniform(90, 165, 3) + 25 * stripes[..., None] + rng.normal(0, 12, (height, width, 3))
    side = int(rng.uniform(*THING) * height)
    left, upper = int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    shape = (
        (x - 0.5) ** 2 + (y - 0.5) ** 2 <= 0.25,
        np.ones((side, side), bool),
        np.abs(x - 0.5) <= y / 2,
    )[label]
    texture = (
        np.sin(30 * x) > 0,
        (np.floor(6 * x) + np.floor(6 * y)) % 2 > 0,
        np.sin(25 * y) > 0,
    )[label]
    colours = (((205, 60, 50), (240, 200, 60)), ((40, 90, 190), (235, 235, 235)), ((40, 150, 70), (150, 60, 160)))
    one, other = (np.array(colour) * rng.uniform(0.85, 1.1) for colour in colours[label])
    thing = np.where(texture[..., None], one, other)
    area = pixels[upper : upper + side, left : left + side]
    area[shape] = thing[shape]
    across, down = np.flatnonzero(shape.any(axis=0)), np.flatnonzero(shape.any(axis=1))
    box = Box(
        x_min=left + float(across[0]),
        y_min=upper + float(down[0]),
        x_max=left + float(across[-1]) + 1,
        y_max=upper + float(down[-1]) + 1,
        label=CLASSES[label],
    )
    return Scene(pixels.clip(0, 255).astype(np.uint8), label, box)


def scenes(per_class: int, seed: int) -> list[Scene]:
    """Scenes of all classes, one class after the other."""
    rng = np.random.default_rng(seed)
    return [render(label, rng) for label in range(len(CLASSES)) for _ in range(per_class)]


def write_scenes(folder: Path, found: Sequence[Scene], annotations: Path | None = None) -> None:
    """Write scenes into a folder for each class, with Pascal VOC files in ``annotations`` where that is given."""
    for number, scene in enumerate(found):
        name = CLASSES[scene.label]
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene.pixels).save(folder / name / f"{number:04}.png")
        if annotations is not None:
            (annotations / name).mkdir(parents=True, exist_ok=True)
            text = write_voc(f"{number:04}.png", SIDES, [scene.box])
            (annotations / name / f"{number:04}.xml").write_bytes(text)


def write_all(folder: Path) -> None:
    """Write ``data``, scenes with boxes in three parts, and ``model``, which was trained on others without any box."""
    write_model(folder / "model", scenes(TRAINING, 1))
    for part, count, seed in (("train", 4, 4), ("val", CHOOSING, 2), ("test", SCORED, 3)):
        write_scenes(folder / "data" / part, scenes(count, seed), folder / "data" / "Annotations" / part)


def write_model(folder: Path, training: Sequence[Scene]) -> None:
    """Write the bundled EfficientNet-Lite0, frozen, with a linear head fitted on its pooled features of scenes.

    It is cut where it has 6 x 6 places; after its last layer there are 3 x 3, too few to find anything.
    """
    import keras

    from tlsearch.models.heads import Head
    from tlsearch.training.linear_head import LabelledImages, fit_linear_head
    from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

    lite0 = EfficientNetLite0()
    backbone = lite0.build(SIDE, lite0.weights["imagenet"].path)
    pixels = keras.Input((SIDE, SIDE, 3), name="rgb")
    cut = keras.Model(backbone.input, backbone.get_layer(CUT).output)
    pooled = keras.layers.GlobalAveragePooling2D()(cut(lite0.preprocess(pixels), training=False))
    squares = np.stack([to_square(Image.fromarray(scene.pixels), SIDE) for scene in training])
    features = keras.Model(pixels, pooled).predict(squares.astype(np.float32), batch_size=32, verbose=0)
    labels = np.array([scene.label for scene in training])
    images = LabelledImages(labels, np.arange(len(labels)), len(CLASSES))
    weights, _ = fit_linear_head(np.asarray(features, np.float32), images, 0, None)
    logits = Head.of(weights, len(CLASSES)).exported(pooled)
    model = keras.Model(pixels, keras.layers.Softmax(name="probabilities")(logits))
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(folder / "model.keras")
    config = {"image_size": SIDE, "decode_size": SIDE, "backbone": "efficientnet_lite0"}
    (folder / "labels.json").write_text(json.dumps(CLASSES))
    (folder / "config.json").write_text(json.dumps(config))
