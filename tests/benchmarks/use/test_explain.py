"""The benchmark of heat maps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.use import heat_maps
from benchmarks.use import explain

Quick = Callable[..., Result]


# Keras saves variables through NumPy's old array protocol.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_maps_and_controls_are_measured(quick: Quick) -> None:
    result = quick(explain.main)
    figures = result.figures
    assert [row["map"] for row in figures["maps"]] == ["its own", "for another class", "of another image"]
    assert figures["images"] == explain.QUICK_MOST
    assert figures["from_scratch"] is None
    assert figures["largest_error"] is None or figures["largest_error"] < 1e-2
    assert "deletion gain" in heat_maps.explain_brief(result)
    assert "| of another image |" in heat_maps.explain(result)
