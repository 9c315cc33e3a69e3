"""The pictures in archives. They are read one after the other, in the order of the archive; nothing is unpacked."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tlsearch.folders.archives import OTHER_ENDINGS, ZIP_ENDINGS, is_encrypted, zip_name
from tlsearch.folders.content import HEAD_BYTES, file_type
from tlsearch.folders.junk import junk_kind
from tlsearch.folders.walk import looks_like_image
from tlsearch.predictor.sources.picture import MOST_BYTES, TOO_LARGE, Picture
from tlsearch.utils.texts import first_line

_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, ValueError, OSError),
)

UNKNOWN_COMPRESSION = "it is compressed in a way that cannot be read here; unpack it yourself"

LEADS_OUT = "its path leads out of the archive, so it is set aside; unpack it yourself if you trust it"
"""Why a member whose path has ``..`` in it is not read."""


def in_archive(source: Path | IO[bytes], name: str) -> Iterator[Picture]:
    """The pictures in an archive, a file or an open one; ``name`` tells its kind by its ending."""
    if name.lower().endswith(OTHER_ENDINGS):
        yield Picture(name=name, problem="it is an archive that cannot be read here; unpack it and name the folder")
        return
    members = _in_zip(source, name) if name.lower().endswith(ZIP_ENDINGS) else _in_tar(source, name)
    empty = True
    try:
        for picture in members:
            empty = False
            yield picture
    except NotImplementedError:  # from zipfile, of a file in several parts
        yield Picture(name=name, problem="it is an archive that cannot be read here; unpack it and name the folder")
    except _BROKEN as error:
        read = "" if empty else "; what stands before was read"
        yield Picture(name=name, problem=f"it is a broken archive ({first_line(error)}){read}")
    else:
        if empty:
            yield Picture(name=name, problem="it is an archive without images")


def _in_zip(source: Path | IO[bytes], archive: str) -> Iterator[Picture]:
    with zipfile.ZipFile(source) as opened:
        for member in opened.infolist():
            name = zip_name(member)
            shown = _shown(archive, name)
            if member.is_dir() or not _may_be_image(name):
                continue
            if _leads_out(name):
                yield Picture(name=shown, problem=LEADS_OUT)
                continue
            if is_encrypted(member):
                yield Picture(name=shown, problem="it is encrypted; unpack the archive with its password")
                continue
            try:
                with opened.open(member) as stream:
                    picture = _read(stream, shown, name)
            except NotImplementedError:  # of this member alone, as what comes next
                picture = Picture(name=shown, problem=UNKNOWN_COMPRESSION)
            except _BROKEN as error:
                picture = Picture(name=shown, problem=f"it is broken in the archive ({first_line(error)})")
            if picture is not None:
                yield picture


def _in_tar(source: Path | IO[bytes], archive: str) -> Iterator[Picture]:
    file = source if isinstance(source, Path) else None
    # Read as a stream, a compressed archive is unpacked once, and the list of its members does not grow.
    with tarfile.open(file, "r|*", None if file is not None else source) as opened:  # type: ignore[call-overload]
        for member in opened:
            opened.members = []
            if member.isdir() or not _may_be_image(member.name):
                continue
            shown = _shown(archive, member.name)
            if _leads_out(member.name):
                yield Picture(name=shown, problem=LEADS_OUT)
                continue
            stream = opened.extractfile(member) if member.isfile() else None
            if stream is None:
                yield Picture(name=shown, problem="it is a link or a device, which is not read in an archive")
            elif (picture := _read(stream, shown, member.name)) is not None:
                yield picture


def _read(stream: IO[bytes], shown: str, name: str) -> Picture | None:
    """A member; None where it has no ending and is no image."""
    data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return Picture(name=shown, problem=TOO_LARGE)
    if not looks_like_image(name) and not file_type(data[:HEAD_BYTES]).meant_as_image:
        return None
    return Picture(name=shown, content=data)


def _may_be_image(name: str) -> bool:
    """Whether a member is named like an image, or has no ending; never what programs leave behind."""
    parts = [part for part in _parts(name) if part not in ("", ".", "..")]
    if not parts or any(junk_kind(part) is not None for part in parts):
        return False
    return looks_like_image(parts[-1]) or "." not in parts[-1]


def _leads_out(name: str) -> bool:
    """Whether a path would lie outside of the folder into which the archive is unpacked, or might."""
    return ".." in _parts(name)


def _parts(name: str) -> list[str]:
    return name.replace("\\", "/").split("/")


def _shown(archive: str, name: str) -> str:
    return f"{archive}/{name}".encode("utf-8", "backslashreplace").decode("utf-8")
