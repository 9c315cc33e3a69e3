"""Small images of ten classes made on the fly: every one unlike all others, so that none is taken for a copy.

An image is a field of random colours on which blobs lie. How many blobs, in which hue and how flat, tells the class.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = tuple(f"class{label}" for label in range(10))

_FIELD = 9  # colours of the field on a side: as fine as the hash by which copies are found
_BLOBS = (3, 9)
_QUALITY = 85


def write_images(folder: Path, sizes: Mapping[str, int], side: int, seed: int) -> Path:
    """Write JPEG files of ``side`` x ``side`` pixels into ``folder`` and give it; equal arguments write equal files.

    ``sizes`` is the number of images by split folder, or by "" for none; the classes take turns, so that they are
    of equal size, or differ by one.

    Raises:
        ValueError: A part has fewer images than there are classes.
    """
    if min(sizes.values()) < len(CLASSES):
        raise ValueError(f"every part needs an image of each of the {len(CLASSES)} classes")
    for part, (name, count) in enumerate(sizes.items()):
        targets = [folder / name / class_name for class_name in CLASSES]
        for target in targets:
            target.mkdir(parents=True)
        for number in range(count):
            label = number % len(CLASSES)
            image = draw_image(label, side, np.random.default_rng([seed, part, number]))
            image.save(targets[label] / f"{number:06}.jpg", quality=_QUALITY)
    return folder


def draw_image(label: int, side: int, rng: np.random.Generator) -> Image.Image:
    """An image of class ``label``, 0 to 9, as RGB of ``side`` x ``side`` pixels."""
    field = Image.fromarray(rng.integers(0, 256, (_FIELD, _FIELD, 3), dtype=np.uint8))
    image = field.resize((side, side), Image.Resampling.BILINEAR)
    canvas = ImageDraw.Draw(image)
    flat = 0.5 if label % 2 else 1.0
    for _ in range(rng.integers(*_BLOBS)):
        x, y, radius = rng.uniform((0, 0, 0.06), (1, 1, 0.2)) * side
        hue = label / len(CLASSES) + rng.normal(0, 0.02)
        colour = colorsys.hsv_to_rgb(hue % 1.0, rng.uniform(0.6, 1.0), rng.uniform(0.5, 1.0))
        box = (x - radius, y - flat * radius, x + radius, y + flat * radius)
        canvas.ellipse(box, fill=(int(255 * colour[0]), int(255 * colour[1]), int(255 * colour[2])))
    return image
