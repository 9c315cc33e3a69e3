"""One picture file: read, hashed, decoded and squeezed, or refused with a reason that names it."""

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
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from tlsearch.data.images import rgb
from tlsearch.data.images.memory_budget import MemoryBudget
from tlsearch.data.images.memory_needed import DECODE_BYTES
from tlsearch.data.images.rgb import FORMAT_NAMES, LOOK_SIZE, PLAIN, Decoding, UnreadableError, shrink, to_square
from tlsearch.data.images.shared import Shared
from tlsearch.data.near_duplicates.fingerprint import ImageFingerprint, image_fingerprint
from tlsearch.errors import DataError
from tlsearch.folders.content import HEAD_BYTES, UNKNOWN, file_type, type_of_file

SAMPLES_PER_PIXEL = 277  # a tag of TIFF

IN_MEMORY = "in memory"
"""What messages call a picture that has no name."""

_MEMORY = MemoryBudget(DECODE_BYTES)

__all__ = ["FORMAT_NAMES", "DecodedImage", "ImageError", "shrink", "to_square"]


class ImageError(DataError):
    """A file that is not a picture tlsearch can read. ``reason`` is a few words, without the file's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The picture {name} cannot be used ({reason}): repair it or leave it out.")
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class DecodedImage:
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
    look: ImageFingerprint


@contextmanager
def calm_pillow() -> Iterator[None]:
    """Inside, Pillow's remarks on odd metadata are not printed and a decompression bomb is an error.

    Filters of warnings belong to the process: they hold in all threads, until the last block ends. Enter this around
    the threads that decode.
    """
    with _CALM.hold():
        yield


@contextmanager
def _calm_filters() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


_CALM = Shared(_calm_filters)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Inside, what cannot be read is an ``ImageError`` that names the file."""
    try:
        yield
    except UnreadableError as error:
        raise ImageError(name, error.reason) from error.__cause__


def open_image(source: Path | io.BytesIO, name: str, max_pixels: int | None = None) -> Image.Image:
    """The picture with only its header read, refused when it is no picture. ``draft`` refuses what is too large.

    Raises ``ImageError``.
    """
    try:
        return rgb.open_image(source, max_pixels)
    except UnreadableError as error:
        reason = error.reason if error.reason != rgb.NOT_AN_IMAGE else _what_it_is(source)
        raise ImageError(name, reason) from error.__cause__


def draft(image: Image.Image, size: int, name: str, max_pixels: int | None = None) -> int:
    """Let a JPEG be decoded at a fraction of its size that is enough for ``size``.

    Gives the bytes of memory that decoding will need. Raises ``ImageError`` where the picture is too large (see
    ``rgb.draft``).
    """
    with _named(name):
        return rgb.draft(image, size, max_pixels)


def _what_it_is(source: Path | io.BytesIO) -> str:
    """What a file is that Pillow does not know, and what to do about it."""
    if isinstance(source, Path):
        kind = type_of_file(source)
    else:
        source.seek(0)
        kind = file_type(source.read(HEAD_BYTES))
    if kind is None or kind.name == UNKNOWN.name:
        return rgb.NOT_AN_IMAGE
    if kind.is_image:
        if "TIFF" in kind.name and (bands := _bands(source)) > 4:
            return f"it is a TIFF image of {bands} bands; choose three of them and save them as RGB"
        fix = " that needs a package: pip install 'tlsearch[heic]'" if "HEIC" in kind.name else " that is broken"
        return f"it is {kind.name}{fix}"
    return f"it is {kind.name}" + (f"; {kind.fix}" if kind.fix else "")


def deep_range(path: Path, max_pixels: int | None = None) -> tuple[float, float] | None:
    """The range of nearly all greys of a picture of more than 8 bits: its quantiles at .1 and 99.9 %.

    None where the picture has 8 bits or cannot be read.
    """
    try:
        with open_image(path, str(path), max_pixels) as image:
            if not rgb.is_deep(image):
                return None
            with _MEMORY.take(draft(image, LOOK_SIZE, str(path), max_pixels)):
                low, high = np.quantile(rgb.deep_values(image), (0.001, 0.999))
    except Exception:  # whatever is wrong with it is said when it is decoded
        return None
    return float(low), float(high)


