"""Mirror, turn, crop and shift in a single resampling, so that four changes blur an image once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch.keras_augmentation import to_pixels
from tlsearch.plugin_api import Images

CHUNK = 64
"""Images that are resampled together, to bound the memory."""


@dataclass(frozen=True)
class AffineRanges:
    """How far each change may go.

    ``mirror`` is the probability of a mirrored image; ``turn`` the largest angle as a fraction of a full
    turn; ``zoom`` the largest part of the side that a crop takes away; ``shift`` the longest way as a
    fraction of the side. Angle, crop, its place and the way are uniform, and each image has its own.
    """

    mirror: float = 0.0
    turn: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0


def render_affine(images: Images, ranges: AffineRanges, rng: np.random.Generator) -> Images:
    """Change each of ``images`` (N, H, W, 3) at random within ``ranges``, bilinearly; a new array.

    What comes in at the edges is a reflection.
    """
    result = np.empty_like(images)
    for rows, moved in move_affine(images, ranges, rng):
        result[rows] = to_pixels(moved)
    return result


def move_affine(
    images: Images, ranges: AffineRanges, rng: np.random.Generator
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """As ``render_affine``, in chunks that are not yet rounded to pixels: (their rows, values in 0..255)."""
    import keras

    matrices = _draw_matrices(len(images), images.shape[1], images.shape[2], ranges, rng)
    for start in range(0, len(images), CHUNK):
        rows = slice(start, start + CHUNK)
        moved = keras.ops.image.affine_transform(
            images[rows].astype(np.float32),
            matrices[rows],
            interpolation="bilinear",
            fill_mode="reflect",
            data_format="channels_last",
        )
        yield rows, np.asarray(keras.ops.convert_to_numpy(moved))


def _draw_matrices(
    count: int, height: int, width: int, ranges: AffineRanges, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """The map from output to input pixels of each image, (count, 8) as ``affine_transform`` takes it."""
    mirrored = np.where(rng.random(count) < ranges.mirror, -1.0, 1.0)
    angle = 2.0 * np.pi * ranges.turn * rng.uniform(-1.0, 1.0, count)
    side = 1.0 - ranges.zoom * rng.random(count)
    place = rng.uniform(-1.0, 1.0, (2, count)) * (1.0 - side) / 2.0
    way = place + ranges.shift * rng.uniform(-1.0, 1.0, (2, count))
    x, y = (width - 1) / 2.0, (height - 1) / 2.0
    cos, sin = side * np.cos(angle), side * np.sin(angle)
    a0, a1, b0, b1 = cos * mirrored, -sin, sin * mirrored, cos
    zero = np.zeros(count)
    rows: list[npt.NDArray[Any]] = [
        *(a0, a1, x - a0 * x - a1 * y + way[0] * width),
        *(b0, b1, y - b0 * x - b1 * y + way[1] * height),
        *(zero, zero),
    ]
    return np.stack(rows, axis=1).astype(np.float32)
