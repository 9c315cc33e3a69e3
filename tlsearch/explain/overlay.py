"""Heat maps as pictures: the picture that the network sees, with the heat for a class laid over it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngInfo

from tlsearch.explain.maps import resize_maps
from tlsearch.types import Float32Array

if TYPE_CHECKING:
    from PIL.Image import Image

SMALLEST_SIDE = 240
"""Pixels to which small pictures are enlarged, so that there is something to see."""

STRONGEST = 0.65
"""How much of a pixel the strongest heat covers."""

# Anchors of the colour map "inferno" of matplotlib (CC0), whose lightness rises evenly, from no heat to the strongest.
_COLOURS = np.array(
    (
        (0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39),
        (252, 255, 164),
    ),
    np.float32,
)  # fmt: skip


def overlay(image: npt.NDArray[np.uint8], heat: Float32Array) -> Image:
    """Draw a picture with the heat for a class over it, from the weakest place that speaks for it to the strongest.

    What speaks against the class is not drawn, and where all places speak for it, the weakest one is not.

    Args:
        image: Shape (S, S, 3), as the predictor decodes it.
        heat: Shape (H, W), one of ``HeatMaps.maps``.

    Returns:
        The picture, enlarged where it is smaller than 240 pixels.
    """
    from PIL import Image

    side = max(len(image), SMALLEST_SIDE)
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    pixels = np.asarray(large, np.float32)
    values = resize_maps(heat[None], side)[0]
    weakest, strongest = max(0.0, float(values.min())), float(values.max())
    level = np.zeros_like(values)
    if strongest > weakest:
        level = np.clip((values - weakest) / (strongest - weakest), 0.0, 1.0)
    cover = STRONGEST * np.sqrt(level)[..., None]
    mixed = (1 - cover) * pixels + cover * _coloured(level)
    return Image.fromarray(np.rint(mixed).clip(0, 255).astype(np.uint8))


def to_png(image: Image, texts: Mapping[str, str] | None = None) -> bytes:
    """Give a picture as the bytes of a PNG file, with texts that people do not see."""
    stream, kept = io.BytesIO(), PngInfo()
    for name, text in (texts or {}).items():
        kept.add_text(name, text)
    image.save(stream, "PNG", pnginfo=kept)
    return stream.getvalue()


def _coloured(level: Float32Array) -> Float32Array:
    """Colours (H, W, 3) of levels (H, W) from 0 to 1."""
    anchors = np.linspace(0.0, 1.0, len(_COLOURS))
    return np.stack([np.interp(level, anchors, channel) for channel in _COLOURS.T], axis=-1).astype(np.float32)
