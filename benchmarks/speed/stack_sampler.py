"""A sampling profiler: it looks at the stack of a thread every few milliseconds.

Nothing of what is watched is changed or wrapped. Each sample is counted with the time since the last one, for the part
whose rule comes first among those that match a frame of the stack. Times are ``time.monotonic``, which on one machine
all processes share.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import NamedTuple

PERIOD = 0.002
"""Seconds between two samples."""


class Rule(NamedTuple):
    """Frames of a module and those below it, of these ``functions`` or, where none is named, of all.

    The module "" stands for every one.
    """

    part: str
    module: str
    functions: tuple[str, ...] = ()


class Segment(NamedTuple):
    """A time in which one part was seen in every sample."""

    start: float
    end: float
    part: str


class Sampler:
    """Samples the thread that made it, from ``start`` until ``stop``, which gives what was seen."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Sample by ``rules``, of which the first that matches counts."""
        self._rules = rules
        self._thread_id = threading.get_ident()
        self._known: dict[CodeType, int] = {}
        self._segments: list[Segment] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="benchmark-sampler", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> list[Segment]:
        """Sample no more; gives the segments in their order."""
        self._ended.set()
        self._thread.join()
        return self._segments

    def _sample(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(PERIOD):
            now = time.monotonic()  # before the sample: what is seen has not ended by then
            frame = sys._current_frames().get(self._thread_id)
            if frame is not None:
                self._add(last, now, self._part(frame))
            last = now

    def _add(self, start: float, end: float, part: str) -> None:
        before = self._segments[-1] if self._segments else None
        if before is not None and before.part == part and before.end == start:
            self._segments[-1] = before._replace(end=end)
        else:
            self._segments.append(Segment(start, end, part))

    def _part(self, innermost: FrameType) -> str:
        first = len(self._rules)
        frame: FrameType | None = innermost
        while frame is not None:
            first = min(first, self._place(frame))
            frame = frame.f_back
        return self._rules[first].part if first < len(self._rules) else "unknown"

    def _place(self, frame: FrameType) -> int:
        """The first rule that a frame matches."""
        code = frame.f_code
        place = self._known.get(code)
        if place is None:
            module = _module_name(frame)
            matching = (
                number
                for number, rule in enumerate(self._rules)
                if f"{module}.".startswith(f"{rule.module}." if rule.module else "")
                and (not rule.functions or code.co_name in rule.functions)
            )
            place = self._known[code] = next(matching, len(self._rules))
        return place


def _module_name(frame: FrameType) -> str:
    """The module of a frame's code; that of ``python -m NAME`` is NAME."""
    spec = frame.f_globals.get("__spec__")
    return str(getattr(spec, "name", None) or frame.f_globals.get("__name__", ""))


def seconds_by_part(segments: Sequence[Segment], windows: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Seconds of each part within the ``windows`` (start, end); both in order and without overlap."""
    found: dict[str, float] = {}
    first = 0
    for segment in segments:
        while first < len(windows) and windows[first][1] <= segment.start:
            first += 1
        for start, end in windows[first:]:
            if start >= segment.end:
                break
            inside = min(segment.end, end) - max(segment.start, start)
            found[segment.part] = found.get(segment.part, 0.0) + inside
    return found
