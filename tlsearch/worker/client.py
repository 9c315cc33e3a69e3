"""The parent's side of the worker process: start it, call it, renew it, end it.

The parent never imports a backend; every extraction and training is a call into ``python -m tlsearch.worker``.
Messages (``wire``) go through the child's standard input and output. Down: ``("call", name, kwargs)`` and ``("reply",
value)``. Up: ``("event", value)``, to be answered by a reply, ``("result", value)`` and ``("error", kind, message,
traceback, plugin)``.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from tlsearch import errors
from tlsearch.errors import RunError, TlsearchError, TrialError
from tlsearch.worker import protocol as wire

RENEW_AFTER = 25
"""Trials that one worker process runs: a library that leaks, ours or a plugin's, can leak so long."""

START_AHEAD = 2
"""Trials before a renewal at which the next process is started, so that its imports are over when it is needed."""

EventHandler = Callable[[Any], Any]


class WorkerDiedError(RunError):
    """The worker process ended in the middle of a call: a crash in native code, or the system ran out of memory.

    ``code`` is its exit code; below zero, the signal that ended it.
    """

    code: int | None = None


class Worker:
    """A worker process that is started when it is first needed and renewed every ``RENEW_AFTER`` trials.

    ``log`` receives what the child prints. ``setup`` calls are remembered and repeated in every new process.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._next: subprocess.Popen[bytes] | None = None
        self._setup: dict[str, dict[str, Any]] = {}
        self._trials = 0

    def start(self) -> None:
        """Start the process without waiting for it, so that its imports overlap with other work."""
        if self._process is None:
            if self._next is not None and self._next.poll() is not None:
                self._drop_next()
            self._process, self._next = self._next or self._launch(), None

    def _launch(self) -> subprocess.Popen[bytes]:
        environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONFAULTHANDLER="1")
        with self._log.open("ab") as log:
            # -P: a keras.py or queue.py in the user's folder must not be taken for the real one.
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "tlsearch.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )

    def setup(self, name: str, **kwargs: Any) -> Any:
        """Call ``name`` now and again at the start of every later process."""
        self._setup[name] = kwargs
        return self.call(name, **kwargs)

    def trial(self, name: str, on_event: EventHandler | None = None, **kwargs: Any) -> Any:
        """``call`` for a trial: counts it, and renews the process before it where that is due."""
        if self._trials >= RENEW_AFTER:
            self._end()
        self._trials += 1
        soon = self._trials > RENEW_AFTER - START_AHEAD
        if soon and self._process is not None and self._next is None:
            self._next = self._launch()
        return self.call(name, on_event, **kwargs)

    def call(self, name: str, on_event: EventHandler | None = None, **kwargs: Any) -> Any:
        """The result of function ``name`` in the worker.

        ``on_event`` gets what the function emits and returns what the function gets back. A ``TlsearchError``
        raised there is raised here with the same class and message; any other exception there becomes a
        ``TrialError`` whose ``traceback`` attribute holds the text. Raises ``WorkerDiedError`` when the process ends.
        """
        if self._process is None:
            self.start()
            for setup, arguments in self._setup.items():
                if setup != name:
                    self._exchange(setup, None, arguments)
        return self._exchange(name, on_event, kwargs)

    def _exchange(self, name: str, on_event: EventHandler | None, kwargs: dict[str, Any]) -> Any:
        requests, answers = self._pipes()
        try:
            wire.send(requests, ("call", name, kwargs))
            kind, *content = wire.receive(answers)
            while kind == "event":
                wire.send(requests, ("reply", on_event(content[0]) if on_event else None))
                kind, *content = wire.receive(answers)
        except (EOFError, BrokenPipeError, wire.MessageError) as error:
            code = self._end()
            died = WorkerDiedError(
                f"The worker process ended with code {code} during '{name}'; what it printed is in {self._log}."
            )
            died.code = code
            raise died from error
        except BaseException:
            # Interrupted in the middle: what the child says next would be taken for the answer to a later call.
            self.kill()
            raise
        if kind == "error":
            raise _rebuilt(*content)
        return content[0]

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RunError("The worker process is not running.")
        return process.stdin, process.stdout  # type: ignore[return-value]  # Popen types them as IO[bytes]

    def _end(self) -> int | None:
        process, self._process, self._trials = self._process, None, 0
        return None if process is None else _ended(process)

    def close(self) -> None:
        """End the process; a later call starts a new one."""
        self._end()
        self._drop_next()

    def kill(self) -> None:
        """End the process at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
        self._end()
        self._drop_next()

    def _drop_next(self) -> None:
        if self._next is not None:
            self._next.kill()
            _ended(self._next)
            self._next = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Close the pipes, wait, and give the exit code."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            # The process may be gone already, with bytes for it still in the buffer.
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    try:
        return process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _rebuilt(kind: str, message: str, traceback: str, plugin: str) -> TlsearchError:
    """The child's exception: one of ours by name, or a failed trial."""
    known = getattr(errors, kind, None)
    error = known(message) if isinstance(known, type) and issubclass(known, TlsearchError) else TrialError(message)
    error.traceback, error.plugin = traceback, plugin
    return error
