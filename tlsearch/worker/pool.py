"""The worker processes of a run: how many there are, and how much memory they hold together."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from tlsearch.config_values import FEWEST_BYTES
from tlsearch.worker.activity import Doing, Spent
from tlsearch.worker.events import Listener
from tlsearch.worker.protocol import Request
from tlsearch.worker.solved import is_solved

T = TypeVar("T")


class Worker(Protocol):
    """A process that handles one request at a time, here or on another machine.

    ``tlsearch.worker.client.WorkerClient`` is one. Whatever carries the same requests elsewhere can take its place.
    """

    def start(self) -> None:
        """Start the process without waiting for it."""

    def send(self, request: Request[T], listener: Listener | None = None) -> T:
        """Give the reply to a request; see ``WorkerClient.send``."""

    def setup(self) -> Sequence[Request[object]]:
        """Give the setups that it was sent: the last of each class."""
        return ()

    def follow(self, other: Worker) -> None:
        """Take over the setup of another worker."""

    def use_threads(self, threads: int | None) -> None:
        """Use so many threads from now on; None uses all cores."""

    def memory(self) -> int:
        """Give the bytes that the process holds for itself now; 0 without a process."""

    def has_place(self) -> bool:
        """Whether nobody else computes where the process runs; else nothing shall run there beside others."""
        return True

    def doing(self) -> tuple[Doing | None, str]:
        """Give what it does now, None where it is idle, and on which machine; empty for this one."""
        return None, ""

    def spent(self) -> Sequence[Spent]:
        """Give what it has done."""
        return ()

    def interrupt(self) -> bool:
        """End the process from another thread than the one that sends: it gets a ``WorkerDiedError``.

        Returns:
            Whether there was one.
        """
        return False

    def close(self) -> None:
        """End the process."""

    def kill(self) -> None:
        """End the process at once."""


class WorkerPool:
    """Worker processes, on this machine or elsewhere.

    Attributes:
        main: The first of them, which handles whatever is not run side by side.
        workers: All of them.
        threads: The threads of each; None where it uses all cores.
        repeats: Whether a trial in which its worker died, or ran out of memory, is run once more as it was, alone.
            Then what comes of it does not depend on what ran beside it.
        memory: The bytes that all workers together may hold; None without a limit.
        solvers: How many of the workers, the last ones, get what is solved (see ``tlsearch.worker.solved``) and nothing
            else, while all others get the rest; 0 where every worker gets everything.
        last: What a worker ran last, by its ``id``: what it has compiled may serve once more.
        began: When the pool was made, on the clock of ``time.monotonic``.
        watch: Is called about once a second while several workers are waited for.
    """

    def __init__(self, make: Callable[[], Worker], make_near: Callable[[], Worker] | None = None) -> None:
        """Begin with one worker.

        Args:
            make: Gives a worker, which is not started yet.
            make_near: Gives one on this machine, where the others are elsewhere.
        """
        self._make, self._make_near = make, make_near
        self._near: Worker | None = None
        self.workers = [make()]
        self.threads: int | None = None
        self.repeats = False
        self.memory: int | None = None
        self.solvers = 0
        self.last: dict[int, Hashable] = {}
        self.began = time.monotonic()
        self.watch: Callable[[], None] = lambda: None
        self._largest = FEWEST_BYTES

    @property
    def main(self) -> Worker:
        """The first worker."""
        return self.workers[0]

    @property
    def near(self) -> Worker:
        """A worker on this machine, which sees the user's files: the first one, or where that is elsewhere its own."""
        if self._make_near is None:
            return self.main
        if self._near is None:
            self._near = self._make_near()
            self._near.use_threads(self.threads)
        return self._near

    def able(self, *, solved: bool) -> Sequence[Worker]:
        """Give the workers that get what is solved, or those that get the rest; all of them where there is one kind."""
        first = len(self.workers) - self.solvers
        if not self.solvers:
            return self.workers
        return self.workers[first:] if solved else self.workers[:first]

    def worker_for(self, request: Request[object]) -> Worker:
        """Give the first worker of those that get such requests, with the setup of the main one."""
        worker = self.able(solved=is_solved(request))[0]
        if worker is not self.main:
            worker.follow(self.main)
        return worker

    def settle(
        self, count: int, threads: int | None, *, repeats: bool = False, memory: int | None = None, solvers: int = 0
    ) -> None:
        """Have ``count`` workers with so many threads each. A process with another number of threads is ended.

        ``solvers`` must be fewer than ``count``: the main worker is none of them.
        """
        while len(self.workers) < count:
            self.workers.append(self._make())
        while len(self.workers) > count:
            self.workers.pop().close()
        for worker in self.workers:
            worker.use_threads(threads)
        self.threads, self.repeats, self.memory, self.solvers = threads, repeats, memory, solvers

    def start(self) -> None:
        """Start all processes, so that their imports overlap with other work."""
        for worker in self.workers:
            worker.start()

    @contextmanager
    def aside(self, threads: int) -> Iterator[Worker]:
        """Give a worker on this machine, beside the others, with so many threads; it is ended with the block."""
        worker = (self._make_near or self._make)()
        worker.use_threads(threads)
        try:
            yield worker
        finally:
            worker.kill()

    def has_room_for(self, worker: Worker) -> bool:
        """Whether ``worker`` may begin something beside what runs: it has a place of its own, and memory allows it.

        It is expected to grow as large as the largest worker that was seen so far.
        """
        if not worker.has_place():
            return False
        if self.memory is None:
            return True
        held = {id(each): each.memory() for each in self.workers}
        self._largest = max(self._largest, *held.values())
        return sum(held.values()) - held[id(worker)] + self._largest <= self.memory

    @property
    def everybody(self) -> list[Worker]:
        """All workers, the one on this machine last where the others are elsewhere."""
        return self.workers if self._near is None else [*self.workers, self._near]

    def close(self) -> None:
        """End all processes."""
        for worker in self.everybody:
            worker.close()

    def __enter__(self) -> WorkerPool:
        """Give the pool."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes at once."""
        for worker in self.everybody:
            worker.kill()
