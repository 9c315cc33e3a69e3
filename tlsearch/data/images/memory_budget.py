"""Memory that threads share: together they hold no more than there is, and wait for each other where they must."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class MemoryBudget:
    """So many bytes, of which threads take what they need for a while.

    Args:
        size: The bytes that are taken at most. What needs more is alone while it has them.
    """

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._change = Condition()

    @contextmanager
    def take(self, needed: int) -> Iterator[None]:
        """Wait until ``needed`` bytes are free, and hold them inside. Not to be nested in one thread."""
        held = min(needed, self._size)
        with self._change:
            self._change.wait_for(lambda: self._free >= held)
            self._free -= held
        try:
            yield
        finally:
            with self._change:
                self._free += held
                self._change.notify_all()
