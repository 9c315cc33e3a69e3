"""When work must be over: whoever gives it says so, and whoever does it asks between one piece and the next.

A limit holds for all that is called in its block, however deep, in the same thread. So nothing in between has to carry
it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tlsearch.errors import OutOfTimeError

_end: ContextVar[float] = ContextVar("end", default=math.inf)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Give what is done in the block so many seconds; None gives it no limit of its own.

    Of limits around each other, the one that ends first holds.
    """
    end = math.inf if seconds is None else time.monotonic() + seconds
    token = _end.set(min(_end.get(), end))
    try:
        yield
    finally:
        _end.reset(token)


@contextmanager
def no_time_limit() -> Iterator[None]:
    """Let what is done in the block come to its end, whatever limits there are around it."""
    token = _end.set(math.inf)
    try:
        yield
    finally:
        _end.reset(token)


def seconds_left() -> float:
    """Give the seconds until the work must be over; below 0 where they have passed, infinite without a limit."""
    return _end.get() - time.monotonic()


def check_time() -> None:
    """Raise ``OutOfTimeError`` where the time of the work is over.

    It is called between two pieces of work, where nothing is left half done.
    """
    if seconds_left() < 0:
        raise OutOfTimeError("its time was over")
