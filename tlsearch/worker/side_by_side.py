"""Jobs on several workers at once, each in a thread of its own; what they call back is called in one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from tlsearch.worker.events import Listener
from tlsearch.worker.pool import Worker, WorkerPool
from tlsearch.worker.protocol import Request

T = TypeVar("T")
R = TypeVar("R")

WATCH_SECONDS = 1.0
"""How often a pool is told to show what its workers do."""


class Stopped(Exception):  # noqa: N818 - no error: nobody wants the result any more
    """The jobs are stopped."""


class Turns:
    """Who runs beside others, and who runs alone."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._change = threading.Condition()
        self._inside = self._waiting = 0
        self._stopped = False

    @contextmanager
    def take(self, *, alone: bool) -> Iterator[None]:
        """Run beside others, or wait until nobody else runs and keep everybody else out. Not to be nested."""
        with self._change:
            self._waiting += alone
            try:
                self._change.wait_for(
                    lambda: self._stopped or (not self._inside if alone else not (self._waiting or self._inside < 0))
                )
            finally:
                self._waiting -= alone
            if self._stopped:
                raise Stopped
            self._inside += -1 if alone else 1
        try:
            yield
        finally:
            with self._change:
                self._inside -= -1 if alone else 1
                self._change.notify_all()

    def stop(self) -> None:
        """Let nobody in any more."""
        with self._change:
            self._stopped = True
            self._change.notify_all()


class Desk:
    """What a job works with: a worker, its turns, and the thread that it calls back."""

    def __init__(self, worker: Worker, side: SideBySide[Any]) -> None:
        """Give a job its worker."""
        self.worker, self._side = worker, side

    def call(self, function: Callable[[], R]) -> R:
        """Have ``function`` called in the thread that takes the results, and give what it returns."""
        given: R = self._side.call(function)
        return given

    def send(self, request: Request[R], listener: Listener, *, alone: bool) -> R:
        """Have the worker handle a request, beside those of other jobs or ``alone``, with the setup of the main worker.

        Events reach ``listener`` in the thread that takes the results.
        """
        with self._side.turns.take(alone=alone):
            self._side.set_up(self.worker)
            return self.worker.send(request, lambda event: self.call(lambda: listener(event)))


@dataclass(frozen=True)
class _Postponed(Generic[T]):
    """A job that waits for a worker; see ``SideBySide.start``."""

    name: Hashable
    job: Callable[[Desk], T]
    like: Hashable
    solved: bool


class SideBySide(Generic[T]):
    """Runs jobs on the workers of a pool. A context manager: what still runs at its end is stopped.

    Jobs may call functions in the thread that calls ``next_result``. So nothing else but the exchange with a worker
    happens in other threads.
    """

    def __init__(self, pool: WorkerPool) -> None:
        """Begin with no job."""
        self._pool = pool
        self._free = list(pool.workers)
        self._threads: list[threading.Thread] = []
        self._queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._done: list[tuple[Hashable, Worker, Future[T]]] = []
        self._postponed: list[_Postponed[T]] = []
        self._stopped = threading.Event()
        self._watched = 0.0
        self.turns = Turns()

    @property
    def running(self) -> int:
        """The number of jobs that are not over."""
        return len(self._pool.workers) - len(self._free)

    def can_start(self, *, solved: bool = False) -> bool:
        """Whether there is a free worker for such a job, and room for one more job beside those that run.

        Args:
            solved: What its requests are; see ``tlsearch.worker.solved``.
        """
        if not self.running:
            return True
        return any(self._pool.has_room_for(worker) for worker in self._free_for(solved=solved))

    def start(self, name: Hashable, job: Callable[[Desk], T], like: Hashable = None, *, solved: bool = False) -> None:
        """Run a job on a free worker, if possible on the one whose last job was ``like`` this one.

        Where all workers that get such jobs are busy, it runs as soon as one of them is released.
        """
        free = self._free_for(solved=solved)
        if not free:
            self._postponed.append(_Postponed(name, job, like, solved))
            return
        own = [worker for worker in free if worker.has_place()] or free[:1]
        worker = next((worker for worker in own if self._pool.last.get(id(worker)) == like), own[0])
        self._free.remove(worker)
        self._pool.last[id(worker)] = like
        self._launch(name, worker, job)

    def _free_for(self, *, solved: bool) -> list[Worker]:
        able = self._pool.able(solved=solved)
        return [worker for worker in self._free if worker in able]

    def _launch(self, name: Hashable, worker: Worker, job: Callable[[Desk], T]) -> None:
        """Run a job in a thread of its own."""
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(job(Desk(worker, self)))
            except BaseException as error:  # it is raised where the result is taken
                result.set_exception(error)
            self._queue.put(lambda: self._done.append((name, worker, result)))

        thread = threading.Thread(target=run, name=f"tlsearch-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def next_result(self) -> tuple[Hashable, Worker, Future[T]]:
        """Wait for the next job that is over, and call what jobs want to have called meanwhile.

        Returns:
            Its name, its worker, which is kept for the caller until ``release``, and its result or exception.
        """
        while not self._done:
            self._watch()
            try:
                function = self._queue.get(timeout=WATCH_SECONDS)
            except Empty:
                continue
            function()
        return self._done.pop(0)

    def _watch(self) -> None:
        if time.monotonic() - self._watched >= WATCH_SECONDS:
            self._watched = time.monotonic()
            self._pool.watch()

    def release(self, worker: Worker) -> None:
        """Let another job have a worker."""
        self._free.append(worker)
        postponed, self._postponed = self._postponed, []
        for each in postponed:
            self.start(each.name, each.job, each.like, solved=each.solved)

    def set_up(self, worker: Worker) -> None:
        """Give a worker what the main one has been given."""
        if worker is not self._pool.main:
            worker.follow(self._pool.main)

    def call(self, function: Callable[[], R]) -> R:
        """Have a function called by ``next_result``; for threads of jobs. What it raises is raised there, too."""
        if self._stopped.is_set():
            raise Stopped
        reply: Future[R] = Future()

        def answer() -> None:
            try:
                reply.set_result(function())
            except BaseException as error:
                reply.set_exception(error)
                raise

        self._queue.put(answer)
        while not reply.done() and not self._stopped.is_set():
            wait([reply], timeout=1.0)
        if not reply.done():
            raise Stopped
        return reply.result()

    def stop(self) -> None:
        """End what still runs, with the processes that it runs on."""
        self._stopped.set()
        self._postponed.clear()
        self.turns.stop()
        while any(thread.is_alive() for thread in self._threads):
            while not self._queue.empty():
                self._queue.get()
            for worker in self._pool.workers:
                if worker not in self._free:
                    worker.interrupt()
            for thread in self._threads:
                thread.join(0.02)

    def __enter__(self) -> SideBySide[T]:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what still runs."""
        self.stop()
