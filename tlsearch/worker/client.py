"""The parent's side of the worker process: start it, send it requests, renew it, end it.

The parent never imports a backend; every extraction and training is a request to ``python -m tlsearch.worker``.
Messages go through the child's standard input and output.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tlsearch import errors
from tlsearch.errors import RunError, TlsearchError, TrialError
from tlsearch.types import Decision
from tlsearch.utils.child_python import child_environment
from tlsearch.utils.serialize import MESSAGE
from tlsearch.worker.channel import Channel, MessageError, decode
from tlsearch.worker.events import Event, Failure, Listener
from tlsearch.worker.protocol import Request, reply_type
from tlsearch.worker.threads import limits_of

T = TypeVar("T")

LONGEST_LINE = 300
"""Letters of the last line of a worker that are part of a message."""

RENEW_AFTER = 25
"""Trials that one worker process runs: a library that leaks, ours or a plugin's, can leak so long."""

START_AHEAD = 2
"""Trials before a renewal at which the next process is started, so that its imports are over when it is needed."""


class WorkerDiedError(RunError):
    """The worker process ended in the middle of a request: a crash in native code, or the system ran out of memory.

    ``code`` is its exit code; below zero, the signal that ended it.
    """

    code: int | None = None


class WorkerClient:
    """A worker process that is started when it is first needed and renewed every ``RENEW_AFTER`` trials.

    ``log`` receives what the child prints.
    """

    def __init__(self, log: Path) -> None:
        """Start nothing yet."""
        self._log = log
        self._log_start = 0
        self._threads: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._next: subprocess.Popen[bytes] | None = None
        self._setup: dict[type[Request[Any]], Request[Any]] = {}
        self._trials = 0

    def start(self) -> None:
        """Start the process without waiting for it, so that its imports overlap with other work."""
        if self._process is None:
            if self._next is not None and self._next.poll() is not None:
                self._drop_next()
            self._process, self._next = self._next or self._launch(), None

    def _launch(self) -> subprocess.Popen[bytes]:
        limits = limits_of(self._threads)
        environment = child_environment(PYTHONUNBUFFERED="1", PYTHONFAULTHANDLER="1", **limits)
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            # -P: a keras.py or queue.py in the user's folder must not be taken for the real one.
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "tlsearch.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )

    def use_threads(self, threads: int | None) -> None:
        """Use so many threads from now on; None uses all cores. A process with another number is ended."""
        if threads != self._threads:
            self.close()
            self._threads = threads

    def follow(self, other: Any) -> None:
        """Take over the setup of another worker, as far as this one has not got it yet."""
        for kind, request in list(other._setup.items()):
            if self._setup.get(kind) is not request:
                self.send(request)

    def memory(self) -> int:
        """Give the bytes that the process holds for itself now, without mapped files; 0 without a process."""
        process = self._process
        if process is None:
            return 0
        try:
            used = psutil.Process(process.pid).memory_info()
        except psutil.Error:
            return 0
        return int(used.rss - getattr(used, "shared", 0))

    def interrupt(self) -> None:
        """End the process from another thread than the one that sends, which then gets a ``WorkerDiedError``."""
        process = self._process
        if process is not None:
            process.kill()

    def send(self, request: Request[T], listener: Listener | None = None) -> T:
        """Give the reply to ``request``.

        A request that is a setup is sent again at the start of every later process. One that counts as a trial renews
        the process first, where that is due.

        Args:
            request: What the worker shall do.
            listener: Gets the events of the request and decides about them.

        Raises:
            TlsearchError: The worker raised it: the same class with the same message. Any other exception there is a
                ``TrialError`` here, whose ``traceback`` attribute holds the text.
            WorkerDiedError: The process ended.
        """
        if request.is_setup:
            self._setup[type(request)] = request
        if request.counts_as_trial:
            self._count_trial()
        if self._process is None:
            self.start()
            for setup in self._setup.values():
                if type(setup) is not type(request):
                    self._exchange(setup, None)
        return self._exchange(request, listener)

    def _count_trial(self) -> None:
        """Renew the process where that is due, and start the next one ahead of that."""
        if self._trials >= RENEW_AFTER:
            self._end()
        self._trials += 1
        soon = self._trials > RENEW_AFTER - START_AHEAD
        if soon and self._process is not None and self._next is None:
            self._next = self._launch()

    def _exchange(self, request: Request[T], listener: Listener | None) -> T:
        channel, name = self._channel(), type(request).__name__
        try:
            channel.send("request", [name, MESSAGE.encode(request)])
            kind, content = channel.receive()
            while kind == "event":
                event: Event = decode(Event, content)
                decision = listener(event) if listener is not None else Decision.CONTINUE
                channel.send("decision", decision.value)
                kind, content = channel.receive()
            reply = decode(Failure if kind == "failure" else reply_type(type(request)), content)
        except (EOFError, BrokenPipeError, MessageError) as error:
            code = self._end()
            died = WorkerDiedError(
                f"The worker process ended with code {code} while it {request.activity}{self._last_line(code)}; "
                f"what it printed is in {self._log}."
            )
            died.code = code
            raise died from error
        except BaseException:
            # Interrupted in the middle: what the child sends next would be taken for the reply to a later request.
            self.kill()
            raise
        if isinstance(reply, Failure):
            raise _rebuilt(reply)
        given: T = reply
        return given

    def _last_line(self, code: int | None) -> str:
        """The last line that the process printed, behind a colon; empty where it printed nothing.

        A process that was killed says nothing of why: what stands there is a list of what it was doing.
        """
        if code is None or code < 0:
            return ""
        try:
            printed = self._log.read_bytes()[self._log_start :].decode("utf-8", "replace").strip()
        except OSError:
            return ""
        return f": {printed.splitlines()[-1].strip()[:LONGEST_LINE]}" if printed else ""

    def _channel(self) -> Channel:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RunError("The worker process is not running.")
        return Channel(process.stdout, process.stdin)  # type: ignore[arg-type]  # Popen types them as IO[bytes]

    def _end(self) -> int | None:
        process, self._process, self._trials = self._process, None, 0
        return None if process is None else _ended(process)

    def close(self) -> None:
        """End the process; a later request starts a new one."""
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

    def __enter__(self) -> WorkerClient:
        """Give the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process at once."""
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


def _rebuilt(failure: Failure) -> TlsearchError:
    """The child's exception: one of ours by name, or a failed trial."""
    known = getattr(errors, failure.error, None)
    kind = known if isinstance(known, type) and issubclass(known, TlsearchError) else TrialError
    error = kind(failure.message)
    error.traceback, error.plugin = failure.traceback, failure.plugin
    return error
