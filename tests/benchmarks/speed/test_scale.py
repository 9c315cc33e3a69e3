"""How a run grows with its images: a quick run, and what is made of several."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.results import Result
from benchmarks.speed import scale

Quick = Callable[..., Result]


@pytest.mark.slow
@pytest.mark.usefixtures("stub")
def test_a_whole_run_is_measured(quick: Quick) -> None:
    result = quick(scale.main, "--backbone", "stub", "--trials", "2")
    (row,) = result.figures["runs"]
    assert row["images"] == 60
    assert row["lookalikes"] == 0
    assert row["trials"] == [3, 3]
    assert row["confirmations"] >= 2
    assert 0.1 < row["peak_gigabytes"] < 3
    # Pooled features of three cuts: averages and maxima of 45 images, and not much more.
    assert 2 * (8 + 16 + 16) * 45 * 4 / 1e9 < row["store_gigabytes"] < 1e-4
    assert {"scan", "plan", "profile", "search", "confirm", "test", "insights"} < set(row["timings"])
    assert row["timings"][scale.REST] > 0
    assert sum(row["timings"].values()) == pytest.approx(row["seconds"])


def test_sizes_are_compared(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run_size(size: int, options: Namespace, folder: Path) -> dict[str, Any]:
        timings = {"scan": size / 1000, scale.REST: 0.5}
        memory = {"peak_gigabytes": size / 1e4, "store_gigabytes": 0.5}
        return {"images": size, "seconds": size / 90, **memory, "timings": timings, "confirmations": 4, "test": 0.5}

    monkeypatch.setattr(scale, "run_size", run_size)
    assert scale.main(["--sizes", "1000,3000,6000"]) == 0
    printed = capsys.readouterr().out
    assert "6,000 images take 2.00 times as long as 3,000 (wanted from 10,000 images on: at most 2.4)" in printed
    assert "peak memory 0.60 GB" in printed
    found = json.loads(printed.splitlines()[-1])["figures"]
    assert [row["images"] for row in found["runs"]] == [1000, 3000, 6000]
    assert [growth["scan"] for growth in found["growth"]] == pytest.approx([3, 2])
    assert (found["trials"], found["epochs"]) == (3, 2)


def test_growth_is_told_by_step_where_a_step_takes_long() -> None:
    small = {"seconds": 10.0, "timings": {"scan": 2.0, "plan": 0.5}}
    large = {"seconds": 40.0, "timings": {"scan": 10.0, "plan": 0.6, "confirm": 5.0}}
    assert scale.growth(small, large) == {"seconds": 4.0, "scan": 5.0}


@pytest.mark.parametrize("text", ["100,50", "50,50"])
def test_sizes_go_from_small_to_large(text: str) -> None:
    with pytest.raises(SystemExit):
        scale.main(["--sizes", text])
