"""Work in threads: order, errors, and how much is in flight."""

from __future__ import annotations

import threading
import time

import pytest

from tlsearch.data.images.parallel import map_files


def test_results_keep_the_order_whatever_finishes_first() -> None:
    def work(item: int) -> int:
        time.sleep(0.02 if item % 7 == 0 else 0)
        return item * item

    assert list(map_files(work, range(200), workers=8)) == [n * n for n in range(200)]
    assert list(map_files(work, [], workers=2)) == []


def test_work_runs_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=10)
    assert sorted(map_files(lambda _: meeting.wait(), range(3), workers=3)) == [0, 1, 2]


def test_an_error_reaches_the_caller_and_stops_the_rest() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 3:
            raise RuntimeError("item 3")

    with pytest.raises(RuntimeError, match="item 3"):
        list(map_files(work, range(10_000), workers=2))
    assert len(begun) < 200


def test_little_is_in_flight_ahead_of_the_caller() -> None:
    begun: list[int] = []
    results = map_files(begun.append, range(10_000), workers=2)
    next(results)
    time.sleep(0.1)
    assert len(begun) < 200
    results.close()  # type: ignore[attr-defined]  # it is a generator
