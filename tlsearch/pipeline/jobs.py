"""Jobs that ask the worker for something in between: one after the other, or side by side on several workers.

A job is a generator. It yields what it asks for and is sent the reply with the worker that gave it. So everything that
a job does itself happens in one thread, in turns, whatever the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from tlsearch.errors import OutOfMemoryError
from tlsearch.worker.client import WorkerDiedError, WorkerLostError
from tlsearch.worker.events import Listener
from tlsearch.worker.pool import Worker, WorkerPool
from tlsearch.worker.protocol import Request
from tlsearch.worker.retry import REPEATS
from tlsearch.worker.side_by_side import Desk, SideBySide

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """What a job asks the worker for, and who takes its events."""

    request: Request[Any]
    listener: Listener


Reply = tuple[Any, Worker]
"""The reply to a request, and the worker that gave it, which does nothing else until the job asks again or ends."""

Job = Generator[Asked, Reply, T]


def run_jobs(pool: WorkerPool, jobs: Sequence[Job[T]]) -> Generator[Future[T], None, None]:
    """Run jobs.

    Gives:
        What each returned or raised, in their order. With one worker a job begins when the one before it was taken.
    """
    if len(pool.workers) == 1 or len(jobs) == 1:
        yield from (_in_turn(pool, job) for job in jobs)
        return
    with SideBySide[Any](pool) as side:
        yield from _Jobs(jobs, side).results()


def _in_turn(pool: WorkerPool, job: Job[T]) -> Future[T]:
    result: Future[T] = Future()
    asked = _advance(job, lambda: next(job), result)
    while asked is not None:
        try:
            reply = _repeated(lambda _, asked=asked: pool.main.send(asked.request, asked.listener), pool.repeats)  # type: ignore[misc]
        except BaseException as error:
            asked = _advance(job, lambda error=error: job.throw(error), result)  # type: ignore[misc]
        else:
            asked = _advance(job, lambda reply=reply: job.send((reply, pool.main)), result)  # type: ignore[misc]
    return result


def _advance(job: Job[T], step: Callable[[], Asked], result: Future[T]) -> Asked | None:
    """Let a job go on until it asks for something; None where it is over and ``result`` is set."""
    try:
        return step()
    except StopIteration as end:
        result.set_result(end.value)
    except Exception as error:
        result.set_exception(error)
    return None


def _repeated(send: Callable[[bool], Any], repeats: bool) -> Any:
    """The reply to a request.

    Where its worker has lost its place, or it may have failed for what runs beside it, it is repeated alone.
    """
    for attempt in range(REPEATS):
        try:
            return send(attempt > 0)
        except WorkerLostError:
            continue
        except (OutOfMemoryError, WorkerDiedError):
            if not repeats:
                raise
    return send(True)


class _Jobs:
    """Jobs that run side by side."""

    def __init__(self, jobs: Sequence[Job[Any]], side: SideBySide[Any]) -> None:
        self._jobs, self._side = jobs, side
        self._results: list[Future[Any]] = [Future() for _ in jobs]
        self._waiting = list(range(len(jobs)))

    def results(self) -> Generator[Future[Any], None, None]:
        """Give the results of the jobs in their order."""
        try:
            for result in self._results:
                self._start_what_can()
                while not result.done():
                    self._take(*self._side.next_result())
                    self._start_what_can()
                yield result
        except BaseException:
            self._side.stop()
            for job in self._jobs:
                with suppress(BaseException):  # each is told; what interrupts is raised below
                    job.throw(KeyboardInterrupt())
            raise

    def _start_what_can(self) -> None:
        while self._waiting and self._side.can_start():
            place = self._waiting.pop(0)
            job = self._jobs[place]
            self._ask(place, _advance(job, lambda job=job: next(job), self._results[place]))  # type: ignore[misc]

    def _ask(self, place: int, asked: Asked | None) -> None:
        if asked is not None:
            self._side.start(place, lambda desk: _exchange(desk, asked))

    def _take(self, name: object, worker: Worker, reply: Future[Any]) -> None:
        """Let the job go on whose reply is there; its worker is free then."""
        place = int(str(name))
        job, error = self._jobs[place], reply.exception()
        step = (lambda: job.send((reply.result(), worker))) if error is None else (lambda: job.throw(error))
        asked = _advance(job, step, self._results[place])
        self._side.release(worker)
        self._ask(place, asked)


def _exchange(desk: Desk, asked: Asked) -> Any:
    return _repeated(lambda alone: desk.send(asked.request, asked.listener, alone=alone), repeats=True)
