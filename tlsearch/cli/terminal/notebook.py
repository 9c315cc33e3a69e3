"""The line that moves in a notebook, which has no cursor to move: an output that is replaced."""

from __future__ import annotations

import time
from typing import Any

REFRESH_SECONDS = 0.5
"""A browser is not told more often."""


class NotebookLine:
    """One line of text in the output of a cell. ``close`` empties it."""

    def __init__(self) -> None:
        """Shows nothing yet."""
        self._handle: Any = None
        self._shown = -REFRESH_SECONDS

    def show(self, text: str) -> None:
        """Replaces the line, unless that was done a moment ago."""
        if time.monotonic() - self._shown < REFRESH_SECONDS:
            return
        self._shown = time.monotonic()
        self._replace(text)

    def close(self) -> None:
        """Empties the line."""
        if self._handle is not None:
            self._replace("")
            self._handle = None

    def _replace(self, text: str) -> None:
        from IPython.display import display

        data = {"text/plain": text}
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(data, raw=True)
