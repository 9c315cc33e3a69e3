"""Pictures of one fixed camera: the same scene in each, with a scratch somewhere and the noise of the camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tlsearch.types import Float64Array

_SIDE = 96


def scene(seed: int) -> Float64Array:
    """What a camera is directed at, (96, 96, 3), 0..255; no two look alike."""
    rng = np.random.default_rng(seed)
    coarse, fine = (
        Image.fromarray(rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8)).resize(
            (_SIDE, _SIDE), Image.Resampling.BICUBIC
        )
        for cells in (7, 40)
    )
    return 0.7 * np.asarray(coarse, np.float64) + 0.3 * np.asarray(fine, np.float64)


def shot(of: Float64Array, seed: int) -> Image.Image:
    """A picture of a scene; every seed gives another."""
    rng = np.random.default_rng(seed)
    pixels = of * rng.uniform(0.97, 1.03) + rng.normal(0, 3, of.shape)
    row, column = rng.integers(0, _SIDE - 12, 2)
    pixels[row : row + 3, column : column + 12] *= 0.6
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save_shots(folder: Path, of: Float64Array, count: int, first: int = 0) -> None:
    """Write ``count`` pictures of a scene, ``shot-<seed>.png`` with seeds from ``first``."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        shot(of, seed).save(folder / f"shot-{seed}.png")
