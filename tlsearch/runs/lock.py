"""One run at a time may write into an output folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tlsearch.errors import UsageError
from tlsearch.utils.files import file_lock, write_atomically

LOCK_NAME = ".tlsearch-lock"

HOLDER_NAME = ".tlsearch-lock.json"
"""The file that says who holds the lock. It lies beside the lock, whose own content belongs to the library."""


@contextmanager
def output_lock(folder: Path) -> Iterator[None]:
    """Keep every other process out of the folder until the block ends.

    The system takes the lock from a process that dies, however it dies, so that what it leaves keeps nobody out. On a
    file system without locks nobody is kept out.

    Raises:
        UsageError: Another process is inside; the message says which one and since when. Or it cannot be written.
    """
    holder = folder / HOLDER_NAME
    with ExitStack() as stack:
        with writing_into(folder):
            try:
                stack.enter_context(file_lock(folder / LOCK_NAME, timeout=0))
            except TimeoutError as error:
                raise UsageError(
                    f"Another run is writing into {folder} ({_who(holder)}): wait for it, end it, or name another "
                    "folder with --output."
                ) from error
            started = datetime.now(UTC).astimezone().isoformat(" ", timespec="seconds")
            write_atomically(holder, json.dumps({"process": os.getpid(), "started": started}))
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Inside, before any work, what the system has against writing into an output folder becomes a ``UsageError``."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be written ({error.strerror or error}): make room there or make it writable, "
            "or name another one with --output."
        ) from error


def _who(holder: Path) -> str:
    try:
        known = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {known['process']}, since {known['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has just begun"
