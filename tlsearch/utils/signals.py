"""Keeping an interruption out of what must be done as a whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Inside, Ctrl-C and a request to end wait until the block is over; a second one ends the process at once.

    For blocks that take a moment. In other threads than the main one, which no interruption reaches, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []

    def wait(number: int, _: object) -> None:
        caught.append(number)
        for name in before:
            signal.signal(name, signal.SIG_DFL)

    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])
