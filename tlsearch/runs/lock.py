"""One run at a time may write into an output folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from tlsearch.errors import UsageError

LOCK_NAME = ".tlsearch-lock"


@contextmanager
def output_lock(folder: Path) -> Iterator[None]:
    """Inside, no other process gets in with the same folder.

    The system takes the lock from a process that dies, however it dies, so that what it leaves keeps nobody out. On
    systems without such locks there is none.

    Raises:
        UsageError: another process is inside; says which one and since when.
    """
    path = folder / LOCK_NAME
    with _locked(path, folder) as file:
        file.truncate(0)
        started = datetime.now(UTC).astimezone().isoformat(" ", timespec="seconds")
        json.dump({"process": os.getpid(), "started": started}, file)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path, folder: Path) -> Iterator[IO[str]]:
    while True:
        with path.open("a+", encoding="utf-8") as file:
            if not _take(file):
                raise UsageError(
                    f"Another run is writing into {folder} ({_who(file)}): wait for it, end it, or name another folder "
                    "with --output."
                )
            # The one before may have removed the file in the moment between opening and locking it.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                yield file
                return


def _take(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _who(file: IO[str]) -> str:
    try:
        file.seek(0)
        known = json.load(file)
        return f"process {known['process']}, since {known['started']}"
    except (ValueError, KeyError, TypeError):
        return "it has just begun"
