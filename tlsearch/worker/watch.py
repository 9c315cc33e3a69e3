"""Ends work that does not end by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Watch:
    """Calls ``end`` in another thread where a block takes longer than ``seconds``, and never after the block.

    Attributes:
        has_ended_it: Whether it was called.
    """

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        """Watch nothing yet."""
        self.has_ended_it = False
        self._end, self._is_over = end, False
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def _fire(self) -> None:
        with self._lock:
            if not self._is_over:
                self.has_ended_it = True
                self._end()

    def __enter__(self) -> Watch:
        """Begin."""
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no longer."""
        self._timer.cancel()
        with self._lock:
            self._is_over = True
