"""Work on many files in threads: Pillow and hashlib let go of the interpreter's lock, so threads suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeAlias, TypeVar

from tlsearch.utils.machine import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

CountListener: TypeAlias = Callable[[int, int], None]
"""Called with (files done, files in all) in the thread that started the work."""

_AHEAD = 64  # files handed to the pool before their results are taken, so that memory stays flat


def map_files(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    progress: CountListener | None = None,
    workers: int | None = None,
) -> Iterator[Result]:
    """The results of ``work`` in the order of ``items``; what has not begun is dropped on an error."""
    pool = ThreadPoolExecutor(workers or usable_cores(), thread_name_prefix="tlsearch-data")
    source = iter(items)
    try:
        waiting = [pool.submit(work, item) for item in islice(source, _AHEAD)]
        for done in range(1, len(items) + 1):
            result = waiting.pop(0).result()
            waiting.extend(pool.submit(work, item) for item in islice(source, 1))
            if progress is not None:
                progress(done, len(items))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
