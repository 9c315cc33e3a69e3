"""Archives are unpacked into a folder: nothing outside of it, no links, and no more than what may be meant."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from tlsearch.errors import DataError
from tlsearch.folders.archives import is_encrypted, zip_name
from tlsearch.plugin_api import ReadingProgress, no_progress
from tlsearch_plugins.readers.remote.member_names import place_of, printable

MAX_RATIO = 100
"""An archive that unpacks to more than this many times its size and to more than ``SMALL`` is refused.

Images are compressed already, so archives of them are about as large as what they hold.
"""

SMALL = 10**9
"""Bytes that any archive may unpack to."""

RESERVE = 10**9
"""Bytes that stay free on the disk."""

MAX_FILES = 10_000_000

_BLOCK = 1 << 20


class Allowance:
    """What an archive may still write.

    Args:
        archive: The archive.
        folder: The folder that it is unpacked to.
        shown: The name of the archive for people.
        progress: Is told how much has been read of how much.
    """

    def __init__(self, archive: Path, folder: Path, shown: str, progress: ReadingProgress = no_progress) -> None:
        self.shown = shown
        self.progress = progress
        self.free = shutil.disk_usage(folder).free - RESERVE
        self.plausible = max(SMALL, MAX_RATIO * archive.stat().st_size)
        self._bytes = self._files = 0

    def take(self, size: int, files: int = 0) -> None:
        """Count ``size`` bytes more. Raises ``DataError`` where that is too much."""
        self._bytes += size
        self._files += files
        self.check(self._bytes, self._files)

    def show(self, done: float, total: float) -> None:
        """Tell that ``done`` of ``total`` has been read, in any unit, and what has been written."""
        what = f"unpacking {self.shown}: {self._files:,} files, {self._bytes / 1e6:,.1f} MB"
        self.progress(min(1.0, done / max(total, 1)), 1.0, what)

    @property
    def written(self) -> int:
        """The bytes that have been taken."""
        return self._bytes

    def check(self, size: int, files: int = 0) -> None:
        """Raise ``DataError`` where ``size`` bytes in all or so many files are too much."""
        if size > self.plausible:
            raise DataError(
                f"{self.shown} unpacks to more than {self.plausible / 1e9:,.1f} GB, {MAX_RATIO} times its own size or "
                "more, as no archive of images does: if you trust it, unpack it yourself and name the folder."
            )
        if size > self.free:
            raise DataError(
                f"{self.shown} unpacks to more than the {max(self.free, 0) / 1e9:,.1f} GB that the disk of the cache "
                "folder can spare: make room, or name a folder on another disk with --cache-dir."
            )
        if files > MAX_FILES:
            raise DataError(f"{self.shown} holds more than {MAX_FILES:,} files: unpack it and name the folder.")


def unpack_zip(archive: Path, folder: Path, allowance: Allowance) -> None:
    """Unpack a zip file into ``folder``. Raises ``DataError`` where it may not or cannot be unpacked."""
    shown = allowance.shown
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        if any(is_encrypted(member) for member in members):
            raise DataError(f"{shown} is encrypted: unpack it with its password and name the folder.")
        total = sum(member.file_size for member in members)
        allowance.check(total, len(members))
        for member in members:
            name = zip_name(member)
            kind = member.external_attr >> 16 & 0o170000
            if kind not in (0, 0o100000, 0o040000):
                raise _no_file(shown, name)
            if member.is_dir() or kind == 0o040000:
                _make(name, folder, shown)
                continue
            with opened.open(member) as stream:
                _write(stream, place_of(name, folder, shown), allowance, lambda: (allowance.written, total))


def unpack_tar(archive: Path, folder: Path, allowance: Allowance) -> None:
    """Unpack a tar file, compressed or not, into ``folder``. Raises what ``unpack_zip`` does."""
    shown = allowance.shown
    size = archive.stat().st_size
    # How far the compressed file has been read is known of the file alone.
    with archive.open("rb") as packed, tarfile.open(fileobj=packed, mode="r:*") as opened:
        for member in _members(opened, shown):
            if not member.isfile() and not member.isdir():
                raise _no_file(shown, member.name)
            if member.isdir():
                _make(member.name, folder, shown)
                continue
            stream = opened.extractfile(member)
            assert stream is not None, "a regular file has content"
            _write(stream, place_of(member.name, folder, shown), allowance, lambda: (packed.tell(), size))


def _members(opened: tarfile.TarFile, shown: str) -> Iterator[tarfile.TarInfo]:
    """The members one by one. Raises ``DataError`` where the archive breaks off.

    ``tarfile`` takes a block that it does not understand for the end, which is a block of zeros.
    """
    while (member := opened.next()) is not None:
        yield member
    file = opened.fileobj
    assert file is not None, "the archive is open"
    file.seek(opened.offset)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise DataError(f"{shown} is broken, as its end is missing: download it again, or make it anew.")


def _make(name: str, folder: Path, shown: str) -> None:
    """Make a folder of the archive; the one that holds all is there already."""
    if name.rstrip("/\\") not in ("", "."):
        place_of(name, folder, shown).mkdir(parents=True, exist_ok=True)


def _write(stream: IO[bytes], target: Path, allowance: Allowance, read: Callable[[], tuple[int, int]]) -> None:
    """Write a member. ``read`` gives how much of the archive has been read, and how much there is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    allowance.take(0, files=1)
    with target.open("wb") as file:
        while block := stream.read(_BLOCK):
            allowance.take(len(block))
            file.write(block)
            allowance.show(*read())


def _no_file(shown: str, name: str) -> DataError:
    return DataError(
        f"{shown} holds {printable(name)}, a link or a device, which is not unpacked: pack the files themselves (tar "
        "has --dereference and --hard-dereference), or unpack it yourself and name the folder."
    )
