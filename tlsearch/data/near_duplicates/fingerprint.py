"""What a picture looks like in a few kilobytes: enough to find it again, and to tell what colours it has.

All of it is measured on the picture squeezed to 72 x 64 pixels, each the mean of what it covers, so that re-encoding
and resizing change it little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

SHAPE = (64, 72)
"""Rows and columns of ``ImageFingerprint.thumbnail``; divides into the 8 x 9 cells of the hash."""

SMALL = 64
"""A picture with a shorter side has less detail than its thumbnail could show."""

WHOLE_PICTURE = 6
"""The first of ``COLOURS``: mean and spread of red, green and blue over the whole picture."""

_BORDER = 2  # pixels of the thumbnail, as thick as the frames that people put around pictures
_BRIGHT = 95  # the percentile that stands for the brightest: it shows a tint better than the mean does

COLOURS = tuple(
    f"{statistic} {channel} {place}"
    for statistic, place in (
        ("mean", "over the picture"),
        ("spread of", "over the picture"),
        ("mean", "at its border"),
        ("spread of", "at its border"),
        ("brightest", "over the picture"),
        ("share of", "in its mean colour"),
        ("share of", "in its brightest colour"),
    )
    for channel in ("red", "green", "blue")
)
"""What the values of ``ImageFingerprint.colours`` are, in order. The shares show a tint, however bright
a picture is."""


@dataclass(frozen=True, kw_only=True)
class ImageFingerprint:
    """A picture in brief.

    ``hash`` has 64 bits, the difference hash: whether each of 8 x 9 cells is darker than its right neighbour.
    ``thumbnail`` holds 64 x 72 grey values, row by row. ``colours`` are named by ``COLOURS``: means, standard
    deviations and percentiles are 0..255, shares 0..1. ``small`` says that a side of the picture is shorter than 64
    pixels.
    """

    hash: int
    thumbnail: bytes
    colours: tuple[float, ...]
    small: bool


def image_fingerprint(rgb: Image.Image) -> ImageFingerprint:
    """The look of an RGB picture of any size."""
    rows, columns = SHAPE
    pixels = np.asarray(rgb.resize((columns, rows), Image.Resampling.BOX), np.float32)
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)  # luma, ITU-R BT.601
    cells = grey.reshape(8, rows // 8, 9, columns // 9).mean(axis=(1, 3))
    bits = np.packbits((cells[:, :-1] < cells[:, 1:]).ravel())
    thumbnail = np.rint(grey).astype(np.uint8)
    return ImageFingerprint(
        hash=int.from_bytes(bits.tobytes(), "big"),
        thumbnail=thumbnail.tobytes(),
        colours=_colours(pixels),
        small=min(rgb.size) < SMALL,
    )


def _colours(pixels: npt.NDArray[np.float32]) -> tuple[float, ...]:
    edge = np.ones(SHAPE, bool)
    edge[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    whole, border = pixels.reshape(-1, 3), pixels[edge]
    mean, bright = whole.mean(axis=0), np.percentile(whole, _BRIGHT, axis=0)
    values = [mean, whole.std(axis=0), border.mean(axis=0), border.std(axis=0), bright]
    values += [colour / max(float(colour.sum()), 1.0) for colour in (mean, bright)]  # of black there are no shares
    return tuple(round(float(value), 4) for triple in values for value in triple)
