"""Files that appear whole, locks between processes, and disks that may be full."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tlsearch.errors import RunError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""No room on the disk, or in the share of it that this user may use."""

RENAMES_MAPPED = os.name != "nt"
"""Whether the system renames a file that is mapped into memory. Windows does not."""

_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL)
_CANNOT_SYNC = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_CANNOT_LOCK = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOLCK)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; the file takes the place of ``path`` when the block ends.

    After an error in the block the file is removed and ``path`` stays as it was, and so it does where the block has
    written no file. Several processes and threads may write the same ``path`` at once: the last one wins, as a whole.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield temporary
        if temporary.exists():
            _take_the_place(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _take_the_place(temporary: Path, path: Path) -> None:
    """Rename a file; where the system does not as long as the file is mapped (Windows), rename a copy of it."""
    try:
        temporary.replace(path)
    except PermissionError:
        if RENAMES_MAPPED:
            raise
        copy = temporary.with_name(f"{temporary.name}.copy")
        try:
            shutil.copyfile(temporary, copy)
            copy.replace(path)
        finally:
            for left in (copy, temporary):
                with suppress(OSError):  # what is mapped goes with ``tlsearch cache clear``
                    left.unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Write a file that appears with all of its content, or not at all.

    Args:
        path: The file, in a folder that exists.
        content: Text is written in UTF-8.
        durable: Whether to wait until the content is on the disk, so that the file is whole even after the machine
            itself went down.

    Raises:
        OSError: The file cannot be written; what was there before is still there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        file.write(data)
        if durable:
            file.flush()
            _to_disk(file)


def keep_on_disk(place: Path) -> None:
    """Wait until a file, or every file in a folder, is on the disk: it is whole even after the machine went down.

    Raises:
        OSError: The disk cannot take it.
    """
    for path in [place] if place.is_file() else sorted(place.rglob("*")):
        if path.is_file():
            with path.open("r+b") as file:
                _to_disk(file)


def _to_disk(file: IO[bytes]) -> None:
    """Have the system write a file to the disk, where the file system can be asked for it."""
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def moved_path(path: Path, before: Path, now: Path) -> Path:
    """Give where a file or folder is that may have been moved together with a folder.

    It is looked for where it lay as seen from the folder: two folders above it, for instance.

    Args:
        path: Where it was.
        before: Where the folder was, absolute.
        now: Where it is, absolute.

    Returns:
        Where it is now, if nothing is at ``path`` any more and something is there; else ``path``.
    """
    if not path.is_absolute() or _is_there(path):
        return path
    place = Path(os.path.normpath(now / os.path.relpath(path, before)))
    return place if _is_there(place) else path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # it may not be looked at
        return True


@contextmanager
def file_lock(path: Path, timeout: float | None = None) -> Iterator[None]:
    """Keep every other process out of blocks with the same ``path`` until this one ends.

    The system takes the lock from a process that dies, however it dies, so that what it leaves keeps nobody out. On a
    file system without locks nobody waits for anybody.

    Args:
        path: The file that is locked. It is made, with its folder, and removed at the end.
        timeout: Seconds to wait for another process; None waits for as long as it takes.

    Raises:
        TimeoutError: Another process is inside, and was for all of the time.
        OSError: The file cannot be made.
    """
    from filelock import FileLock

    lock = FileLock(path, timeout=-1 if timeout is None else timeout)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a file system has no locks and a file must do
            lock.acquire()
    except OSError as error:
        if error.errno not in _CANNOT_LOCK:
            raise
    try:
        yield
    finally:
        # Inside the lock: whoever has opened the file before and gets its lock now notices that it is gone.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def reserve(file: IO[bytes], size: int) -> None:
    """Have the disk set ``size`` bytes aside for a file.

    Writing to a mapped file with holes ends the process when the disk is full, where this raises ``OSError``. Where
    the system cannot, the file has its size, and the room may be missing later.
    """
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
    """Give the error for people where ``size`` bytes cannot be written into ``folder``; ``remedy`` says the fix."""
    return RunError(f"{folder} cannot hold {size / 1e6:,.1f} MB more ({error.strerror or error}): {remedy}.")
