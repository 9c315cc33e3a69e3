"""The window of greys of more than 8 bits: one for all pictures of a data set, none of each picture's own.

A picture's own range would give the same tissue another grey in each picture, and the whole range of 16 bits would
leave 17 greys of a 12-bit X-ray.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

USED = 0.5
"""The range of a whole number of bits is the window where pictures use this share of it or more."""


def window_of(ranges: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """The values that become 0 and 255, from the ranges of all deep pictures; None where there is none.

    Values from 0 up that use half of 8 to 16 bits have the range of these bits, such as 0..4095; fractions that use
    half of 0..1 have that. All others have the range that was measured.
    """
    if not ranges:
        return None
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if low >= 0 and high <= 1 and high - low >= USED:
        return 0.0, 1.0
    if low >= 0 and 1 < high <= 65535:
        top = float(2 ** max(8, math.ceil(math.log2(high + 1))) - 1)
        if high - low >= USED * top:
            return 0.0, top
    return (low, high) if low < high else (low, low + 1.0)


def describe(window: tuple[float, float], count: int) -> str:
    """A line for people."""
    low, high = (f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}" for value in window)
    return f"{count:,} images of more than 8 bits: greys from {low} to {high} become 0 to 255"
