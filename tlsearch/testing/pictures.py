"""Pictures without any file, for checks."""

from __future__ import annotations

from typing import Any

import numpy as np


def pictures(count: int, height: int, width: int) -> Any:
    """Different smooth colour pictures without symmetry that use the whole range, uint8 (count, height, width, 3)."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / height, x / width
    a, b, c = rng.uniform(1, 5, (3, count, 1, 1, 3))
    waves = np.sin(a * x[None, :, :, None] + c) * np.cos(b * y[None, :, :, None] + 2 * c)
    low, high = (edge(waves, axis=(1, 2), keepdims=True) for edge in (np.min, np.max))
    return np.rint(255 * (waves - low) / (high - low)).astype(np.uint8)
