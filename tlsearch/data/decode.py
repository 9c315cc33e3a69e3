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

from tlsearch.data import rgb
from tlsearch.data.fingerprint import ImageFingerprint, image_fingerprint
from tlsearch.data.rgb import FORMAT_NAMES, LOOK_SIZE, UnreadableError, shrink, to_square
from tlsearch.errors import DataError

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

    Filters of warnings belong to the process: enter this in the main thread, around the threads that decode.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Inside, what cannot be read is an ``ImageError`` that names the file."""
    try:
        yield
    except UnreadableError as error:
        raise ImageError(name, error.reason) from error.__cause__


def open_image(source: Path | io.BytesIO, name: str) -> Image.Image:
    """The picture with only its header read, refused when it is no picture or has too many pixels.

    Raises ``ImageError``. The limit is ``PIL.Image.MAX_IMAGE_PIXELS`` (about 89 million).
    """
    with _named(name):
        return rgb.open_image(source)


def load_rgb(path: Path) -> Image.Image:
    """The whole picture at its own size as 8-bit RGB, turned as its EXIF orientation says.

    Transparent pixels lie over white, 16-bit greys are scaled by 255/65535, and of a moving picture the first
    frame counts. For showing a picture; networks are fed from ``read_square``. Raises ``ImageError``.
    """
    return _decode(open_image(io.BytesIO(_read_bytes(path)), str(path)), str(path))


def read_picture(path: Path, size: int, name: str | None = None) -> DecodedImage:
    """Read, hash, fully decode and squeeze one file; it is read from disk once.

    ``name`` stands for the file in messages. Raises ``ImageError``.
    """
    name = name or str(path)
    data = _read_bytes(path, name)
    image = open_image(io.BytesIO(data), name)
    width, height = image.size
    rgb.draft(image, size)
    before_turn = image.size
    pixels = _decode(image, name)
    if pixels.size != before_turn:  # a quarter turn; of equal sides it makes no difference
        width, height = height, width
    constant = all(low == high for low, high in _extrema(pixels))
    look = image_fingerprint(pixels if size <= LOOK_SIZE else _as_if_small(data, pixels, before_turn, name))
    return DecodedImage(
        square=to_square(pixels, size),
        width=width,
        height=height,
        constant=constant,
        sha256=hashlib.sha256(data).hexdigest(),
        look=look,
    )


def read_square(path: Path, size: int, base: int | None = None) -> npt.NDArray[np.uint8]:
    """The pixels of one file, uint8 (size, size, 3), exactly as training saw them.

    ``base`` is the size at which the run kept its pixels, where ``size`` is smaller than it: the picture is
    squeezed to ``base`` first and then to ``size``, as ``pixels.smaller`` does. Raises ``ImageError``.
    """
    square = read_picture(path, base or size).square
    return square if square.shape[0] == size else shrink(square, size)


def _as_if_small(data: bytes, pixels: Image.Image, decoded_size: tuple[int, int], name: str) -> Image.Image:
    """The picture as it is decoded for sizes up to ``LOOK_SIZE``, so that its look is the same for all sizes."""
    image = open_image(io.BytesIO(data), name)
    if image.format not in ("JPEG", "MPO"):
        return pixels
    rgb.draft(image, LOOK_SIZE)
    return pixels if image.size == decoded_size else _decode(image, name)


def _read_bytes(path: Path, name: str | None = None) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(name or str(path), rgb.os_reason(error)) from error
    if not data:
        raise ImageError(name or str(path), "it is empty")
    return data


def _decode(image: Image.Image, name: str) -> Image.Image:
    with _named(name):
        return rgb.decode(image)


def _extrema(pixels: Image.Image) -> tuple[tuple[float, float], ...]:
    return tuple(band.getextrema() for band in pixels.split())  # type: ignore[misc]  # one band gives one pair
