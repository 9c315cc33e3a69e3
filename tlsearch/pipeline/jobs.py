"""Jobs that ask the worker for something in between: one after the other, or side by side on several workers.

A job is a generator. It asks with ``reply, worker = yield from ask(request, listener)``. So everything that a job does
itself happens in one thread, in turns, whatever the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tlsearch.pipeline.in_order import InOrder
from tlsearch.worker.events import Listener
from tlsearch.worker.pool import Worker, WorkerPool
from tlsearch.worker.protocol import Request
from tlsearch.worker.retry import repeated
from tlsearch.worker.side_by_side import Desk, SideBySide
from tlsearch.worker.solved import is_solved

T = TypeVar("T")
R = TypeVar("R")


class Send(Protocol):
    """Has a worker handle a request."""

    def __call__(self, request: Request[R], listener: Listener, /) -> R:
        """Give the reply; events of the request reach ``listener``."""


@dataclass(frozen=True)
class Asked:
    """What a job asks the worker for; ``ask`` makes it.

    Attributes:
        exchange: Has the request handled by the function that it gets, and keeps the reply for the job. So whoever runs
            jobs need not know the type of the reply.
        request: The request.
    """

    exchange: Callable[[Send], None]
    request: Request[object]


Job = Generator[Asked, Worker, T]
"""Yields what it asks for and is sent the worker that has replied.

That worker does nothing else until the job asks again or ends.
"""


def ask(request: Request[R], listener: Listener) -> Job[tuple[R, Worker]]:
    """Ask the worker from within a job, with ``yield from``; gives the reply and the worker that gave it."""
    replies: list[R] = []
    worker = yield Asked(lambda send: replies.append(send(request, listener)), request)
    return replies[-1], worker


def run_jobs(pool: WorkerPool, jobs: Sequence[Job[T]]) -> Generator[Future[T], None, None]:
    """Run jobs.

    Gives:
        What each returned or raised, in their order. With one worker a job begins when the one before it was taken.
    """
    if len(pool.workers) == 1 or len(jobs) == 1:
        yield from (_in_turn(pool, job) for job in jobs)
        return
    with SideBySide[None](pool) as side:
        yield from _Jobs(jobs, side).results()


def _in_turn(pool: WorkerPool, job: Job[T]) -> Future[T]:
    result: Future[T] = Future()
    asked = _advance(lambda: next(job), result)
    while asked is not None:
        try:
            worker = repeated(lambda alone, asked=asked: _exchange_alone(pool, asked), repeats=pool.repeats)  # type: ignore[misc]
        except BaseException as error:
            asked = _advance(lambda error=error: job.throw(error), result)  # type: ignore[misc]
        else:
            asked = _advance(lambda worker=worker: job.send(worker), result)  # type: ignore[misc]
    return result


def _exchange_alone(pool: WorkerPool, asked: Asked) -> Worker:
    worker = pool.worker_for(asked.request)
    asked.exchange(worker.send)
    return worker


def _advance(step: Callable[[], Asked], result: Future[T]) -> Asked | None:
    """Let a job go on until it asks for something; None where it is over and ``result`` is set."""
    try:
        return step()
    except StopIteration as end:
        result.set_result(end.value)
    except Exception as error:
        result.set_exception(error)
    return None


class _Jobs(InOrder[None, Future[T]]):
    """Jobs that run side by side."""

    def __init__(self, jobs: Sequence[Job[T]], side: SideBySide[None]) -> None:
        super().__init__(side, range(len(jobs)))
        self._jobs = jobs
        self._results: list[Future[T]] = [Future() for _ in jobs]

    def begin(self, place: int) -> None:
        job = self._jobs[place]
        self._ask(place, _advance(lambda: next(job), self._results[place]))

    def take(self, place: int, worker: Worker, reply: Future[None]) -> None:
        """Let the job go on whose reply is there; its worker is free then."""
        job, error = self._jobs[place], reply.exception()
        step = (lambda: job.send(worker)) if error is None else (lambda: job.throw(error))
        asked = _advance(step, self._results[place])
        self.side.release(worker)
        self._ask(place, asked)

    def is_over(self, place: int) -> bool:
        return self._results[place].done()

    def result(self, place: int) -> Future[T]:
        return self._results[place]

    def interrupt(self) -> None:
        for job in self._jobs:
            with suppress(BaseException):  # each is told; what interrupts is raised by ``results``
                job.throw(KeyboardInterrupt())

    def _ask(self, place: int, asked: Asked | None) -> None:
        if asked is not None:
            self.side.start(place, lambda desk: _exchange(desk, asked), solved=is_solved(asked.request))


def _exchange(desk: Desk, asked: Asked) -> None:
    def once(alone: bool) -> None:
        def send(request: Request[R], listener: Listener, /) -> R:
            return desk.send(request, listener, alone=alone)

        asked.exchange(send)

    repeated(once, repeats=True)
