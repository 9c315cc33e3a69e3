"""The comparison of float32 with bfloat16: a quick run, and its ratios."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.groups import GROUPS
from benchmarks.speed import precision

Quick = Callable[..., Result]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_quick_run_times_every_way(quick: Quick, stub: Path) -> None:
    result = quick(precision.main, "--network", "stub@32")
    (row,) = result.figures["networks"].values()
    for what in ("forward", "step"):
        assert list(row[what]) == list(precision.WAYS)
        assert row[what][precision.FLOAT32]["ratio"] == 1.0
    assert row["distance"][precision.FLOAT32] == 0.0
    assert 0 < row["distance"][precision.POLICY] < 0.05  # another arithmetic, nearly the same features
    assert set(row["probe"]) == set(precision.WAYS)
    group = GROUPS["precision"]
    assert "stub, 32 px" in group.render(result)
    assert "times as fast" in group.brief(result)


def test_a_ratio_is_that_of_the_same_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    taken = {precision.FLOAT32: iter([9.0, 9.0, 2.0, 4.0, 6.0]), precision.POLICY: iter([9.0, 9.0, 1.0, 1.0, 2.0])}

    def call(way: str) -> Callable[[], None]:
        def run() -> None:
            nonlocal clock
            clock += next(taken[way])

        return run

    monkeypatch.setattr("time.process_time", lambda: clock)
    found = precision._turns({way: call(way) for way in taken}, 3)
    assert found[precision.FLOAT32] == {"seconds": 4.0, "ratio": 1.0}
    assert found[precision.POLICY] == {"seconds": 1.0, "ratio": 3.0}  # of 2, 4 and 3
