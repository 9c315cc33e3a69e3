"""Large arrays in files, on disks that may be full."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO, Any

import numpy as np

from tlsearch.errors import RunError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""No room on the disk, or in the share of it that this user may use."""

_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL)

_HEADER_BYTES = 128


def create_array(file: Path, shape: tuple[int, ...], dtype: str) -> np.memmap[Any, Any]:
    """A new ``.npy`` file of this shape and type, mapped to be written, whose room on the disk is set aside.

    Raises ``OSError`` where the file cannot be made or the disk is full, and leaves no file then.
    """
    try:
        array: np.memmap[Any, Any] = np.lib.format.open_memmap(file, mode="w+", dtype=np.dtype(dtype), shape=shape)
        with file.open("r+b") as stream:
            reserve(stream, array.nbytes + _HEADER_BYTES)
    except OSError:
        file.unlink(missing_ok=True)
        raise
    return array


def reserve(file: IO[bytes], size: int) -> None:
    """Have the disk set ``size`` bytes aside for a file: writing to a mapped file with holes ends the process when the
    disk is full, where this raises ``OSError``. Where the system cannot, the file has its size and luck decides."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
    except OSError as error:
        if error.errno not in _CANNOT_RESERVE:
            raise
    if file.seek(0, os.SEEK_END) < size:
        os.ftruncate(file.fileno(), size)


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full: the system's own, a database's, or one that came from the worker."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    text = str(error)
    return any(words in text for words in ("No space left on device", "disk is full", "Disk quota exceeded"))


def unusable(folder: Path, size: int, error: OSError, remedy: str) -> RunError:
    """The error for people where ``size`` bytes cannot be written into ``folder``; ``remedy`` says how to fix it."""
    return RunError(f"{folder} cannot hold {size / 1e6:,.1f} MB more ({error.strerror or error}): {remedy}.")
