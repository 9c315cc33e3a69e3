"""The comparison of training steps: a quick run, and how turns become figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.groups import GROUPS
from benchmarks.speed import suffix_step

Quick = Callable[..., Result]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_quick_run_times_every_way(quick: Quick) -> None:
    result = quick(suffix_step.main)
    times = result.figures["milliseconds"]
    assert {"tlsearch", "Keras, float32", "Keras, mixed_bfloat16"} <= set(times)
    assert all(milliseconds > 0 for milliseconds in times.values())
    group = GROUPS["suffix-step"]
    assert "| Keras, float32 |" in group.render(result)
    assert result.figures["best_other"] in group.brief(result)


def test_shares_are_those_of_the_same_turn() -> None:
    found = suffix_step.compared({"tlsearch": [1.0, 3.0, 2.0], "slow": [4.0, 6.0, 4.0], "fast": [2.0, 4.0, 2.0]})
    assert found["milliseconds"] == {"tlsearch": 2000.0, "slow": 4000.0, "fast": 2000.0}
    assert found["share_of_the_time"] == {"tlsearch": 1.0, "slow": 0.5, "fast": 0.75}
    assert found["best_other"] == "fast"


def test_ways_take_turns_after_one_that_warms_up(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    clock = iter(range(100))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    ways = {name: lambda name=name: called.append(name) for name in ("tlsearch", "other")}
    assert suffix_step.take_turns(ways, turns=2, steps=1) == {"tlsearch": [1.0, 1.0], "other": [1.0, 1.0]}
    assert called == ["tlsearch", "tlsearch", "other", "other"] * 3
