"""Work in threads: order, errors, and how much is in flight."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from tlsearch.data.images import parallel
from tlsearch.data.images.parallel import in_batches, map_files, map_stream


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


def test_items_without_end_are_taken_as_far_as_results_are_asked_for() -> None:
    taken = itertools.count()
    results = map_stream(str, (next(taken) for _ in itertools.repeat(None)), workers=2, ahead=5)
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    results.close()
    assert next(taken) == 3 + 4


def test_few_items_are_taken_where_they_hold_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MOST_HELD", 100)
    release = threading.Event()
    taken = itertools.count()

    def work(item: int) -> int:
        release.wait(10)
        return item

    results = map_stream(work, iter(lambda: next(taken), None), workers=1, ahead=50, weigh=lambda item: 30)
    asked = threading.Thread(target=lambda: next(results))
    asked.start()
    time.sleep(0.1)
    release.set()
    asked.join(10)
    assert next(taken) == 4  # 120 bytes are above the limit
    results.close()


def test_an_item_is_let_go_when_its_work_is_done() -> None:
    class Large:
        pass

    seen: list[weakref.ref[Large]] = []

    def items() -> Iterator[Large]:
        for _ in range(6):
            item = Large()
            seen.append(weakref.ref(item))
            yield item
            del item

    results = map_stream(lambda item: None, items(), workers=1, ahead=3)
    next(results)
    next(results)
    time.sleep(0.1)
    gc.collect()
    assert [reference() for reference in seen[:2]] == [None, None]
    results.close()


def test_what_items_raise_comes_behind_the_results_of_what_came_before() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise ValueError("no more")

    seen: list[list[str]] = []
    with pytest.raises(ValueError, match="no more"):
        seen.extend(in_batches(map_stream(str, items(), workers=2), 2))
    assert seen == [["0", "1"], ["2"]]


def test_batches() -> None:
    assert list(in_batches(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_batches(iter(range(4)), 2)) == [[0, 1], [2, 3]]
    assert list(in_batches(iter(()), 2)) == []
