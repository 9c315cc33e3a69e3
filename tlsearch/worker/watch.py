"""Ends work that does not end by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

AGAIN_SECONDS = 0.25
"""Where there was nothing to end, as between two processes, it is tried again after so long."""


class Watch:
    """Calls ``end`` in another thread where a block takes longer than ``seconds``, and never after the block.

    Attributes:
        has_ended_it: Whether there was something to end.
    """

    def __init__(self, seconds: float, end: Callable[[], bool]) -> None:
        """Watch nothing yet.

        Args:
            seconds: How long the block may take.
            end: Ends what runs and says whether anything did. Where nothing did, it is called again a while later.
        """
        self.has_ended_it = False
        self._end, self._is_over = end, False
        self._lock = threading.Lock()
        self._timer = self._fires_in(seconds)

    def _fires_in(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._fire)
        timer.daemon = True
        return timer

    def _fire(self) -> None:
        with self._lock:
            if self._is_over:
                return
            self.has_ended_it = self._end()
            if not self.has_ended_it:
                self._timer = self._fires_in(AGAIN_SECONDS)
                self._timer.start()

    def __enter__(self) -> Watch:
        """Begin."""
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no longer."""
        with self._lock:
            self._is_over = True
            self._timer.cancel()
