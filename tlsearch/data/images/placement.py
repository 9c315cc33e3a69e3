"""Where the square that a network sees lies in the original picture, and the boxes of that picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tlsearch.data.images.decode import open_image
from tlsearch.folders.boxes.box import QUARTER_TURNS, AnnotatedBox, Box, DamagedBoxesError, settle
from tlsearch.types import Float64Array

_ORIENTATION = 274  # a tag of EXIF
_TIFF_SIDES = (256, 257)  # tags of TIFF: width and height


@dataclass(frozen=True)
class PictureSize:
    """Width and height of a picture as it is looked at, in pixels, and EXIF's orientation of how it is stored."""

    width: int
    height: int
    orientation: int = 1


@dataclass(frozen=True)
class Placement:
    """How shares of the square become pixels of the original: ``offset + scale * share``.

    Attributes:
        x_offset: Where the left edge of the square lies; below 0 where the picture was padded.
        y_offset: Where its upper edge lies.
        x_scale: How many pixels of the original the square is wide.
        y_scale: How many it is high.
    """

    x_offset: float
    y_offset: float
    x_scale: float
    y_scale: float

    @classmethod
    def of(cls, size: PictureSize, side: int, resize: str) -> Placement:
        """Give that of a picture which became a square of ``side`` pixels by ``squash``, ``pad`` or ``crop``.

        It follows Pillow's ``ImageOps.pad`` and ``ImageOps.fit``, which ``rgb.to_square`` calls.
        """
        width, height = float(size.width), float(size.height)
        if resize == "crop":
            short = min(width, height)
            return cls((width - short) / 2, (height - short) / 2, short, short)
        if resize == "squash" or width == height:
            return cls(0.0, 0.0, width, height)
        # Of a picture that is so narrow that nothing of it is left in the square, a pixel counts.
        wide = side if width > height else max(1, round(width / height * side))
        high = side if height > width else max(1, round(height / width * side))
        across, down = round((side - wide) / 2), round((side - high) / 2)
        return cls(-across / wide * width, -down / high * height, side / wide * width, side / high * height)

    def to_original(self, shares: Float64Array) -> Float64Array:
        """Give edges (left, upper, right, lower), or points (x, y), in pixels; shape (..., 4) or (..., 2)."""
        offset, scale = np.array([self.x_offset, self.y_offset]), np.array([self.x_scale, self.y_scale])
        repeats = shares.shape[-1] // 2
        moved: Float64Array = np.tile(offset, repeats) + shares * np.tile(scale, repeats)
        return moved


def picture_size(file: Path, max_pixels: int | None = None) -> PictureSize:
    """Give the size of a picture by its header. Raises ``ImageError`` where it is none."""
    with open_image(file, str(file), max_pixels) as image:
        try:
            orientation = int(image.getexif().get(_ORIENTATION, 1))
        except Exception:  # broken EXIF data raises many kinds and must not cost the picture itself
            orientation = 1
        width, height = _stored_size(image)
    if orientation in QUARTER_TURNS:
        width, height = height, width
    return PictureSize(width, height, orientation)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of a picture as it is stored: of a TIFF file Pillow gives those after the turn."""
    tags = getattr(image, "tag_v2", {})
    width, height = (tags.get(tag, side) for tag, side in zip(_TIFF_SIDES, image.size, strict=True))
    return int(width), int(height)


def settled(boxes: Sequence[AnnotatedBox], size: PictureSize) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    """Give the boxes of a picture in its pixels, and why others cannot be used."""
    kept, faults = [], []
    for box in boxes:
        try:
            kept.append(settle(box, size.width, size.height, size.orientation))
        except DamagedBoxesError as error:
            faults.append(error.reason)
    return tuple(kept), tuple(faults)
