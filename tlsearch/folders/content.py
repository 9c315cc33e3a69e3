"""What a file is, by its first bytes; its name decides nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tlsearch.folders.junk import is_cloud_stub

HEAD_BYTES = 512
"""How much of a file is looked at."""


@dataclass(frozen=True)
class FileType:
    """What a file is.

    Attributes:
        name: What people call it, with its article: "a JPEG image".
        is_image: Whether it is an image in a format that is read, as far as the first bytes tell.
        meant_as_image: Whether somebody who put it among images meant an image, read or not.
        fix: What to do where it is not read. Empty where there is nothing to be done.
    """

    name: str
    is_image: bool = False
    meant_as_image: bool = False
    fix: str = ""


def _image(name: str) -> FileType:
    return FileType(f"a {name} image", is_image=True, meant_as_image=True)


def _lost(name: str, fix: str) -> FileType:
    return FileType(name, meant_as_image=True, fix=fix)


_CONVERT = "convert them to PNG or JPEG"

_SIGNATURES: tuple[tuple[bytes, FileType], ...] = (
    (rb"\xff\xd8\xff", _image("JPEG")),
    (rb"\x89PNG\r\n\x1a\n", _image("PNG")),
    (rb"GIF8[79]a", _image("GIF")),
    (rb"RIFF.{4}WEBP", _image("WebP")),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", _image("TIFF")),
    (rb"BM.{4}\0\0\0\0", _image("BMP")),
    (rb"P[1-6][\s#]", _image("PPM, PGM or PBM")),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", _image("JPEG 2000")),
    (rb".{4}ftypavi[fs]", _image("AVIF")),
    (rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", _image("HEIC")),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", _lost("a JPEG XL image", _CONVERT)),
    (rb"8BPS", _lost("a Photoshop document", _CONVERT)),
    (rb".{128}DICM", _lost("a DICOM image", "install a reader plugin for DICOM, or convert them to PNG")),
    (rb"\x93NUMPY", _lost("a NumPy array", "give arrays to tlsearch.run in Python, or save them as PNG")),
    (rb"\x89HDF\r\n\x1a\n", _lost("an HDF5 file", "save its images as PNG")),
    (
        rb"version https://git-lfs\.github\.com/spec",
        _lost("a Git LFS pointer and not the image itself", "fetch the images with: git lfs pull"),
    ),
    (rb"bplist00", _lost("a stub of a file in iCloud", "download the folder from iCloud")),
    (
        rb"\s*(?:<!doctype html|<html|<head|<\?xml[^>]*>\s*<!doctype html)",
        _lost("a web page and not an image", "download the images again; the page was saved in their place"),
    ),
    (rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<svg", _lost("an SVG drawing", _CONVERT)),
    (
        rb"\s*<(?:\?xml|error)",
        FileType("an XML file"),
    ),
    (rb".{4}ftyp", FileType("a video", fix="save its pictures as image files")),
    (rb"\x1a\x45\xdf\xa3|RIFF.{4}AVI |\0\0\x01[\xb3\xba]", FileType("a video", fix="save its pictures as image files")),
    (rb"PK\x03\x04|PK\x05\x06", FileType("a ZIP archive")),
    (rb"\x1f\x8b", FileType("a gzip archive")),
    (rb".{257}ustar", FileType("a tar archive")),
    (rb"%PDF", FileType("a PDF document")),
    (rb"PAR1", FileType("a Parquet table")),
    (rb"SQLite format 3\0", FileType("an SQLite database")),
)
_TYPES = tuple((re.compile(pattern, re.DOTALL | re.IGNORECASE), kind) for pattern, kind in _SIGNATURES)

EMPTY = FileType("empty", meant_as_image=False)
TEXT = FileType("a text file")
UNKNOWN = FileType("a file of unknown kind")


def file_type(head: bytes) -> FileType:
    """What a file is whose first ``HEAD_BYTES`` bytes are ``head``."""
    if not head:
        return EMPTY
    for pattern, kind in _TYPES:
        if pattern.match(head):
            return kind
    return TEXT if _is_text(head) else UNKNOWN


def type_of_file(path: Path) -> FileType | None:
    """What the file at ``path`` is, or None where it cannot be opened."""
    if is_cloud_stub(path.name):
        return file_type(b"bplist00")
    try:
        with path.open("rb") as stream:
            return file_type(stream.read(HEAD_BYTES))
    except OSError:
        return None


def _is_text(head: bytes) -> bool:
    return not re.search(rb"[\x00-\x08\x0e-\x1f]", head.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff"))
