"""A picture to RGB pixels: the only place that knows modes, orientation, alpha and resizing.

Training, prediction on files and the model that MLflow keeps decode with this code, so that their numbers agree bit for
bit. It imports nothing of tlsearch but ``memory_needed``, for copies of both files lie beside each logged model, which
is to load where tlsearch is not installed. A picture is made a square with an antialiased bilinear filter, in one of
three ways (``Decoding``).
"""

from __future__ import annotations

import importlib
import importlib.util
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from tlsearch.data.images.memory_needed import DECODE_BYTES, bytes_needed, is_preview

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF")
"""Pillow's names of the formats that are read, where this installation of Pillow knows them.

JPEG includes MPO, which some cameras write; PPM includes PGM and PBM. HEIF needs the package pillow-heif."""

RESIZES = ("squash", "pad", "crop")
"""The ways in which a picture becomes a square."""

LOOK_SIZE = 224
"""JPEGs are decoded as if for this size at least, so that what a picture looks like does not depend on the size that a
run asks for."""

FORMAT_NAMES = "JPEG, PNG, WebP, BMP, GIF, TIFF, PPM, JPEG 2000 or AVIF"
PREVIEW = "it is a RAW file of a camera, of which only a preview can be read; export it as JPEG or TIFF"
NOT_AN_IMAGE = f"it is not a {FORMAT_NAMES} file"

DRAFT_MARGIN = 2
"""A large JPEG is decoded at 1/2, 1/4 or 1/8 as long as both sides keep this multiple of the size wanted."""

_RESIZE_GAP = 3.0  # Pillow's advice for a result that is hard to tell from resizing in one step
_DIRECT_MODES = ("RGB", "L", "CMYK", "YCbCr", "HSV", "1")

_OPENING = Lock()

PADDING = (124, 116, 104)
"""The colour around a padded picture: the mean of ImageNet, which networks take for nothing."""


@dataclass(frozen=True)
class Decoding:
    """What the pictures of a data set have in common when they are decoded.

    Attributes:
        window: The values of deep greys (16 or 32 bits, or floats) that become 0 and 255. None scales each picture by
            the range of its type.
        resize: How a picture becomes a square: ``squash`` gives up the aspect ratio, ``pad`` adds borders, ``crop``
            cuts off what is longer.
        max_pixels: The most pixels that a picture may have. None asks for the memory instead that decoding it needs.
            It changes no pixels, and does not count where two ways to decode are compared.
    """

    window: tuple[float, float] | None = None
    resize: str = "squash"
    max_pixels: int | None = field(default=None, compare=False)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Decoding:
        """What the configuration beside a model says. Raises ``ValueError`` where it says nothing that can be."""
        window, resize, most = config.get("window"), config.get("resize", "squash"), config.get("max_pixels")
        if resize not in RESIZES:
            raise ValueError(f"resize is {resize!r}")
        if most is not None and (type(most) is not int or most < 1):
            raise ValueError(f"max_pixels is {most!r}")
        if window is None:
            return cls(None, resize, most)
        low, high = (float(value) for value in window)
        if not low < high:
            raise ValueError(f"window is {window!r}")
        return cls((low, high), resize, most)


PLAIN = Decoding()


@cache
def known_formats() -> tuple[str, ...]:
    """Those of ``FORMATS`` that can be read here."""
    Image.init()
    if importlib.util.find_spec("pillow_heif") is not None:
        importlib.import_module("pillow_heif").register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


class UnreadableError(Exception):
    """What is not a picture that can be read. ``reason`` is a few words, without a file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_square(data: bytes, size: int, base: int | None = None, decoding: Decoding = PLAIN) -> npt.NDArray[np.uint8]:
    """The pixels of an encoded picture, uint8 (size, size, 3), exactly as training saw them.

    ``base`` is the size at which the run kept its pixels, where ``size`` is smaller than it: the picture is squeezed to
    ``base`` first and then to ``size``. Raises ``UnreadableError``.
    """
    if not data:
        raise UnreadableError("it is empty")
    image = open_image(io.BytesIO(data), decoding.max_pixels)
    draft(image, base or size, decoding.max_pixels)
    square = to_square(decode(image, decoding.window), base or size, decoding.resize)
    return square if square.shape[0] == size else shrink(square, size)


def open_image(source: Path | io.BytesIO, max_pixels: int | None = None) -> Image.Image:
    """The picture with only its header read, refused when it is no picture. ``draft`` refuses what is too large.

    Raises ``UnreadableError``.
    """
    try:
        image = _opened(source, max_pixels)
        preview = is_preview(image)
    except UnidentifiedImageError:
        empty = isinstance(source, Path) and source.stat().st_size == 0
        raise UnreadableError("it is empty" if empty else NOT_AN_IMAGE) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableError(f"it has more than {_most_opened(max_pixels):,} pixels; {_remedy(max_pixels)}") from None
    except OSError as error:
        raise UnreadableError(os_reason(error)) from error
    except Exception as error:  # Pillow's parsers raise many kinds on broken headers
        raise UnreadableError(f"it is broken: {_words(error)}") from error
    if preview:
        raise UnreadableError(PREVIEW)
    return image


def _opened(source: Path | io.BytesIO, max_pixels: int | None) -> Image.Image:
    """``Image.open``, also for pictures of more pixels than Pillow opens by itself.

    To open a JPEG takes no memory, however large it says that it is; other formats may take some for every pixel.
    """
    try:
        return Image.open(source, formats=known_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        if _is_jpeg(source):
            return JpegImageFile(source)
    with _OPENING:  # the limit belongs to the process
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, _most_opened(max_pixels)
        try:
            return Image.open(source, formats=known_formats())
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _is_jpeg(source: Path | io.BytesIO) -> bool:
    """Whether the first bytes are those of a JPEG; a stream is at its beginning afterwards."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return stream.read(3) == b"\xff\xd8\xff"
    source.seek(0)
    return bytes(source.getbuffer()[:3]) == b"\xff\xd8\xff"


