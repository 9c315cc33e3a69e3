"""The ledger of test openings: how often each test set has been opened, by which run.

A test set that is opened again and again ends up choosing the winner (Dwork et al., Science 349 (2015) 636). Nobody
can forbid that, but it can be counted, and every report prints the count.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from tlsearch.errors import RunError, TrackingError
from tlsearch.utils.files import file_lock
from tlsearch.utils.home import user_folder

LEDGER_NAME = "tlsearch-test-openings.jsonl"


def fingerprint_of(hashes: Iterable[str]) -> str:
    """Give a hash of the content hashes of the test images, whatever their order, names and labels are."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def user_ledger() -> Path:
    """Give the ledger of this user, for records that are not kept in a folder of this machine."""
    return user_folder("data") / LEDGER_NAME


@dataclass(frozen=True)
class Ledger:
    """An append-only file with one JSON object a line for every opening. Several processes may write at once.

    An object has ``time``, ``test`` (the fingerprint), ``dataset``, ``output`` and ``run_id``.
    """

    path: Path

    def check(self) -> None:
        """Check, before any work, that the file can be written.

        Raises:
            TrackingError: It cannot.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with file_lock(self._lock), self.path.open("ab"):
                pass
        except OSError as error:
            raise TrackingError(
                f"The ledger of test openings {self.path} cannot be written ({error.strerror}): make its folder "
                "writable, or keep the record elsewhere with --tracking-uri."
            ) from error

    def note(self, fingerprint: str, dataset: str, output: str, run_id: str) -> int:
        """Note that a test set is opened now; call it before the test files are read.

        Args:
            fingerprint: That of the test images.
            dataset: The name of the data set.
            output: The output folder of the run.
            run_id: The run's id in MLflow.

        Returns:
            How often the test set has been opened, this time included.

        Raises:
            RunError: The note cannot be kept: a test set is not opened unseen.
        """
        entry = {
            "time": datetime.now(UTC).isoformat(),
            "test": fingerprint,
            "dataset": dataset,
            "output": output,
            "run_id": run_id,
        }
        line = json.dumps(entry).encode("ascii")
        try:
            with file_lock(self._lock), self.path.open("ab+") as file:
                _append(file, line)
                file.seek(0)
                return _count(file.read().split(b"\n"), fingerprint, line)
        except OSError as error:
            raise RunError(
                f"The opening of the test set cannot be noted in {self.path} ({error.strerror}): make room or make "
                "it writable, and run again."
            ) from error

    def entries(self) -> list[dict[str, str]]:
        """Give every opening, oldest first; lines that are damaged are passed over."""
        try:
            return list(_entries(self.path.read_bytes().split(b"\n")))
        except FileNotFoundError:
            return []

    @property
    def _lock(self) -> Path:
        return self.path.with_name(f".{self.path.name}.lock")


def _append(file: IO[bytes], line: bytes) -> None:
    """Write one line with a single call, which the system appends as a whole, and wait until it is on disk."""
    end = file.seek(0, os.SEEK_END)
    if end:
        file.seek(end - 1)
        if file.read(1) != b"\n":  # whoever wrote last was cut off
            line = b"\n" + line
    file.write(line + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _count(lines: list[bytes], fingerprint: str, own: bytes) -> int:
    """Openings of one test set up to and including ``own``: another process may have written after it."""
    upto = lines.index(own) + 1 if own in lines else len(lines)
    return sum(entry.get("test") == fingerprint for entry in _entries(lines[:upto]))


def _entries(lines: Iterable[bytes]) -> Iterator[dict[str, str]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
