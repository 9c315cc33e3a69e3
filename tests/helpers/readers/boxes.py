"""Folders of images with boxes, and the boxes that were read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import texture
from tlsearch.folders.boxes.box import Box, settle
from tlsearch.folders.boxes.voc import write_voc
from tlsearch.plugin_api import Reading

CLASSES = ("ash", "birch")
SIZE = (32, 32)


def images(folder: Path, per_class: int = 5, seed: int = 0, *, same_names: bool = False) -> list[Path]:
    """Pictures of two classes in ``folder``, by path; their names are theirs alone unless they are numbers."""
    rng = np.random.default_rng(seed)
    files = []
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            file = folder / name / (f"{number:03}.png" if same_names else f"{name}-{number:03}.png")
            Image.fromarray(texture(label, SIZE[0], rng)).save(file)
            files.append(file)
    return files


def box_of(file: Path) -> Box:
    """A box that is the picture's alone."""
    number = int(file.stem.rpartition("-")[2]) + (10 if "birch" in file.stem else 0)
    return Box(x_min=number, y_min=2, x_max=number + 8, y_max=20, label=file.stem.partition("-")[0])


def voc(file: Path) -> bytes:
    return write_voc(file.name, SIZE, [box_of(file)])


def yolo(file: Path) -> bytes:
    box = box_of(file)
    x, y = (box.x_min + box.x_max) / 64, (box.y_min + box.y_max) / 64
    shares = (x, y, (box.x_max - box.x_min) / 32, (box.y_max - box.y_min) / 32)
    return f"{CLASSES.index(box.label)} {' '.join(map(str, shares))}\n".encode()


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def boxes(reading: Reading) -> dict[str, list[Box]]:
    """The boxes in pixels, without what is lost where shares become pixels."""
    return {item.path: [rounded(settle(box, *SIZE)) for box in item.boxes] for item in reading.items}


def rounded(box: Box) -> Box:
    x_min, y_min, x_max, y_max = (round(edge, 6) for edge in box.corners)
    return Box(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, label=box.label)


def expected(reading: Reading) -> dict[str, list[Box]]:
    return {item.path: [box_of(item.file)] for item in reading.items}
