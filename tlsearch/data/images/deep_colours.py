"""Colours of 16 bits, of which Pillow gives the upper 8: what holds 10 or 12 bits is nearly black."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tlsearch.data.images.decode import load_rgb
from tlsearch.data.images.rgb import Decoding, is_deep
from tlsearch.utils.units import counted

_HALF = 128


def has_deep_colours(image: Image.Image) -> bool:
    """Whether a picture, opened and not yet decoded, holds colours, or greys with transparency, of 16 bits."""
    if is_deep(image):
        return False
    raw = (tile[3][0] if isinstance(tile[3], tuple) and tile[3] else tile[3] for tile in getattr(image, "tile", ()))
    return any(isinstance(mode, str) and ";16" in mode for mode in raw)


def brightest(path: Path, max_pixels: int | None = None) -> int | None:
    """The greatest of the upper 8 bits of a picture's colours, 0..255; None where it cannot be read."""
    try:
        bands = load_rgb(path, Decoding(max_pixels=max_pixels)).getextrema()
    except Exception:  # whatever is wrong with it is said when it is decoded
        return None
    return int(max(high for _, high in bands))  # type: ignore[misc]  # a pair for each of three bands


def remark_dark(values: Sequence[int]) -> tuple[str, ...]:
    """A sentence where no picture uses more than half of 16 bits; ``values`` are those of ``brightest``."""
    if not values or max(values) >= _HALF:
        return ()
    return (
        f"{counted(len(values), 'image')} with colours of 16 bits {'uses' if len(values) == 1 else 'use'} "
        f"{max(values) + 1:,} of 256 levels of them, as only the upper 8 bits are read: save them with 8 bits a colour",
    )
