"""Arrays become pictures, as the files would be that hold the same pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tlsearch.data.images.decode import IN_MEMORY, ImageError
from tlsearch.data.images.rgb import Decoding

Array = npt.NDArray[Any]
"""Of any numeric type."""

_CHANNELS = (1, 3, 4)
_WHITE, _DEEPEST = 255, 65535


def image_of_array(pixels: Array, decoding: Decoding, highest: float | None = None) -> Image.Image:
    """A picture with the pixels of an array.

    - bool: true is white
    - uint8, and other whole numbers from 0 to 255: as they are
    - uint16: as a PNG file of 16 bits, and so are other whole numbers of a grey picture up to 65535, where one is above
      255, or ``decoding`` has a window, that is, for a model that was trained on such files
    - floats: 0..1, or 0..255 where one is above 1; grey ones as a TIFF file of floats where ``decoding`` has a window,
      that is, for a model that was trained on such files

    Args:
        pixels: (H, W) or (H, W, 1), grey; (H, W, 3), RGB; (H, W, 4), RGB with how opaque each pixel is.
        decoding: How the model's pictures are decoded.
        highest: A value of all pictures of the array that this one is from, which have one range; None for a picture
            alone.

    Raises:
        ImageError: They are no pixels of a picture.
    """
    kind = pixels.dtype.kind
    if kind not in "buif":
        raise ImageError(IN_MEMORY, f"it is an array of type {pixels.dtype}; give one of numbers")
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[-1] not in _CHANNELS):
        raise ImageError(IN_MEMORY, _wrong_shape(pixels.shape))
    if 0 in pixels.shape:
        raise ImageError(IN_MEMORY, f"it is empty, of shape {pixels.shape}")
    if kind == "b":
        return Image.fromarray(pixels.astype(np.uint8) * np.uint8(_WHITE))
    if pixels.dtype == np.uint8:
        return Image.fromarray(pixels)
    low, high = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError(IN_MEMORY, "it holds values that are not finite (NaN or infinity)")
    of_all = high if highest is None else max(high, highest)
    if kind == "f":
        return _from_floats(pixels, (low, high), of_all, decoding)
    deep = pixels.dtype == np.uint16 or (pixels.ndim == 2 and (of_all > _WHITE or decoding.window is not None))
    return _from_whole_numbers(pixels, (low, high), deep=deep)


def _from_floats(pixels: Array, ends: tuple[float, float], of_all: float, decoding: Decoding) -> Image.Image:
    low, high = ends
    if pixels.ndim == 2 and decoding.window is not None:
        return Image.fromarray(pixels.astype(np.float32))
    if low < 0 or high > _WHITE:
        raise ImageError(IN_MEMORY, f"its values go from {low:g} to {high:g}; bring them to 0..1 or 0..255")
    scaled = pixels.astype(np.float64) * (_WHITE if of_all <= 1 else 1)
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _from_whole_numbers(pixels: Array, ends: tuple[float, float], *, deep: bool) -> Image.Image:
    low, high = ends
    if low < 0 or high > (_DEEPEST if deep else _WHITE):
        raise ImageError(IN_MEMORY, f"its values go from {low:g} to {high:g}; bring them to 0..255")
    if not deep:
        return Image.fromarray(pixels.astype(np.uint8))
    if pixels.ndim == 2:
        return Image.fromarray(pixels.astype(np.uint16))
    return Image.fromarray((pixels >> 8).astype(np.uint8))  # as Pillow reads RGB files of 16 bits


def _wrong_shape(shape: tuple[int, ...]) -> str:
    first = len(shape) == 3 and shape[0] in _CHANNELS
    fix = "move the channels to the end with numpy.moveaxis" if first else "give (H, W), (H, W, 3) or (H, W, 4)"
    return f"it has the shape {shape}; {fix}"
