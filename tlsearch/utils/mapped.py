"""Arrays in files that are mapped into memory; where a file system maps no files, they are read and written instead."""

from __future__ import annotations

import errno
import mmap
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tlsearch.utils.files import reserve
from tlsearch.utils.machine import usable_memory

_CANNOT_MAP = (errno.ENODEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EACCES, errno.EPERM)

_HEADER_BYTES = 128
_PROBE_BYTES = 4096

MEMORY_SHARE = 0.5
"""The share of usable memory that an array may take which cannot be mapped."""


class HeldArray(np.ndarray[Any, Any]):
    """An array in memory that ``flush`` writes into its file, as it does for a mapped one."""

    file: Path | None = None

    def flush(self) -> None:
        """Write the whole array; parts of it, which have no file, write nothing."""
        if self.file is not None:
            with self.file.open("r+b") as stream:
                np.lib.format.write_array(stream, np.asarray(self), allow_pickle=False)


StoredArray: TypeAlias = np.memmap[Any, Any] | HeldArray


def create_array(file: Path, shape: tuple[int, ...], dtype: str) -> StoredArray:
    """Give a new ``.npy`` file of this shape and type, to be written, whose room on the disk is set aside.

    Where the file system maps no files, the array is in memory and gets into the file with ``flush``.

    Raises:
        OSError: The file cannot be made, the disk is full, or the array can neither be mapped nor held in memory; then
            it leaves no file.
    """
    try:
        array = _mapped(file, shape, np.dtype(dtype))
        with file.open("r+b") as stream:
            reserve(stream, array.nbytes + _HEADER_BYTES)
    except OSError:
        file.unlink(missing_ok=True)
        raise
    return array


def _mapped(file: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> StoredArray:
    try:
        mapped: np.memmap[Any, Any] = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)
    except OSError as error:
        if not _is_refusal(error):
            raise
        held = _in_memory(shape, dtype).view(HeldArray)
        held.file = file
        return held
    return mapped


def open_array(file: Path) -> npt.NDArray[Any]:
    """Give the array of a ``.npy`` file, read-only: mapped, or read where the file system maps no files.

    Raises:
        OSError: The file is not there or cannot be read.
        ValueError: It is no such file.
    """
    try:
        found: npt.NDArray[Any] = np.load(file, mmap_mode="r")
    except OSError as error:
        if not _is_refusal(error):
            raise
        found = np.load(file)
        found.setflags(write=False)
    return found


def scratch_array(folder: Path, shape: tuple[int, ...], dtype: str) -> npt.NDArray[Any]:
    """Give a writable array in a file of ``folder`` that goes away with its last reference, or in memory.

    Raises:
        OSError: The disk is full, or the array can neither be mapped nor held in memory.
    """
    kind = np.dtype(dtype)
    with TemporaryFile(dir=folder) as file:
        reserve(file, int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
        try:
            return np.memmap(file, dtype=kind, mode="r+", shape=shape)
        except OSError as error:
            if not _is_refusal(error):
                raise
    return _in_memory(shape, kind)


def read_rows(file: IO[bytes], count: int, shape: tuple[int, ...], rows: Any) -> npt.NDArray[np.uint8]:
    """Give a copy of some rows of a file of ``count`` rows, uint8 (n, *shape); the file may be anywhere afterwards.

    The file is mapped for this call only, so that what was read of it does not pile up in memory.
    """
    try:
        mapped = np.memmap(file, np.uint8, "r", shape=(count, *shape))
    except OSError as error:
        if not _is_refusal(error):
            raise
    else:
        return np.array(mapped[rows])
    wanted = np.arange(count)[rows]
    found = np.empty((len(wanted), *shape), np.uint8)
    for place, row in enumerate(wanted):
        file.seek(int(row) * found[0].nbytes)
        found[place] = np.frombuffer(file.read(found[0].nbytes), np.uint8).reshape(shape)
    return found


def map_fault(folder: Path) -> str:
    """Say what the system has against mapping files of ``folder`` into memory; empty where it maps them.

    Raises:
        OSError: No file can be made there.
    """
    with TemporaryFile(dir=folder) as file:
        file.truncate(_PROBE_BYTES)
        try:
            with mmap.mmap(file.fileno(), _PROBE_BYTES) as mapped:
                mapped[:1] = b"x"
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _is_refusal(error: OSError) -> bool:
    """Whether the system has opened the file, and does not map it: an error of opening it has the file's name."""
    return error.errno in _CANNOT_MAP and error.filename is None


def _in_memory(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    size, most = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize, int(MEMORY_SHARE * usable_memory())
    if size > most:
        what = f"files there cannot be mapped, and memory has {most / 1e9:.1f} GB for such an array"
        raise OSError(errno.ENOMEM, what)
    return np.zeros(shape, dtype)
