"""A state of the process that several threads want at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock


class Shared:
    """A context that the first thread enters and the last one leaves, in whatever order they come and go.

    Args:
        make: Makes the context manager that is entered.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[None]]) -> None:
        self._make = make
        self._change = Lock()
        self._holders = 0
        self._entered: AbstractContextManager[None] | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Inside, the context is entered."""
        with self._change:
            if self._holders == 0:
                self._entered = self._make()
                self._entered.__enter__()
            self._holders += 1
        try:
            yield
        finally:
            with self._change:
                self._holders -= 1
                if self._holders == 0 and self._entered is not None:
                    entered, self._entered = self._entered, None
                    entered.__exit__(None, None, None)
