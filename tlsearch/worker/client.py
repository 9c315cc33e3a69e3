"""The parent's side of the worker process: start it, send it requests, renew it, end it.

The parent never imports a backend; every extraction and training is a request to ``python -m tlsearch.worker``.
What carries the messages is the process's own business (``tlsearch.worker.process``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tlsearch import errors
from tlsearch.errors import OutOfTimeError, RunError, TlsearchError, TrialError
from tlsearch.types import Decision
from tlsearch.utils.serialize import MESSAGE
from tlsearch.worker.activity import Activity, Doing, Spent
from tlsearch.worker.channel import MessageError, Messages, decode
from tlsearch.worker.events import Event, Failure, Listener
from tlsearch.worker.pool import Worker
from tlsearch.worker.process import Ended, LocalPlace, Place, WorkerProcess
from tlsearch.worker.protocol import Request, reply_type
from tlsearch.worker.watch import Watch

T = TypeVar("T")

RENEW_AFTER = 25
"""Trials that one worker process runs: a library that leaks, ours or a plugin's, can leak so long."""

KILLED = -9
"""The exit code of a process that SIGKILL has ended. Windows has no such signal, and no code that tells as much."""

PLACES = 4
"""Places that a request is tried in, one after the other, where each but the last is lost meanwhile."""

START_AHEAD = 2
"""Trials before a renewal at which the next process is started, so that its imports are over when it is needed."""


class WorkerDiedError(RunError):
    """The worker process ended in the middle of a request: a crash in native code, or the system ran out of memory.

    ``code`` is its exit code; below zero, the signal that ended it.
    """

    code: int | None = None


class WorkerLostError(WorkerDiedError):
    """The place of the worker process was lost in the middle of a request: a node of the cluster has gone."""


