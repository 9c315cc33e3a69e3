"""Planted faults: a quick run finds them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.common.results import Result
from benchmarks.statistics import planted_faults

Quick = Callable[..., Result]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_quick_run(quick: Quick) -> None:
    faults = quick(planted_faults.main).figures["faults"]
    assert [fault["planted"] for fault in faults] == [5, 1, 1, 9, 5]
    assert all(fault["found"] >= fault["wanted"] for fault in faults)
