"""The watch over work that does not end by itself."""

from __future__ import annotations

import threading

from tlsearch.worker.watch import Watch


def test_what_takes_too_long_is_ended() -> None:
    ended = threading.Event()
    with Watch(0.01, ended.set) as watch:
        assert ended.wait(10)
    assert watch.has_ended_it


def test_what_ends_in_time_is_let() -> None:
    ended = threading.Event()
    with Watch(0.05, ended.set) as watch:
        pass
    assert not ended.wait(0.2)
    assert not watch.has_ended_it


def test_nothing_is_ended_after_the_work() -> None:
    """The timer may have fired just as the work ended."""
    calls: list[int] = []
    watch = Watch(100.0, lambda: calls.append(1))
    with watch:
        pass
    watch._fire()
    assert calls == []
