"""Work on many files in threads: Pillow and hashlib let go of the interpreter's lock, so threads suffice."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TypeAlias, TypeVar

from tlsearch.utils.machine import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

CountListener: TypeAlias = Callable[[int, int], None]
"""Called with (files done, files in all) in the thread that started the work."""

AHEAD = 64
"""Files handed to the threads before their results are taken, so that memory stays flat."""


def map_files(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    progress: CountListener | None = None,
    workers: int | None = None,
) -> Iterator[Result]:
    """The results of ``work`` in the order of ``items``; what has not begun is dropped on an error."""
    with closing(map_stream(work, items, workers)) as results:
        for done, (_, result) in enumerate(results, start=1):
            if progress is not None:
                progress(done, len(items))
            yield result


def map_stream(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None, ahead: int = AHEAD
) -> Generator[tuple[Item, Result], None, None]:
    """Every item with its result, in their order, though ``items`` may have no end.

    Items are taken in the thread that asks for results, ``ahead`` of them before the first result is given. Where
    ``work`` or ``items`` raises, the results of what came before are given first, and what has not begun is dropped.

    Args:
        work: Is called in threads.
        items: Any number of them.
        workers: The number of threads; None takes as many as there are cores.
        ahead: The most items that are held, at least 1.
    """
    pool = ThreadPoolExecutor(workers or usable_cores(), thread_name_prefix="tlsearch-data")
    source = _Source(items)
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        while True:
            for item in islice(source, ahead - len(waiting)):
                waiting.append((item, pool.submit(work, item)))
            if not waiting:
                break
            item, future = waiting.popleft()
            yield item, future.result()
        source.raise_error()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Source(Iterator[Item]):
    """Items until they end or raise; the error is kept for later."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._error: Exception | None = None

    def __next__(self) -> Item:
        if self._error is not None:
            raise StopIteration
        try:
            return next(self._items)
        except StopIteration:
            raise
        except Exception as error:
            self._error = error
            raise StopIteration from None

    def raise_error(self) -> None:
        """Raise what the items have raised."""
        if self._error is not None:
            raise self._error