class WorkerClient:
    """A worker process that is started when it is first needed and renewed every ``RENEW_AFTER`` trials.

    Attributes:
        place: Where the process runs.
        activity: What it does, and has done.
    """

    def __init__(self, log: Path, place: Place | None = None) -> None:
        """Start nothing yet.

        Args:
            log: Receives what the process prints.
            place: Where it runs; None for this machine.
        """
        self._log = log
        self.place: Place = place or LocalPlace(log)
        self.activity = Activity()
        self._threads: int | None = None
        self._process: WorkerProcess | None = None
        self._next: WorkerProcess | None = None
        self._setup: dict[type[Request[object]], Request[object]] = {}
        self._trials = 0
        self._interrupted = False

    def start(self) -> None:
        """Start the process without waiting for it, so that its imports overlap with other work."""
        if self._process is None:
            if self._next is not None and not self._next.is_running():
                self._drop_next()
            self._process, self._next = self._next or self.place.launch(self._threads), None
            self._interrupted = False

    def use_threads(self, threads: int | None) -> None:
        """Use so many threads from now on; None uses all cores. A process with another number is ended."""
        if threads != self._threads:
            self.close()
            self._threads = threads

    def setup(self) -> Sequence[Request[object]]:
        """Give the setups that it was sent: the last of each class."""
        return tuple(self._setup.values())

    def follow(self, other: Worker) -> None:
        """Take over the setup of another worker, as far as this one has not got it yet."""
        for request in other.setup():
            if self._setup.get(type(request)) is not request:
                self.send(request)

    def memory(self) -> int:
        """Give the bytes that the process holds for itself now, without mapped files; 0 without a process."""
        process = self._process
        return 0 if process is None else process.memory()

    def has_place(self) -> bool:
        """Whether nobody else computes where the process runs."""
        return self.place.is_own()

    def doing(self) -> tuple[Doing | None, str]:
        """Give what it does now, None where it is idle, and on which machine; empty for this one."""
        return self.activity.now, self.place.node

    def spent(self) -> Sequence[Spent]:
        """Give what it has done."""
        return self.activity.spent

    def interrupt(self) -> bool:
        """End the process from another thread than the one that sends, which then gets a ``WorkerDiedError``.

        Returns:
            Whether there was one.
        """
        process = self._process
        if process is not None:
            self._interrupted = True
            process.kill()
        return process is not None

    def send(self, request: Request[T], listener: Listener | None = None) -> T:
        """Give the reply to ``request``.

        A request that is a setup is sent again at the start of every later process. One that counts as a trial renews
        the process first, where that is due. Where the place of the process is lost, any other request is repeated in
        another place; and it is repeated once where the process was killed from outside, as a system that is short of
        memory does. A trial is repeated by whoever keeps what it has told, and a model that was fitted is gone.

        Args:
            request: What the worker shall do.
            listener: Gets the events of the request and decides about them.

        Raises:
            TlsearchError: The worker raised it: the same class with the same message. Any other exception there is a
                ``TrialError`` here, whose ``traceback`` attribute holds the text.
            OutOfTimeError: The time that the request has was over. Where the process goes on nevertheless, in a plugin
                for example, it is ended.
            WorkerDiedError: The process ended.
            WorkerLostError: Its place was lost.
        """
        was_killed = False
        for _ in range(0 if request.counts_as_trial or request.needs_fitted else PLACES - 1):
            try:
                return self._send(request, listener)
            except WorkerLostError:
                continue
            except WorkerDiedError as error:
                if error.code != KILLED or was_killed or self._interrupted:
                    raise
                was_killed = True
        return self._send(request, listener)

    def _send(self, request: Request[T], listener: Listener | None) -> T:
        if request.is_setup:
            self._setup[type(request)] = request
        with self.activity.during(request.kind, request.subject, lambda: self.place.node):
            if request.counts_as_trial:
                self._count_trial()
            if self._process is not None and not request.needs_fitted and self._process.has_ended():
                self._end()  # while it was idle: the system needed memory, or somebody ended it
            if self._process is None:
                self.start()
                for setup in self._setup.values():
                    if type(setup) is not type(request):
                        self._exchange(setup, None)
            with self._ended_after(request):
                return self._exchange(request, listener)

    @contextmanager
    def _ended_after(self, request: Request[object]) -> Iterator[None]:
        """End the process where a request has not ended by itself a while after its time was over."""
        if request.allowed is None:
            yield
            return
        watch = Watch(max(0.0, request.allowed) + request.grace, self.interrupt)
        try:
            with watch:
                yield
        except WorkerDiedError as error:
            if not watch.has_ended_it:
                raise
            why = f"its time was over, and the worker process that {request.activity} did not end it by itself"
            raise OutOfTimeError(why) from error

    def _count_trial(self) -> None:
        """Renew the process where that is due, and start the next one ahead of that."""
        if self._trials >= RENEW_AFTER:
            self._end()
        self._trials += 1
        soon = self._trials > RENEW_AFTER - START_AHEAD
        if soon and self._process is not None and self._next is None:
            self._next = self.place.launch(self._threads)

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
            reply: Failure | T
            reply = decode(Failure, content) if kind == "failure" else decode(reply_type(type(request)), content)
        except (EOFError, BrokenPipeError, MessageError) as error:
            ended = self._end()
            how = ended.during(request.activity)
            error_kind = WorkerLostError if ended.place_lost else WorkerDiedError
            died = error_kind(f"The worker process {how}; what it printed is in {self._log}.")
            died.code = ended.code
            raise died from error
        except BaseException:
            # Interrupted in the middle: what the child sends next would be taken for the reply to a later request.
            self.kill()
            raise
        if isinstance(reply, Failure):
            raise _rebuilt(reply)
        return reply

    def _channel(self) -> Messages:
        if self._process is None:
            raise RunError("The worker process is not running.")
        return self._process.channel

    def _end(self) -> Ended:
        process, self._process, self._trials = self._process, None, 0
        return Ended.with_code(None) if process is None else process.end()

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
            self._next.end()
            self._next = None

    def __enter__(self) -> WorkerClient:
        """Give the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process at once."""
        self.kill()


def _rebuilt(failure: Failure) -> TlsearchError:
    """The child's exception: one of ours by name, or a failed trial."""
    known = getattr(errors, failure.error, None)
    kind = known if isinstance(known, type) and issubclass(known, TlsearchError) else TrialError
    error = kind(failure.message)
    error.traceback, error.plugin = failure.traceback, failure.plugin
    return error
