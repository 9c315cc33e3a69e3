"""Several things that are done side by side on the workers, whose results are given in their order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from typing import Generic, TypeVar

from tlsearch.worker.pool import Worker
from tlsearch.worker.side_by_side import SideBySide

T = TypeVar("T")
R = TypeVar("R")


class InOrder(ABC, Generic[T, R]):
    """Several things that are done side by side, whose results are given in their order.

    Each begins as soon as a worker is free. What happens when one begins, when a job of it is over, and when all are
    interrupted is told by a subclass, whose methods are called in the thread that takes the results.
    """

    def __init__(self, side: SideBySide[T], order: Iterable[int]) -> None:
        """Begin with nothing done.

        Args:
            side: Runs the jobs, each under the place of what it belongs to.
            order: The places, from 0, in the order in which they begin.
        """
        self.side = side
        self._waiting = list(order)
        self._places = range(len(self._waiting))

    @abstractmethod
    def begin(self, place: int) -> None:
        """Begin with what is at this place: start a job, or find out that there is nothing to do."""

    @abstractmethod
    def take(self, place: int, worker: Worker, reply: Future[T]) -> None:
        """Take what came of a job, and release its worker."""

    @abstractmethod
    def is_over(self, place: int) -> bool:
        """Whether the result of this place is known."""

    @abstractmethod
    def result(self, place: int) -> R:
        """Give the result of this place, which is over, and so are all before it."""

    @abstractmethod
    def interrupt(self) -> None:
        """Tell whoever follows that nothing goes on; the jobs are stopped already."""

    def results(self) -> Generator[R, None, None]:
        """Give the results in their order, each as soon as all before it were given."""
        try:
            for place in self._places:
                self._start_what_can()
                while not self.is_over(place):
                    name, worker, reply = self.side.next_result()
                    self.take(int(str(name)), worker, reply)
                    self._start_what_can()
                yield self.result(place)
        except BaseException:
            self.side.stop()
            self.interrupt()
            raise

    def is_solved(self, place: int) -> bool:
        """Whether what is at this place begins with a job that is only solved; see ``tlsearch.worker.solved``."""
        return False

    def _start_what_can(self) -> None:
        """Begin in the order, but for what has to wait for a worker of its kind while there are others."""
        while True:
            kinds = {place: self.is_solved(place) for place in self._waiting}
            can = {solved: self.side.can_start(solved=solved) for solved in set(kinds.values())}
            place = next((place for place in self._waiting if can[kinds[place]]), None)
            if place is None:
                return
            self._waiting.remove(place)
            self.begin(place)