def load_rgb(path: Path, decoding: Decoding = PLAIN, size: int | None = None) -> Image.Image:
    """The whole picture as 8-bit RGB, turned as its EXIF orientation says, at its own size.

    A JPEG that is much larger than ``size`` is read at a fraction of its size, where ``size`` is given. Transparent
    pixels lie over white, deep greys are scaled as ``decoding`` says, and of a moving picture the first frame counts.
    For showing a picture; networks are fed from ``read_square``. Raises ``ImageError``.
    """
    image = open_image(io.BytesIO(_read_bytes(path)), str(path), decoding.max_pixels)
    with _MEMORY.take(draft(image, size or max(image.size), str(path), decoding.max_pixels)):
        return _decode(image, str(path), decoding)


def read_picture(path: Path, size: int, name: str | None = None, decoding: Decoding = PLAIN) -> DecodedImage:
    """Read, hash, fully decode and squeeze one file; it is read from disk once.

    ``name`` stands for the file in messages. Raises ``ImageError``.
    """
    name = name or str(path)
    data = _read_bytes(path, name)
    image = open_image(io.BytesIO(data), name, decoding.max_pixels)
    width, height = image.size
    with _MEMORY.take(draft(image, size, name, decoding.max_pixels)):
        before_turn = image.size
        pixels = _decode(image, name, decoding)
        if pixels.size != before_turn:  # a quarter turn; of equal sides it makes no difference
            width, height = height, width
        constant = all(low == high for low, high in _extrema(pixels))
        look = image_fingerprint(
            pixels if size <= LOOK_SIZE else _as_if_small(data, pixels, before_turn, name, decoding)
        )
        square = to_square(pixels, size, decoding.resize)
    return DecodedImage(
        square=square,
        width=width,
        height=height,
        constant=constant,
        sha256=hashlib.sha256(data).hexdigest(),
        look=look,
    )


def _bands(source: Path | io.BytesIO) -> int:
    """How many values a pixel of a TIFF file has, 0 where its header does not say."""
    try:
        data = source.read_bytes() if isinstance(source, Path) else source.getvalue()
        directory = ImageFileDirectory_v2(data[:8])
        stream = io.BytesIO(data)
        stream.seek(directory.next)
        directory.load(stream)
        return int(directory.get(SAMPLES_PER_PIXEL, 1))
    except Exception:  # a broken header raises many kinds
        return 0


def read_square(path: Path, size: int, base: int | None = None, decoding: Decoding = PLAIN) -> npt.NDArray[np.uint8]:
    """The pixels of one file, uint8 (size, size, 3), exactly as training saw them.

    ``base`` is the size at which the run kept its pixels, where ``size`` is smaller than it: the picture is
    squeezed to ``base`` first and then to ``size``, as ``pixels.smaller`` does. Raises ``ImageError``.
    """
    return square_of_bytes(_read_bytes(path), size, base, decoding, str(path))


def square_of_bytes(
    data: bytes, size: int, base: int | None = None, decoding: Decoding = PLAIN, name: str = IN_MEMORY
) -> npt.NDArray[np.uint8]:
    """The same of an encoded picture, the content of a file; ``name`` is what messages call it."""
    if not data:
        raise ImageError(name, "it is empty")
    return square_of_image(open_image(io.BytesIO(data), name, decoding.max_pixels), size, base, decoding, name)


def square_of_image(
    image: Image.Image, size: int, base: int | None = None, decoding: Decoding = PLAIN, name: str = IN_MEMORY
) -> npt.NDArray[np.uint8]:
    """The same of a picture that Pillow has opened, or that lies in memory with its pixels; it may be changed."""
    side = base or size
    with _MEMORY.take(draft(image, side, name, decoding.max_pixels)):
        square = to_square(_decode(image, name, decoding), side, decoding.resize)
    return square if side == size else shrink(square, size)


def _as_if_small(
    data: bytes, pixels: Image.Image, decoded_size: tuple[int, int], name: str, decoding: Decoding
) -> Image.Image:
    """The picture as it is decoded for sizes up to ``LOOK_SIZE``, so that its look is the same for all sizes."""
    image = open_image(io.BytesIO(data), name, decoding.max_pixels)
    if image.format not in ("JPEG", "MPO"):
        return pixels
    draft(image, LOOK_SIZE, name, decoding.max_pixels)
    return pixels if image.size == decoded_size else _decode(image, name)


def _read_bytes(path: Path, name: str | None = None) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(name or str(path), rgb.os_reason(error)) from error
    if not data:
        raise ImageError(name or str(path), "it is empty")
    return data


def _decode(image: Image.Image, name: str, decoding: Decoding = PLAIN) -> Image.Image:
    with _named(name):
        return rgb.decode(image, decoding.window)


def _extrema(pixels: Image.Image) -> tuple[tuple[float, float], ...]:
    return pixels.getextrema()  # type: ignore[return-value]  # a pair for each of several bands
