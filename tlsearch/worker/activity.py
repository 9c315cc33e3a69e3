"""What a worker does now, and what it has done when: for people who wait, and for the record of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SHORTEST = 0.05
"""Seconds below which what a worker has done is not remembered: most questions to it take a few milliseconds."""

MOST_SPANS = 5000
"""What is remembered of one worker at most; the first of it."""


@dataclass(frozen=True)
class Doing:
    """Something that a worker is at.

    Attributes:
        kind: What kind of work it is; see ``Request.kind``.
        subject: The trial or the network that it is about; empty without one.
        since: When it began, on the clock of ``time.monotonic``.
    """

    kind: str
    subject: str
    since: float


@dataclass(frozen=True)
class Spent:
    """Something that a worker has done, in so many seconds, on the machine ``node``; empty for this one."""

    doing: Doing
    seconds: float
    node: str


class Activity:
    """The activity of one worker. Any thread may read it."""

    def __init__(self) -> None:
        """Begin idle."""
        self._lock = threading.Lock()
        self._now: Doing | None = None
        self._spent: list[Spent] = []

    @property
    def now(self) -> Doing | None:
        """What the worker is at; None where it is idle."""
        return self._now

    @property
    def spent(self) -> tuple[Spent, ...]:
        """What it has done, in order."""
        with self._lock:
            return tuple(self._spent)

    @contextmanager
    def during(self, kind: str, subject: str, node: Callable[[], str]) -> Iterator[None]:
        """Be at something in the block; ``node`` says in the end where that was."""
        doing = self._now = Doing(kind, subject, time.monotonic())
        try:
            yield
        finally:
            self._now = None
            seconds = time.monotonic() - doing.since
            with self._lock:
                if seconds >= SHORTEST and len(self._spent) < MOST_SPANS:
                    self._spent.append(Spent(doing, seconds, node()))
