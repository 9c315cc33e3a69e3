"""What a picture looks like in a few hundred bytes: enough to find it again, and to tell what colours it has.

All of it is measured on the picture squeezed to 36 x 32 pixels (each the mean of what it covers), so that re-encoding
and resizing change it little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

_WIDTH, _HEIGHT = 36, 32  # divides into the 9 x 8 cells of the hash
_BORDER = 2  # pixels of the small picture: about a sixteenth of it on each side

THUMBNAIL = (_HEIGHT, _WIDTH)
"""Rows and columns of ``Look.thumbnail``."""

COLOURS = tuple(
    f"{statistic} of {channel} {place}"
    for place in ("over the picture", "at its border")
    for statistic in ("mean", "spread")
    for channel in ("red", "green", "blue")
)
"""What the values of ``Look.colours`` are, in order."""


@dataclass(frozen=True)
class Look:
    """A picture in brief.

    ``hash`` has 64 bits, the difference hash: whether each of 8 x 9 cells is darker than its right neighbour.
    ``thumbnail`` holds 32 x 36 grey values, row by row. ``colours`` are means and standard deviations, 0..255, named
    by ``COLOURS``.
    """

    hash: int
    thumbnail: bytes
    colours: tuple[float, ...]


def look_at(rgb: Image.Image) -> Look:
    """The look of an RGB picture of any size."""
    small = np.asarray(rgb.resize((_WIDTH, _HEIGHT), Image.Resampling.BOX), np.float32)
    grey = small @ np.array([0.299, 0.587, 0.114], np.float32)  # luma, ITU-R BT.601
    cells = _means(grey, 8, 9)
    bits = np.packbits((cells[:, :-1] < cells[:, 1:]).ravel())
    thumbnail = np.rint(grey).astype(np.uint8)
    return Look(int.from_bytes(bits.tobytes(), "big"), thumbnail.tobytes(), _colours(small))


def _means(grey: npt.NDArray[np.float32], rows: int, columns: int) -> npt.NDArray[np.float32]:
    cells: npt.NDArray[np.float32] = grey.reshape(rows, _HEIGHT // rows, columns, _WIDTH // columns).mean(axis=(1, 3))
    return cells


def _colours(small: npt.NDArray[np.float32]) -> tuple[float, ...]:
    inner = np.zeros(small.shape[:2], bool)
    inner[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
    values = []
    for pixels in (small.reshape(-1, 3), small[~inner]):
        values += [*pixels.mean(axis=0), *pixels.std(axis=0)]
    return tuple(round(float(value), 3) for value in values)
