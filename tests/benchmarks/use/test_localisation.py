"""The benchmark of boxes from heat maps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.use import heat_maps
from benchmarks.use import localisation

Quick = Callable[..., Result]


# Keras saves variables through NumPy's old array protocol.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_boxes_of_a_whole_run_are_scored(quick: Quick) -> None:
    result = quick(localisation.main)
    names = [row["name"] for row in result.figures["rows"]]
    assert names == ["heat maps", "heat maps, default threshold", "box in the middle", "whole image"]
    assert result.figures["images"] >= 10
    assert 0 < result.figures["threshold"] < 1
    assert "of a box in the middle" in heat_maps.localisation_brief(result)
    assert "| whole image |" in heat_maps.localisation(result)
