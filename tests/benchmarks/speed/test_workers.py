"""The benchmark of several workers: it runs, and they find the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result
from benchmarks.speed import workers

Quick = Callable[..., Result]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_a_quick_run_finds_the_same_with_one_and_two_workers(quick: Quick, stub: Path) -> None:
    result = quick(workers.main, "--backbone", "stub")
    assert result.figures["same"] is True
    assert set(result.figures["searches"]) == {"1 worker", "2 workers"}
    assert all(search["trials_per_minute"] > 0 for search in result.figures["searches"].values())
