"""Interruptions: which there are, and keeping them out of what must be done as a whole."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

PATIENCE = 5.0
"""Seconds that an interruption waits for a library to come to the end of what it does."""

_PAUSE = 0.05

# What they set up when they are first used, and keep in the process, is left half done by an interruption: the same
# process could not read its databases any more, to close its runs or to resume them.
_FRAGILE = ("sqlalchemy", "alembic", "optuna", "mlflow", "importlib", "_frozen_importlib")

_BY_HAND = (signal.SIGINT,)
# What systems send to end a program: at the end of a time limit, when the terminal is closed.
_AT_THE_END_OF_A_TERMINAL = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
_BY_SYSTEM = (signal.SIGTERM, *_AT_THE_END_OF_A_TERMINAL)


@contextmanager
def interruptible(*, program: bool) -> Iterator[None]:
    """Inside, Ctrl-C raises ``KeyboardInterrupt`` as soon as no library is at work that it would leave half done.

    In a ``program`` of our own, what a system sends to end it does the same, and a second signal ends the process at
    once. Elsewhere, as in a notebook, a second one does what it did before. The end of a terminal is ignored where it
    was, as with ``nohup``. In other threads than the main one, which no interruption reaches, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (*_BY_HAND, *(_BY_SYSTEM if program else ())) if n not in _ignored()]
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}
    after: dict[Any, Any] = dict.fromkeys(numbers, signal.SIG_DFL) if program else before
    handler = _Interruption(lambda: _set(after))
    _set(dict.fromkeys(numbers, handler))
    try:
        yield
    finally:
        handler.over = True
        _set(before)


def _ignored() -> list[int]:
    """What the end of a terminal sends, where it is ignored. That Ctrl-C is in a background job is nobody's choice."""
    return [number for number in _AT_THE_END_OF_A_TERMINAL if signal.getsignal(number) == signal.SIG_IGN]


def _set(handlers: dict[Any, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


class _Interruption:
    """A handler that raises ``KeyboardInterrupt``, and sends its signal again in a moment where that would do harm."""

    def __init__(self, before_raising: Callable[[], None]) -> None:
        self._before_raising = before_raising
        self._first: float | None = None
        self._sent_again = False
        self._raised = False
        self.over = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        by_a_person = self._first is not None and not self._sent_again
        self._sent_again = False
        first = self._first = self._first or now
        if by_a_person or now - first > PATIENCE or not _inside_fragile(frame):
            self._raised = True
            self._before_raising()
            raise KeyboardInterrupt
        threading.Thread(target=self._send_again, args=(number,), name="tlsearch-interrupt", daemon=True).start()

    def _send_again(self, number: int) -> None:
        time.sleep(_PAUSE)
        main = threading.main_thread().ident
        # Nobody waits for it any more where the block is over, or a second signal has raised already. Another handler
        # may be in front of this one for a moment (``defer_interrupts``): it passes the signal on.
        if main is not None and not self.over and not self._raised:
            self._sent_again = True
            _send(main, number)


def _send(thread: int, number: int) -> None:
    """Send a signal to the main thread of this process, whose number is ``thread``."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread, number)
    else:  # Windows, where nothing that waits is woken up
        _thread.interrupt_main(signal.Signals(number))


def _inside_fragile(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _FRAGILE:
            return True
        frame = frame.f_back
    return False


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

    numbers = [number for number in (*_BY_HAND, *_BY_SYSTEM) if number not in _ignored()]
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}
    for number in before:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])
