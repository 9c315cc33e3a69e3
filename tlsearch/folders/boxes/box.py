"""What a box is: in a picture, and as an annotation gives it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

QUARTER_TURNS = (5, 6, 7, 8)
"""Values of EXIF's orientation with which width and height change places."""

ASPECT_TOLERANCE = 0.02
"""How far the aspect ratios of a picture and of its annotation may differ, as a share, where one was resized."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle in a picture.

    It is in pixels of the original picture as it is looked at, turned as its EXIF orientation says. The left edge of
    the picture is 0 and its right edge is its width, so that a box around the whole picture has an area of width times
    height.

    Attributes:
        x_min: The left edge.
        y_min: The upper edge.
        x_max: The right edge, above ``x_min``.
        y_max: The lower edge, above ``y_min``.
        label: What is in it; empty where nothing says so.
    """

    x_min: float
    y_min: float
    x_max: float
    y_max: float
    label: str = ""

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """The edges: left, upper, right, lower."""
        return self.x_min, self.y_min, self.x_max, self.y_max


@dataclass(frozen=True, kw_only=True)
class AnnotatedBox:
    """A box as an annotation gives it; ``settle`` makes a ``Box`` of it.

    Attributes:
        x_min: The left edge.
        y_min: The upper edge.
        x_max: The right edge.
        y_max: The lower edge.
        label: What is in it; empty where nothing says so.
        relative: Whether edges are shares of the width and the height, 0..1, rather than pixels.
        size: Width and height of the picture in pixels as the annotation says; None where it does not.
    """

    x_min: float
    y_min: float
    x_max: float
    y_max: float
    label: str = ""
    relative: bool = False
    size: tuple[int, int] | None = None


class OtherFileError(Exception):
    """A file that is no annotation of the format asked for."""


class DamagedBoxesError(Exception):
    """An annotation that cannot be read. ``reason`` is a few words without a file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class ParsedBoxes:
    """What an annotation says of one picture: its boxes, and why others of its entries cannot be used."""

    boxes: tuple[AnnotatedBox, ...] = ()
    faults: tuple[str, ...] = ()


def checked(box: AnnotatedBox) -> AnnotatedBox:
    """Give the box. Raises ``DamagedBoxesError`` where its edges are no numbers or enclose nothing."""
    edges = (box.x_min, box.y_min, box.x_max, box.y_max)
    if not all(math.isfinite(edge) for edge in edges):
        raise DamagedBoxesError("an edge of a box is not a number")
    if box.x_max <= box.x_min or box.y_max <= box.y_min:
        raise DamagedBoxesError("a box has no area")
    return box


def settle(box: AnnotatedBox, width: int, height: int, orientation: int = 1) -> Box:
    """Give a box in the pixels of its picture, clipped to it.

    An annotation that says a size is of the picture as it is looked at, or as it is stored, where only that size fits:
    then the box is turned with the picture. Where the picture was made smaller or larger since, the box is too.

    Args:
        box: As the annotation gives it.
        width: Of the picture as it is looked at, in pixels.
        height: Of the picture as it is looked at, in pixels.
        orientation: EXIF's orientation of the stored picture, 1 to 8.

    Raises:
        DamagedBoxesError: It is no box, it lies outside the picture, or it is of a picture of another shape.
    """
    box = checked(box)
    if box.relative:
        box = _scaled(box, width, height)
    elif box.size is not None and box.size != (width, height):
        box = _fitted(box, box.size, (width, height), orientation)
    x_min, x_max = (min(max(edge, 0.0), float(width)) for edge in (box.x_min, box.x_max))
    y_min, y_max = (min(max(edge, 0.0), float(height)) for edge in (box.y_min, box.y_max))
    if x_max <= x_min or y_max <= y_min:
        raise DamagedBoxesError("a box lies outside its picture")
    return Box(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, label=box.label)


def of_class(boxes: Sequence[Box], name: str, classes: Sequence[str]) -> tuple[Box, ...]:
    """Give those of the boxes in a picture that are around what its class says.

    A label that is one of the ``classes`` decides. Where no label is, as where boxes around breeds say ``dog``, all
    boxes count.

    Args:
        boxes: Those in the picture.
        name: The class of the picture.
        classes: All classes.
    """
    known = {one.casefold() for one in classes}
    if not any(box.label.casefold() in known for box in boxes):
        return tuple(boxes)
    return tuple(box for box in boxes if box.label.casefold() == name.casefold())


def _fitted(box: AnnotatedBox, stated: tuple[int, int], size: tuple[int, int], orientation: int) -> AnnotatedBox:
    """The box in a picture of ``size``, where the size ``stated`` by its annotation may be another."""
    if orientation in QUARTER_TURNS and _alike(stated, (size[1], size[0])) and not _alike(stated, size):
        box, stated = _turned(box, stated, orientation), (stated[1], stated[0])
    if not _alike(stated, size):
        raise DamagedBoxesError(
            f"a box is of a picture of {stated[0]} x {stated[1]} pixels, and the picture has {size[0]} x {size[1]}"
        )
    return _scaled(box, size[0] / stated[0], size[1] / stated[1])


def _alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes have one shape."""
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= ASPECT_TOLERANCE


def _scaled(box: AnnotatedBox, horizontal: float, vertical: float) -> AnnotatedBox:
    return replace(
        box,
        x_min=box.x_min * horizontal,
        x_max=box.x_max * horizontal,
        y_min=box.y_min * vertical,
        y_max=box.y_max * vertical,
        relative=False,
    )


def _turned(box: AnnotatedBox, size: tuple[int, int], orientation: int) -> AnnotatedBox:
    """The box after the quarter turn of its stored picture, of ``size``, as ``ImageOps.exif_transpose`` makes it."""
    width, height = size
    left, right, upper, lower = box.x_min, box.x_max, box.y_min, box.y_max
    if orientation in (6, 7):  # the lower edge becomes the left one
        upper, lower = height - lower, height - upper
    if orientation in (7, 8):  # the right edge becomes the upper one
        left, right = width - right, width - left
    return replace(box, x_min=upper, x_max=lower, y_min=left, y_max=right)
