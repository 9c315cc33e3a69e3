"""When the program was started: whoever limits its time began to count when the command was given."""

from __future__ import annotations

import time
from contextvars import ContextVar

_is_program: ContextVar[bool] = ContextVar("is_program", default=False)


def note_program() -> None:
    """Note that this process is the program itself, and not one that uses the package."""
    _is_program.set(True)


def program_seconds() -> float:
    """Give the seconds since the program was started, its imports among them; 0 where this is another program."""
    if not _is_program.get():
        return 0.0
    import psutil  # which most commands do not wait for

    return max(0.0, time.time() - float(psutil.Process().create_time()))