def _most_opened(max_pixels: int | None) -> int:
    """The most pixels of a picture that is opened: a pixel needs 4 bytes at least, of most kinds many more."""
    return max_pixels or DECODE_BYTES // 4


def draft(image: Image.Image, size: int, max_pixels: int | None = None) -> int:
    """Let a JPEG be decoded at a fraction of its size that is enough for ``size`` and for its look.

    Gives the bytes of memory that decoding will need. Raises ``UnreadableError`` where the picture has more than
    ``max_pixels``, or, without that limit, where it needs more than ``DECODE_BYTES``.
    """
    width, height = image.size
    pixels = width * height
    if image.format in ("JPEG", "MPO"):
        side = draft_side(size)
        image.draft(None, (side, side))
    needed = bytes_needed(image, pixels, deep=is_deep(image))
    if pixels > max_pixels if max_pixels is not None else needed > DECODE_BYTES:
        raise UnreadableError(
            f"it has {pixels:,} pixels, which need {needed / 1e9:.1f} GB of memory; {_remedy(max_pixels)}"
        )
    return needed


def draft_side(size: int) -> int:
    """The pixels that both sides of a large JPEG keep at least, however small a fraction of it is decoded."""
    return max(size, LOOK_SIZE) * DRAFT_MARGIN


def _remedy(max_pixels: int | None) -> str:
    most = f"the most is {DECODE_BYTES / 1e9:g} GB" if max_pixels is None else f"--max-pixels is {max_pixels:,}"
    return f"{most}: make it smaller, or allow it with --max-pixels"


def decode(image: Image.Image, window: tuple[float, float] | None = None) -> Image.Image:
    """All pixels of an opened picture as 8-bit RGB, turned as its EXIF orientation says.

    Transparent pixels lie over white, deep greys are scaled by the window or else by the range of their type, and of a
    moving picture the first frame counts. Raises ``UnreadableError``.
    """
    try:
        image.load()
        return _to_rgb(_turned(image), window)
    except OSError as error:
        raise UnreadableError(os_reason(error)) from error
    except Exception as error:  # decoders raise SyntaxError, ValueError, struct.error, IndexError and more
        raise UnreadableError(f"it is broken: {_words(error)}") from error


def to_square(image: Image.Image, size: int, resize: str = "squash") -> npt.NDArray[np.uint8]:
    """``image`` (RGB) as uint8 (size, size, 3) with Pillow's antialiased bilinear filter."""
    if resize == "pad" and image.width != image.height:
        image = ImageOps.pad(image, (size, size), Image.Resampling.BILINEAR, PADDING)
    elif resize == "crop" and image.width != image.height:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    elif image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=_RESIZE_GAP)
    return np.asarray(image, dtype=np.uint8)


def shrink(square: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """uint8 (n, n, 3) to uint8 (size, size, 3) by ``to_square``."""
    return to_square(Image.fromarray(square), size)


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF data raises many kinds and must not cost the picture itself
        return image


def is_deep(image: Image.Image) -> bool:
    """Whether the picture holds greys of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def deep_values(image: Image.Image) -> npt.NDArray[np.float64]:
    """The greys of a deep picture, decoded. Raises ``ValueError`` where some are not finite."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    return values


def _to_rgb(image: Image.Image, window: tuple[float, float] | None) -> Image.Image:
    if is_deep(image):
        return _deep_grey_to_rgb(image, window)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    if image.mode in _DIRECT_MODES or image.mode == "P":
        return image if image.mode == "RGB" else image.convert("RGB")
    return image.convert("RGBA").convert("RGB")


def _deep_grey_to_rgb(image: Image.Image, window: tuple[float, float] | None) -> Image.Image:
    """Greys of 16 or 32 bits, or floats, to 8 bits: by the window, or by the range of the type.

    Without a window 0..65535 (also in 32-bit pictures) is scaled by 255/65535, floats in 0..1 by 255; anything else is
    stretched from its least to its greatest value.
    """
    values = deep_values(image)
    low, high = float(values.min()), float(values.max())
    if window is not None:
        low, high = window
        values = values.clip(low, high)
    elif image.mode == "F" and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    elif image.mode != "F" and low >= 0.0 and high <= 65535.0:
        low, high = 0.0, 65535.0
    scaled = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(np.rint(scaled).astype(np.uint8)).convert("RGB")


def os_reason(error: OSError) -> str:
    """A few words on why a file cannot be read."""
    if error.strerror:
        return f"it cannot be opened: {error.strerror.lower()}"
    return f"it is broken: {_words(error)}"


def _words(error: Exception) -> str:
    """The first line of an error's message, or its kind where it has none.

    As ``utils.texts.first_line``: this file is copied beside models and imports nothing of the kind.
    """
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
