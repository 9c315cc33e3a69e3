"""The benchmark of ways to make heat maps finer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.common.results import Result
from benchmarks.figures.use import heat_maps
from benchmarks.use.maps import finer_maps
from benchmarks.use.maps.ways import averaged

Quick = Callable[..., Result]


# Keras saves variables through NumPy's old array protocol.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_every_way_is_scored_beside_the_map_as_it_is(quick: Quick) -> None:
    result = quick(finer_maps.main)
    rows = result.figures["rows"]
    assert [row["way"] for row in rows] == finer_maps.QUICK["ways"]
    assert rows[0]["box_accuracy_gain"] == {"value": 0.0, "ci95": [0.0, 0.0]}
    assert all(0 <= row["box_accuracy"]["value"] <= 1 for row in rows)
    assert all(0 < threshold < 1 for threshold in result.figures["defaults"].values())
    assert "| as it is |" in heat_maps.finer_maps(result)
    assert "box accuracy" in heat_maps.finer_maps_brief(result)


def test_maps_of_several_resolutions_are_averaged_by_area() -> None:
    coarse, fine = np.array([[[0.0, 4.0], [0.0, 4.0]]]), np.tile([0.0, 0.0, 2.0, 2.0], (1, 4, 1))
    found = averaged([coarse.astype(np.float32), fine.astype(np.float32)])
    assert found.shape == (1, 64, 64)
    assert found[0, :, 0] == pytest.approx(0.0)
    assert found[0, :, -1] == pytest.approx(3.0)
