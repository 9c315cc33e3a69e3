"""One picture file to RGB pixels: the only place that knows modes, orientation, alpha and resizing.

Training reads pixels through the same functions as prediction on the original files, so the numbers agree bit
for bit. A picture is squeezed to a square with an antialiased bilinear filter: the aspect ratio is not kept
and nothing is cut off.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from tlsearch.data.look import Look, look_at
from tlsearch.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""Pillow's names of the formats that are read; JPEG includes MPO, which some cameras write."""

LOOK_SIZE = 224
"""JPEGs are decoded as if for this size at least, so that what a picture looks like does not depend on the size that a
run asks for."""

FORMAT_NAMES = "JPEG, PNG, WebP, BMP, GIF or TIFF"

DRAFT_MARGIN = 2
"""A large JPEG is decoded at 1/2, 1/4 or 1/8 as long as both sides keep this multiple of the size wanted."""

_RESIZE_GAP = 3.0  # Pillow's advice for a result that is hard to tell from resizing in one step

_DIRECT_MODES = ("RGB", "L", "CMYK", "YCbCr", "HSV", "1")


class ImageError(DataError):
    """A file that is not a picture tlsearch can read. ``reason`` is a few words, without the file's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The picture {name} cannot be used ({reason}): repair it or leave it out.")
        self.reason = reason


@dataclass(frozen=True)
class Picture:
    """What reading one file gave.

    ``square`` is uint8 (size, size, 3); ``width`` and ``height`` are those of the original as it is looked
    at; ``constant`` says that every pixel has one colour; ``sha256`` is the hash of the file's bytes. ``look`` does
    not depend on ``size``.
    """

    square: npt.NDArray[np.uint8]
    width: int
    height: int
    constant: bool
    sha256: str
    look: Look


@contextmanager
def calm_pillow() -> Iterator[None]:
    """Inside, Pillow's remarks on odd metadata are not printed and a decompression bomb is an error.

    Filters of warnings belong to the process: enter this in the main thread, around the threads that decode.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def open_image(source: Path | io.BytesIO, name: str) -> Image.Image:
    """The picture with only its header read, refused when it is no picture or has too many pixels.

    Raises ``ImageError``. The limit is ``PIL.Image.MAX_IMAGE_PIXELS`` (about 89 million).
    """
    try:
        image = Image.open(source, formats=FORMATS)
    except UnidentifiedImageError:
        empty = isinstance(source, Path) and source.stat().st_size == 0
        raise ImageError(name, "it is empty" if empty else f"it is not a {FORMAT_NAMES} file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(name, _bomb_reason()) from None
    except OSError as error:
        raise ImageError(name, _os_reason(error)) from error
    except Exception as error:  # Pillow's parsers raise many kinds on broken headers
        raise ImageError(name, f"it is broken: {_words(error)}") from error
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise ImageError(name, _bomb_reason())
    return image


def load_rgb(path: Path) -> Image.Image:
    """The whole picture at its own size as 8-bit RGB, turned as its EXIF orientation says.

    Transparent pixels lie over white, 16-bit greys are scaled by 255/65535, and of a moving picture the first
    frame counts. For showing a picture; networks are fed from ``read_square``. Raises ``ImageError``.
    """
    return _decode(open_image(io.BytesIO(_read_bytes(path)), str(path)), str(path))


def to_square(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """``image`` (RGB) squeezed to uint8 (size, size, 3) with Pillow's antialiased bilinear filter."""
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=_RESIZE_GAP)
    return np.asarray(image, dtype=np.uint8)


def read_picture(path: Path, size: int, name: str | None = None) -> Picture:
    """Read, hash, fully decode and squeeze one file; it is read from disk once.

    ``name`` stands for the file in messages. Raises ``ImageError``.
    """
    name = name or str(path)
    data = _read_bytes(path, name)
    image = open_image(io.BytesIO(data), name)
    width, height = image.size
    before_turn = image.size
    if image.format in ("JPEG", "MPO"):
        _draft(image, size)
        before_turn = image.size
    rgb = _decode(image, name)
    if rgb.size != before_turn:  # a quarter turn; of equal sides it makes no difference
        width, height = height, width
    constant = all(low == high for low, high in _extrema(rgb))
    look = look_at(rgb if size <= LOOK_SIZE else _as_if_small(data, rgb, before_turn, name))
    return Picture(to_square(rgb, size), width, height, constant, hashlib.sha256(data).hexdigest(), look)


def read_square(path: Path, size: int, base: int | None = None) -> npt.NDArray[np.uint8]:
    """The pixels of one file, uint8 (size, size, 3), exactly as training saw them.

    ``base`` is the size at which the run kept its pixels, where ``size`` is smaller than it: the picture is
    squeezed to ``base`` first and then to ``size``, as ``pixels.smaller`` does. Raises ``ImageError``.
    """
    square = read_picture(path, base or size).square
    return square if square.shape[0] == size else shrink(square, size)


def shrink(square: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """uint8 (n, n, 3) to uint8 (size, size, 3) by ``to_square``."""
    return to_square(Image.fromarray(square), size)


def _draft(image: Image.Image, size: int) -> None:
    """Let a JPEG be decoded at a fraction of its size that is enough for ``size`` and for its look."""
    side = max(size, LOOK_SIZE) * DRAFT_MARGIN
    image.draft(None, (side, side))


def _as_if_small(data: bytes, rgb: Image.Image, decoded_size: tuple[int, int], name: str) -> Image.Image:
    """The picture as it is decoded for sizes up to ``LOOK_SIZE``, so that its look is the same for all sizes."""
    image = open_image(io.BytesIO(data), name)
    if image.format not in ("JPEG", "MPO"):
        return rgb
    _draft(image, LOOK_SIZE)
    return rgb if image.size == decoded_size else _decode(image, name)


def _read_bytes(path: Path, name: str | None = None) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(name or str(path), _os_reason(error)) from error
    if not data:
        raise ImageError(name or str(path), "it is empty")
    return data


def _decode(image: Image.Image, name: str) -> Image.Image:
    """All pixels of an opened picture, turned and in RGB."""
    try:
        image.load()
        return _to_rgb(_turned(image))
    except ImageError:
        raise
    except OSError as error:
        raise ImageError(name, _os_reason(error)) from error
    except Exception as error:  # decoders raise SyntaxError, ValueError, struct.error, IndexError and more
        raise ImageError(name, f"it is broken: {_words(error)}") from error


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF data raises many kinds and must not cost the picture itself
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey_to_rgb(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    if image.mode in _DIRECT_MODES or image.mode == "P":
        return image if image.mode == "RGB" else image.convert("RGB")
    return image.convert("RGBA").convert("RGB")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Greys of 16 or 32 bits, or floats, to 8 bits: by the range of the type where it is known to be used.

    0..65535 (also in 32-bit pictures) is scaled by 255/65535, floats in 0..1 by 255; anything else is
    stretched from its least to its greatest value.
    """
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    elif image.mode != "F" and low >= 0.0 and high <= 65535.0:
        low, high = 0.0, 65535.0
    scaled = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(np.rint(scaled).astype(np.uint8)).convert("RGB")


def _extrema(rgb: Image.Image) -> tuple[tuple[float, float], ...]:
    return tuple(band.getextrema() for band in rgb.split())  # type: ignore[misc]  # one band gives one pair


def _bomb_reason() -> str:
    return f"it has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels"


def _os_reason(error: OSError) -> str:
    if error.strerror:
        return f"it cannot be opened: {error.strerror.lower()}"
    return f"it is broken: {_words(error)}"


def _words(error: Exception) -> str:
    """The first line of an error's message, or its kind where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
