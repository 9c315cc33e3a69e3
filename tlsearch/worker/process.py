"""The process behind a ``WorkerClient``: what it must be able to do, and the one that runs on this machine."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from tlsearch.backend import THREADS
from tlsearch.utils.child_python import child_environment
from tlsearch.utils.machine import LIBRARY_VARIABLES, thread_variables
from tlsearch.worker.channel import Channel, Messages

LONGEST_LINE = 300
"""Letters of the last line of a worker that are part of a message."""

_WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Ended:
    """How a process came to its end.

    Attributes:
        how: What people read: "ended with code 3".
        code: Its exit code; below zero, the signal that ended it; None where nobody knows it.
        last_line: The last line that it printed; empty where it printed nothing.
        place_lost: Whether the machine on which it ran was lost, or the way to it: no fault of what it did.
    """

    how: str
    code: int | None = None
    last_line: str = ""
    place_lost: bool = False

    @classmethod
    def with_code(cls, code: int | None, last_line: str = "") -> Ended:
        """A process whose exit code is known, or one that was not there."""
        return cls(f"ended with code {code}", code, last_line)

    def during(self, activity: str) -> str:
        """How it ended while it did what ``activity`` says ("ran a trial"), and the last line that it printed.

        A process that was killed says nothing of why: what it printed last is a list of what it was doing.
        """
        last_words = f": {self.last_line}" if self.last_line and self.code is not None and self.code >= 0 else ""
        return f"{self.how} while it {activity}{last_words}"


class WorkerProcess(Protocol):
    """A process that runs ``python -m tlsearch.worker``, here or on another machine."""

    @property
    def channel(self) -> Messages:
        """Sends it messages and receives those that it sends."""

    def is_running(self) -> bool:
        """Whether it has not ended."""

    def has_ended(self) -> bool:
        """Whether it is known to have ended, as far as this is known without asking another machine."""

    def memory(self) -> int:
        """Give the bytes that it holds for itself now, without mapped files; 0 where nobody knows."""

    def kill(self) -> None:
        """End it at once, without waiting. It may be called from any thread."""

    def end(self) -> Ended:
        """Let it end, end it where it does not, and say how it ended."""


class Place(Protocol):
    """Where the processes of one worker run, one after the other."""

    @property
    def node(self) -> str:
        """How people know the machine; empty for this one, and where it is not known."""

    def launch(self, threads: int | None) -> WorkerProcess:
        """Start a process that uses so many threads (None: all cores), without waiting for it."""

    def is_own(self) -> bool:
        """Whether nobody else computes there; else the worker is a guest, because its own place was lost."""


class LocalPlace:
    """This machine."""

    node = ""

    def __init__(self, log: Path) -> None:
        """Processes print into ``log``."""
        self._log = log

    def launch(self, threads: int | None) -> WorkerProcess:
        """Start a child of this process."""
        return LocalProcess(self._log, threads)

    def is_own(self) -> bool:
        """Always: as many workers as are wanted share this machine."""
        return True


class LocalProcess:
    """A worker process that is a child of this one.

    Attributes:
        popen: The child.
    """

    def __init__(self, log: Path, threads: int | None, settings: Mapping[str, str] | None = None) -> None:
        """Start it.

        Args:
            log: Receives what it prints.
            threads: The threads that it may use; None for all cores.
            settings: Further variables of its environment.
        """
        self._log = log
        settings = {**(settings or {}), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **limits_of(threads)}
        environment = child_environment(**settings)
        with log.open("ab") as stream:
            self._log_start = stream.tell()
            # -P: a keras.py or queue.py in the user's folder must not be taken for the real one.
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "tlsearch.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=environment,
            )
        if self.popen.stdin is None or self.popen.stdout is None:
            raise RuntimeError("a child with pipes has none")  # what Popen's types allow
        self.channel = Channel(self.popen.stdout, self.popen.stdin)  # type: ignore[arg-type]  # Popen types them as IO[bytes]

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return not self.has_ended()

    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.popen.poll() is not None

    def memory(self) -> int:
        """Give the bytes that it holds for itself now."""
        try:
            used = psutil.Process(self.popen.pid).memory_info()
        except psutil.Error:
            return 0
        return int(used.rss - getattr(used, "shared", 0))

    def kill(self) -> None:
        """End it at once."""
        self.popen.kill()

    def end(self) -> Ended:
        """Close the pipes, wait, and give the exit code."""
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                # The process may be gone already, with bytes for it still in the buffer.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            code = self.popen.wait(timeout=_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            code = self.popen.wait()
        return Ended.with_code(code, self._last_line())

    def _last_line(self) -> str:
        try:
            printed = self._log.read_bytes()[self._log_start :].decode("utf-8", "replace").strip()
        except OSError:
            return ""
        return printed.splitlines()[-1].strip()[:LONGEST_LINE] if printed else ""


def limits_of(threads: int | None) -> Mapping[str, str]:
    """Give the variables of the environment of a process that uses so many threads; None: as many as it may."""
    return thread_variables() if threads is None else dict.fromkeys((THREADS, *LIBRARY_VARIABLES), str(threads))
