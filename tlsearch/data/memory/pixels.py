"""Images in memory become arrays of bytes: which values stand for black and white is found out over all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from tlsearch.errors import UsageError

Array = npt.NDArray[Any]
"""(H, W), (H, W, 3) or (H, W, 4), of any numeric type."""

_CHANNELS = (1, 3, 4)
_DEEPEST = 65535


def as_numpy(value: Any) -> Array:
    """An array, or a tensor of any library, as a NumPy array."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    try:
        return np.asarray(value)
    except ValueError as error:  # a list of lists of different lengths
        raise UsageError(
            "The labels or images are of different shapes: give images of different sizes as a list."
        ) from error


def pixels_of(image: Any, name: str) -> Array:
    """One image as an array; ``name`` is what to call it. Raises ``UsageError`` where it is none."""
    if isinstance(image, str | bytes) or hasattr(image, "__fspath__"):
        raise UsageError(f"{name} is the name of a file: name the folder of files as the data set instead.")
    pixels = _from_pillow(image, name) if isinstance(image, Image.Image) else as_numpy(image)
    if pixels.dtype.kind not in "buif":
        raise UsageError(f"{name} is {type(image).__name__}, not an array of numbers: give arrays or Pillow images.")
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[-1] in _CHANNELS):
        if 0 in pixels.shape:
            raise UsageError(f"{name} is empty, of shape {pixels.shape}: leave it out.")
        return np.ascontiguousarray(pixels)
    first = pixels.ndim == 3 and pixels.shape[0] in _CHANNELS
    fix = "move the channels to the end with numpy.moveaxis" if first else "give (H, W), (H, W, 1) or (H, W, 3)"
    raise UsageError(f"{name} has the shape {pixels.shape}: {fix}.")


def _from_pillow(image: Image.Image, name: str) -> Array:
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode not in ("L", "RGB", "RGBA", "F", "I", "I;16"):
            seen_through = "A" in upright.mode or "transparency" in upright.info
            upright = upright.convert("L" if upright.mode == "1" else "RGBA" if seen_through else "RGB")
        return np.asarray(upright)
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error}): leave it out.") from error


class Scale:
    """Which numbers are black and white, once ``see`` has seen every image.

    Attributes:
        assumed: What is assumed of the pixels, in words, after ``settle``.
    """

    def __init__(self) -> None:
        self.assumed = ""
        self._ranges: dict[str, tuple[float, float]] = {}
        self._grey = True

    def see(self, image: Array, number: int) -> None:
        """Note the range of an image. Raises ``UsageError`` where it holds what is no number."""
        low, high = float(image.min()), float(image.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise UsageError(f"image {number} holds values that are not finite (NaN or infinity): correct it.")
        kind = _kind_of(image)
        known = self._ranges.get(kind, (low, high))
        self._ranges[kind] = min(known[0], low), max(known[1], high)
        self._grey &= image.ndim == 2

    def settle(self) -> None:
        """Decide. Raises ``UsageError`` where the values are in no known range."""
        for kind, (low, high) in self._ranges.items():
            if low < 0 or (high > 255 and not (kind == "integers" and self._deep)):
                raise UsageError(
                    f"The pixels go from {low:g} to {high:g}: bring them to 0..255 or, as floats, to 0..1."
                )
            if kind == "integers" and high <= 1:
                raise UsageError(
                    "All pixels are the whole numbers 0 and 1, which are nearly black: give 0..255, or floats from 0 "
                    "to 1."
                )
        found = [words for kind, words in self._words().items() if kind in self._ranges]
        self.assumed = " and ".join(found)

    def _words(self) -> dict[str, str]:
        return {
            "integers": "grey pixels of 16 bits" if self._deep else "pixels 0..255",
            "floats": "floats taken as 0..1" if self._unit else "floats taken as 0..255 and rounded",
            "booleans": "true taken as white",
        }

    @property
    def _unit(self) -> bool:
        return self._ranges.get("floats", (0.0, 0.0))[1] <= 1

    @property
    def _deep(self) -> bool:
        """Whether whole numbers are greys of 16 bits, which a PNG file can hold as they are."""
        return self._grey and 255 < self._ranges.get("integers", (0.0, 0.0))[1] <= _DEEPEST

    def apply(self, image: Array) -> npt.NDArray[np.uint8 | np.uint16]:
        """The image with uint8 pixels 0..255, or uint16 where the greys are deep."""
        kind = _kind_of(image)
        if kind == "integers" and self._deep:
            return image.astype(np.uint16)
        if kind == "floats":
            scaled = image.astype(np.float64) * (255 if self._unit else 1)
            return np.rint(scaled).astype(np.uint8)
        return image.astype(np.uint8) * np.uint8(255 if kind == "booleans" else 1)


def _kind_of(image: Array) -> str:
    return {"b": "booleans", "f": "floats"}.get(image.dtype.kind, "integers")
