"""A picture becomes a square, exactly as `tlsearch predict` makes it one; a test compares both to the last bit."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

NEW_SUBFILE_TYPE, SUB_IFDS = 254, 330  # tags of TIFF

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")


class RawError(Exception):
    """A RAW file of a camera."""


def decode(data: bytes, metadata: Mapping[str, str]) -> np.ndarray:
    """The RGB values of an encoded picture, uint8 (S, S, 3).

    Args:
        data: The bytes of a file.
        metadata: The metadata of the exported file.

    Raises:
        ValueError: It cannot be used; the message says why.
    """
    size = int(metadata["image_size"])
    base = int(metadata.get("decode_size", size))
    try:
        image = Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
        if _is_preview(image):
            raise RawError
        if image.format in ("JPEG", "MPO"):  # a large JPEG is decoded at a half, a quarter or an eighth of its size
            least = int(metadata.get("jpeg_draft", 2 * max(base, 224)))
            image.draft(None, (least, least))
        image.load()
        with suppress(Exception):  # odd EXIF data must not cost the picture
            image = ImageOps.exif_transpose(image)
        square = _square(_rgb(image, json.loads(metadata.get("window", "null"))), base, metadata)
    except RawError:
        raise ValueError(
            "it is a RAW file of a camera, of which only a preview can be read: send a JPEG or TIFF"
        ) from None
    except UnidentifiedImageError:
        raise ValueError("it is no picture of a format that is read here: send a JPEG, PNG or WebP file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels: make it smaller") from None
    except Exception as error:  # decoders raise many kinds for a file that is broken
        raise ValueError(f"it is damaged ({str(error).strip() or type(error).__name__}): send it again") from error
    if base != size:  # the run kept larger squares than this network takes
        square = square.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(square)


def _is_preview(image: Image.Image) -> bool:
    """Whether it is a small copy of another picture in its file: DNG, NEF and ARW files are TIFF with such a one."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    return image.format == "TIFF" and SUB_IFDS in tags and bool(tags.get(NEW_SUBFILE_TYPE, 0) & 1)


def _rgb(image: Image.Image, window: tuple[float, float] | None) -> Image.Image:
    """Eight bits of red, green and blue: transparent pixels over white, deep greys scaled by the window."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("it holds values that are not finite")
        low, high = float(values.min()), float(values.max())
        most = 1.0 if image.mode == "F" else 65535.0
        if window is not None or (low >= 0.0 and high <= most):
            low, high = window or (0.0, most)
        scaled = (values.clip(low, high) - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
        return Image.fromarray(np.rint(scaled).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    direct = image.mode in ("RGB", "L", "CMYK", "YCbCr", "HSV", "1", "P")
    return image.convert("RGB") if direct else image.convert("RGBA").convert("RGB")


def _square(image: Image.Image, side: int, metadata: Mapping[str, str]) -> Image.Image:
    how = metadata.get("resize", "squash")
    if image.width != image.height and how == "pad":
        around = tuple(json.loads(metadata.get("padding", "[124, 116, 104]")))
        return ImageOps.pad(image, (side, side), Image.Resampling.BILINEAR, around)
    if image.width != image.height and how == "crop":
        return ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
    return image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0)
