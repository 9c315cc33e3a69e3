"""What the header of a picture tells: the memory that decoding it needs, and whether it is a preview of another.

It imports nothing of tlsearch: a copy of this file lies beside each logged model (see ``rgb``).
"""

from __future__ import annotations

import os

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

DECODE_BYTES = 2_000_000_000
"""The memory in which pictures are decoded, all together that are at the same time; one that needs more is refused.

A laptop of 8 GB has about this left beside its system, a browser and the process that trains. It does not depend on the
number of processor cores, for the same images are to be used on every machine."""

_SUBFILE, _SUB_IFDS = 254, 330  # tags of TIFF

_DECODER_BYTES = {"WEBP": 8, "AVIF": 8, "HEIF": 8, "JPEG2000": 12, "TIFF": 4}
"""What the decoder of a format holds a pixel beside the picture, at most."""


def bytes_needed(image: Image.Image, header_pixels: int, *, deep: bool) -> int:
    """The memory that reading and decoding an opened picture needs at its peak, measured for every mode and format.

    It holds the file, the picture as its format has it, a copy that is turned, and what conversion to RGB takes. A JPEG
    counts as it is drafted; ``header_pixels`` is its number of pixels before that. ``deep`` says that a pixel has more
    than 8 bits.
    """
    own = 2 if image.mode.startswith("I;16") else 1 if image.mode in ("1", "L", "P") else 4
    if deep:
        each = 2 * own + 25  # three arrays of float64 while greys are scaled
    elif image.has_transparency_data:
        each = 2 * own + 12  # with alpha, white, and one over the other
    else:
        each = 2 * own + (1 if image.mode == "RGB" else 4)
    each += _DECODER_BYTES.get(image.format or "", 0)
    return _file_bytes(image) + each * image.width * image.height + _coefficient_bytes(image, header_pixels)


def is_preview(image: Image.Image) -> bool:
    """Whether an opened picture is a small copy of another one in its file, as in the RAW files of cameras.

    DNG, NEF and ARW files are TIFF files whose first picture says that it is a smaller version (NewSubfileType, bit 0),
    and whose whole picture is among those that it points to (SubIFDs), where Pillow does not look.
    """
    tags = getattr(image, "tag_v2", None)
    return image.format == "TIFF" and tags is not None and _SUB_IFDS in tags and bool(tags.get(_SUBFILE, 0) & 1)


def _file_bytes(image: Image.Image) -> int:
    stream = getattr(image, "fp", None)
    if stream is None:
        return 0
    place = stream.tell()
    size = int(stream.seek(0, os.SEEK_END))
    stream.seek(place)
    return size


def _coefficient_bytes(image: Image.Image, pixels: int) -> int:
    """What a JPEG decoder holds of a picture in several scans: 2 bytes for each coefficient at its full size."""
    if not isinstance(image, JpegImageFile) or not (image.info.get("progressive") or _has_several_scans(image)):
        return 0
    sampling = [horizontal * vertical for _, horizontal, vertical, _ in image.layer]
    return 2 * pixels * sum(sampling) // max(1, *sampling)


def _has_several_scans(image: JpegImageFile) -> bool:
    """Whether the first scan lacks components, as libjpeg asks; also where the header is odd."""
    stream = image.fp
    if stream is None:
        return True
    place = stream.tell()
    try:
        stream.seek(2)
        while (marker := stream.read(2))[:1] == b"\xff":
            if marker[1] == 0xFF:  # a filling byte
                stream.seek(-1, os.SEEK_CUR)
                continue
            length = int.from_bytes(stream.read(2), "big")
            if marker[1] == 0xDA:  # the start of a scan, which begins with the number of its components
                return int.from_bytes(stream.read(1), "big") < image.layers
            stream.seek(length - 2, os.SEEK_CUR)
        return True
    finally:
        stream.seek(place)
