"""The feature store: what frozen layers compute, kept as memory-mapped arrays under a byte budget."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HEADER_BYTES = 128
"""What a ``.npy`` file holds besides its values."""


@dataclass(frozen=True)
class StoreInfo:
    """How much a store holds: a number of arrays and their size in bytes."""

    directory: Path
    files: int
    bytes: int


def key_digest(key: Mapping[str, Any]) -> str:
    """The name under which an array is kept: 40 hexadecimal digits that change with each ingredient of ``key``.

    ``key`` must hold everything that can change the numbers; it must be JSON.
    """
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:40]


class FeatureStore:
    """Arrays by key, in one folder, at most ``limit`` bytes of them; the least recently used give way.

    An array appears under its name only when it is complete (temporary name, then rename), with its key beside it
    as JSON; a hit counts only when the key there equals the key asked for. Evicting an array that is still mapped
    is safe on POSIX: its pages live until the map is closed.
    """

    def __init__(self, directory: Path, limit: int) -> None:
        self.directory = directory
        self.limit = limit
        self._pending = 0  # bytes that are being written now, beside those of whole files
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, key: Mapping[str, Any]) -> Array | None:
        """The stored array, memory-mapped read-only, or None. Marks it as just used."""
        path = self._path(key)
        try:
            known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            if known != json.loads(json.dumps(key)):
                return None
            array: Array = np.load(path, mmap_mode="r")
            os.utime(path)
        except (OSError, ValueError, EOFError):  # not there, or not whole after the machine itself went down
            return None
        return array

    @contextlib.contextmanager
    def writing(self, key: Mapping[str, Any], shape: tuple[int, ...], dtype: str) -> Iterator[Array | None]:
        """A writable array that is kept under ``key`` when the block ends without an error.

        Gives None where the array is larger than the whole budget. Older arrays are removed to make room.
        """
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize + HEADER_BYTES
        if not self._make_room(size):
            yield None
            return
        path = self._path(key)
        partial = path.with_name(f"{path.stem}.{os.getpid()}.partial")
        self._pending += size
        try:
            array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.dtype(dtype), shape=shape)
            yield array
            array.flush()
            path.with_suffix(".json").write_text(json.dumps(key, sort_keys=True), encoding="utf-8")
            partial.replace(path)
        finally:
            self._pending -= size
            partial.unlink(missing_ok=True)

    def scratch(self, shape: tuple[int, ...], dtype: str) -> Array:
        """A writable array on disk that counts for no budget and goes away with its last reference."""
        with tempfile.TemporaryFile(dir=self.directory) as file:
            return np.memmap(file, dtype=np.dtype(dtype), mode="w+", shape=shape)

    def info(self) -> StoreInfo:
        """What is kept now."""
        sizes = [size for _, size, _ in self._entries()]
        return StoreInfo(self.directory, len(sizes), sum(sizes))

    def clear(self) -> StoreInfo:
        """Remove everything, left-overs of killed processes included; says what was removed."""
        info = self.info()
        for pattern in ("*.npy", "*.json", "*.partial"):
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
        entries = self._entries()
        total = sum(entry[1] for entry in entries)
        for _, held, path in entries:
            if total + size <= self.limit:
                break
            with contextlib.suppress(OSError):  # where a mapped file cannot be removed it simply stays
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)
                total -= held
        return True
