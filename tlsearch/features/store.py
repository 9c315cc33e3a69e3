"""The feature store: what frozen layers compute, kept as memory-mapped arrays under a byte budget.

A file is a ``.npy`` file, the key of the array as JSON, and a seal: the CRC-32 of the ``.npy`` part, the length of the
key, and a mark. NumPy reads the first part and takes no notice of the rest. One file and one rename, so that no two
processes that share a folder can make a pair that does not belong together.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from tlsearch.errors import RunError
from tlsearch.features.shared import SharedTier
from tlsearch.types import AnyArray
from tlsearch.utils.deadline import seconds_left
from tlsearch.utils.files import FULL, atomic_path, file_lock, unusable
from tlsearch.utils.mapped import StoredArray, create_array, open_array, scratch_array

HEADER_BYTES = 128
"""What a ``.npy`` file holds besides its values."""

MOST_WAITING = 600.0
"""Seconds to wait for another process that computes what is wanted; the system frees the lock of one that dies."""

LEFT_SECONDS = 3600.0
"""A file on its way that was not written for so long, by a process that is not there, is never finished."""

_ON_ITS_WAY = re.compile(r"\.(?P<process>\d+)-[0-9a-f]+\.part")

_SEAL = struct.Struct("<IQ8s")
_MARK = b"tlsearch"
_CHUNK = 1 << 22


@dataclass(frozen=True)
class StoreInfo:
    """How much a store holds: a number of arrays and their size in bytes."""

    directory: Path
    files: int
    bytes: int


def key_digest(key: Mapping[str, Any]) -> str:
    """Give the name under which an array is kept: 40 hexadecimal digits that change with each ingredient of ``key``.

    ``key`` must hold everything that can change the numbers; it must be JSON.
    """
    return hashlib.sha256(_encoded(key)).hexdigest()[:40]


class FeatureStore:
    """Arrays by key, in one folder, at most ``limit`` bytes of them; the least recently used give way.

    An array appears under its name only when it is complete (temporary name, then rename); a hit counts only when the
    key in the file equals the key that is wanted. A file whose bytes are no longer those that were written is removed
    when it is first read. Evicting an array that is still mapped is safe on POSIX: its pages live until the map is
    closed.

    Behind it there may be a second tier that other machines share. What is not here is fetched from there, and what is
    made here is put there; nothing there is ever removed by a store.
    """

    def __init__(self, directory: Path, limit: int, shared: SharedTier | None = None) -> None:
        """Open the store in a folder, which is made where it is missing; ``shared`` is the tier behind it."""
        self.directory = directory
        self.limit = limit
        self._shared = shared
        self._pending = 0  # bytes that are being written now, beside those of whole files
        self._sound: set[tuple[int, int, int]] = set()  # files that this process has written or checked
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, key: Mapping[str, Any]) -> AnyArray | None:
        """Give the stored array, memory-mapped read-only, or None, and mark it as just used."""
        path = self._path(key)
        array = self._get_here(key, path)
        if array is None and self._fetch(path):
            return self._get_here(key, path)
        return array

    def _fetch(self, path: Path) -> bool:
        """Copy a file from the shared tier, where it is there and here is room for it."""
        if self._shared is None or not self.limit:
            return False
        size = self._shared.size(path.name)
        return size is not None and self._make_room(size) and self._shared.fetch(path.name, path)

    def _get_here(self, key: Mapping[str, Any], path: Path) -> AnyArray | None:
        try:
            with path.open("rb") as file:
                if not self._is_sound(file, _encoded(key)):
                    path.unlink(missing_ok=True)
                    return None
                array: AnyArray = open_array(path)
            os.utime(path)
        except (OSError, ValueError, EOFError):  # not there
            return None
        return array

    @contextlib.contextmanager
    def writing(self, key: Mapping[str, Any], shape: tuple[int, ...], dtype: str) -> Iterator[AnyArray | None]:
        """Give a writable array that is kept under ``key`` when the block ends without an error.

        It is None where the array is larger than the whole budget, or than what the disk has left. Older arrays are
        removed to make room.

        Where the file is removed meanwhile, by ``tlsearch cache clear`` for instance, nothing is kept.

        Raises:
            RunError: The folder cannot be written.
        """
        sealed = _encoded(key)
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize + HEADER_BYTES
        path = self._path(key)
        kept = size + len(sealed) + _SEAL.size
        has_room = self._make_room(kept)
        with atomic_path(path) as partial:
            array = self._allocated(partial, shape, dtype, size) if has_room else None
            if array is None:
                yield None
                return
            self._pending += kept
            try:
                yield array
                array.flush()
                self._finish(partial, sealed)
            finally:
                self._pending -= kept
        if self._shared is not None:
            self._shared.put(path.name, path)

    @contextlib.contextmanager
    def one_at_a_time(self, work: Mapping[str, Any]) -> Iterator[None]:
        """Keep other processes from the same ``work`` until the block ends: they wait, and find it done.

        Where nothing is kept, nobody waits; nor longer than ``MOST_WAITING``, after which work is done twice, or
        than there is time.
        """
        with contextlib.ExitStack() as stack:
            if self.limit:
                with contextlib.suppress(TimeoutError):
                    lock = self.directory / f".{key_digest(work)}.lock"
                    stack.enter_context(file_lock(lock, timeout=max(0.0, min(MOST_WAITING, seconds_left()))))
            yield

    def scratch(self, shape: tuple[int, ...], dtype: str) -> AnyArray:
        """Give a writable array on disk that counts for no budget and goes away with its last reference.

        Raises:
            RunError: The disk is full.
        """
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            return scratch_array(self.directory, shape, dtype)
        except OSError as error:
            raise self._unusable(error, size) from error

    def _allocated(self, partial: Path, shape: tuple[int, ...], dtype: str, size: int) -> StoredArray | None:
        """A new array in the file ``partial``; None where the disk, or memory in its place, has no room for it."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)  # somebody may have removed it while the run goes on
            return create_array(partial, shape, dtype)
        except OSError as error:
            if error.errno in (*FULL, errno.ENOMEM):
                return None
            raise self._unusable(error, size) from error

    def _finish(self, partial: Path, sealed: bytes) -> None:
        """Put the key and the seal behind the array."""
        try:
            with partial.open("r+b") as file:
                end = file.seek(0, os.SEEK_END)
                checksum = _checksum(file, end)
                file.seek(end)
                file.write(sealed + _SEAL.pack(checksum, len(sealed), _MARK))
                file.flush()
                self._sound.add(_identity(file))
        except FileNotFoundError:  # it was removed
            return
        except OSError as error:
            raise self._unusable(error, len(sealed)) from error

    def _is_sound(self, file: IO[bytes], sealed: bytes) -> bool:
        """Whether a file holds the array of this key, and its bytes are those that were written."""
        end = file.seek(0, os.SEEK_END)
        values = end - _SEAL.size - len(sealed)
        if values < HEADER_BYTES:
            return False
        file.seek(values)
        if file.read(len(sealed)) != sealed:
            return False
        checksum, length, mark = _SEAL.unpack(file.read(_SEAL.size))
        if mark != _MARK or length != len(sealed):
            return False
        identity = _identity(file)
        if identity not in self._sound:
            if _checksum(file, values) != checksum:
                return False
            self._sound.add(identity)
        return True

    def _unusable(self, error: OSError, size: int) -> RunError:
        remedy = "make room there, or name another cache folder with --cache-dir"
        return unusable(self.directory, size, error, remedy)

    def info(self) -> StoreInfo:
        """Give how much is kept now."""
        sizes = [size for _, size, _ in self._entries()]
        return StoreInfo(self.directory, len(sizes), sum(sizes))

    def clear(self) -> StoreInfo:
        """Remove everything, left-overs of killed processes included, and give how much it was."""
        info = self.info()
        for pattern in ("*.npy", "*.part"):
            for path in self.directory.glob(pattern):
                path.unlink(missing_ok=True)
        return info

    def _path(self, key: Mapping[str, Any]) -> Path:
        return self.directory / f"{key_digest(key)}.npy"

    def _entries(self) -> list[tuple[float, int, Path]]:
        entries = []
        for path in self.directory.glob("*.npy"):
            with contextlib.suppress(FileNotFoundError):  # another process may evict at the same time
                stat = path.stat()
                entries.append((stat.st_mtime, stat.st_size, path))
        return sorted(entries)

    def _make_room(self, size: int) -> bool:
        size += self._pending
        if size > self.limit:
            return False
        self._remove_left()
        entries = self._entries()
        total = sum(entry[1] for entry in entries)
        for _, held, path in entries:
            if total + size <= self.limit:
                break
            with contextlib.suppress(OSError):  # where a mapped file cannot be removed it simply stays
                path.unlink(missing_ok=True)
                total -= held
        return True

    def _remove_left(self) -> None:
        """Remove what processes that were killed have left half written; it would count for no budget.

        The number of a process says nothing of one on another machine, so that the age counts too.
        """
        import psutil  # which most commands do not wait for

        for path in self.directory.glob(".*.part"):
            writer = _ON_ITS_WAY.search(path.name)
            with contextlib.suppress(OSError):
                old = time.time() - path.stat().st_mtime > LEFT_SECONDS
                if old and writer and not psutil.pid_exists(int(writer["process"])):
                    path.unlink(missing_ok=True)


def _encoded(key: Mapping[str, Any]) -> bytes:
    return json.dumps(key, sort_keys=True).encode()


def _checksum(file: IO[bytes], size: int) -> int:
    """CRC-32 of the first ``size`` bytes of a file."""
    file.seek(0)
    checksum = 0
    while size > 0:
        chunk = file.read(min(size, _CHUNK))
        if not chunk:
            break
        checksum = zlib.crc32(chunk, checksum)
        size -= len(chunk)
    return checksum


def _identity(file: IO[bytes]) -> tuple[int, int, int]:
    stat = os.fstat(file.fileno())
    return stat.st_dev, stat.st_ino, stat.st_size
