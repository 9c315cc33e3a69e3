"""The watch over work that does not end by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tlsearch.worker.watch import Watch


def ending(do: Callable[[], object]) -> Callable[[], bool]:
    """Ends something by ``do``."""

    def end() -> bool:
        do()
        return True

    return end


def test_what_takes_too_long_is_ended() -> None:
    ended = threading.Event()
    with Watch(0.01, ending(ended.set)) as watch:
        assert ended.wait(10)
    assert watch.has_ended_it


def test_where_nothing_runs_nothing_was_ended_and_what_begins_later_is() -> None:
    tried, running, ended = threading.Event(), threading.Event(), threading.Event()

    def end() -> bool:
        tried.set()
        if running.is_set():
            assert not ended.is_set()
            ended.set()
        return ended.is_set()

    with Watch(0.01, end) as watch:
        assert tried.wait(10)
        assert not watch.has_ended_it
        running.set()
        assert ended.wait(10)
    assert watch.has_ended_it


def test_what_ends_in_time_is_let() -> None:
    ended = threading.Event()
    with Watch(0.05, ending(ended.set)) as watch:
        pass
    assert not ended.wait(0.2)
    assert not watch.has_ended_it


def test_nothing_is_ended_after_the_work() -> None:
    """The timer may have fired just as the work ended."""
    calls: list[int] = []
    watch = Watch(100.0, ending(lambda: calls.append(1)))
    with watch:
        pass
    watch._fire()
    assert calls == []


def test_no_time_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread waits for less than the longest float; what it raises would be printed, and nothing be watched."""
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    with Watch(1e300, ending(lambda: None)) as watch:
        time.sleep(0.2)
    assert raised == []
    assert not watch.has_ended_it
