"""When the program was started: whoever limits its time began to count when the command was given."""

from __future__ import annotations

import time
from contextvars import ContextVar

LONGEST_START = 20.0
"""Seconds that the interpreter and the first imports take at most, on a cold disk far away. A process that is older was
something else before: a script that waits, or fetches images, and then becomes the program with ``exec``."""

_noted: ContextVar[tuple[float, float] | None] = ContextVar("noted", default=None)
"""When the process was noted to be the program, by the clock of the system and by ``time.monotonic``."""


def note_program() -> None:
    """Note that this process is the program itself, and not one that uses the package."""
    _noted.set((time.time(), time.monotonic()))


def program_seconds() -> float:
    """Give the seconds since the program was started, its imports among them; 0 where this is another program.

    Since it was noted they are those of a clock that nobody sets.
    """
    if (noted := _noted.get()) is None:
        return 0.0
    import psutil  # which most commands do not wait for

    before = noted[0] - float(psutil.Process().create_time())
    return min(LONGEST_START, max(0.0, before)) + time.monotonic() - noted[1]
