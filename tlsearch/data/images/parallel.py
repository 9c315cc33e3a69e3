"""Work on many files in threads: Pillow and hashlib let go of the interpreter's lock, so threads suffice."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from threading import Lock
from typing import Generic, TypeAlias, TypeVar

from tlsearch.utils.machine import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

CountListener: TypeAlias = Callable[[int, int], None]
"""Called with (files done, files in all) in the thread that started the work."""

AHEAD = 64
"""Items handed to the threads before their results are taken, so that memory stays flat."""

MOST_HELD = 256_000_000
"""Bytes of items that wait for a thread, above which no more are taken."""


def map_files(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    progress: CountListener | None = None,
    workers: int | None = None,
) -> Iterator[Result]:
    """The results of ``work`` in the order of ``items``; what has not begun is dropped on an error."""
    with closing(map_stream(work, items, workers)) as results:
        for done, result in enumerate(results, start=1):
            if progress is not None:
                progress(done, len(items))
            yield result


def map_stream(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    ahead: int = AHEAD,
    weigh: Callable[[Item], int] = lambda item: 0,
) -> Generator[Result, None, None]:
    """The results of ``work`` in the order of ``items``, which may have no end.

    Items are taken in the thread that asks for results, ``ahead`` of them before the first result is given. Where
    ``work`` or ``items`` raises, the results of what came before are given first, and what has not begun is dropped.

    Args:
        work: Is called in threads.
        items: Any number of them. One is let go when its work is done.
        workers: The number of threads; None takes as many as there are cores.
        ahead: The most items that are taken before their results, at least 1.
        weigh: The bytes of memory that an item holds. Few items are taken ahead where they hold more than
            ``MOST_HELD`` together.
    """
    pool = ThreadPoolExecutor(workers or usable_cores(), thread_name_prefix="tlsearch-data")
    source, held = _Source(items), _Held()
    waiting: deque[Future[Result]] = deque()
    try:
        while True:
            while len(waiting) < ahead and held.bytes < MOST_HELD and (taken := source.take()):
                (item,) = taken
                waiting.append(held.while_at_work(pool.submit(work, item), weigh(item)))
                del item, taken
            if not waiting:
                break
            yield waiting.popleft().result()
        source.raise_error()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Lists of ``size`` items, the last one of what is left. What ``items`` raise comes behind what came before."""
    error: Exception | None = None
    while error is None:
        batch: list[Item] = []
        try:
            batch.extend(islice(items, size))
        except Exception as raised:
            error = raised
        if batch:
            yield batch
        if error is None and len(batch) < size:
            return
    raise error


class _Held:
    """The bytes of the items whose work is not done."""

    def __init__(self) -> None:
        self.bytes = 0
        self._change = Lock()

    def while_at_work(self, future: Future[Result], size: int) -> Future[Result]:
        """Count ``size`` bytes until the future is done; gives the future."""
        if size:
            self._add(size)
            future.add_done_callback(lambda _: self._add(-size))
        return future

    def _add(self, size: int) -> None:
        with self._change:
            self.bytes += size


class _Source(Generic[Item]):
    """Items until they end or raise; the error is kept for later."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._over = False
        self._error: Exception | None = None

    def take(self) -> tuple[Item] | None:
        """The next item, in a tuple; None where there is none."""
        if self._over:
            return None
        try:
            return (next(self._items),)
        except StopIteration:
            self._over = True
        except Exception as error:
            self._over, self._error = True, error
        return None

    def raise_error(self) -> None:
        """Raise what the items have raised."""
        if self._error is not None:
            raise self._error
