"""Where heat lies, and how alike maps are."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.explain.measures import BORDER_AREA, border_shares, centres, positive_heat, rank_correlations


def single(row: int, column: int, places: int = 5) -> np.ndarray:
    """A map whose heat is in one place."""
    maps = np.zeros((1, places, places), np.float32)
    maps[0, row, column] = 1
    return maps


def test_heat_that_is_the_same_everywhere_has_the_frame_s_share() -> None:
    assert pytest.approx(0.36) == BORDER_AREA
    assert border_shares(np.full((2, 4, 4), 0.3, np.float32)) == pytest.approx(BORDER_AREA, abs=1e-6)


def test_heat_in_the_middle_has_nothing_in_the_border_and_heat_in_a_corner_has_most() -> None:
    assert border_shares(single(2, 2))[0] == pytest.approx(0, abs=1e-6)
    assert border_shares(single(0, 0))[0] > 0.6


def test_what_speaks_against_a_class_is_no_heat() -> None:
    maps = single(1, 3) - 10 * single(3, 1)
    assert positive_heat(maps).sum() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(centres(maps)[0], [0.7, 0.3], atol=0.03)
    against = -single(2, 2)
    assert np.isnan(border_shares(against)).all()
    assert np.isnan(centres(against)).all()


@pytest.mark.parametrize(("row", "column"), [(0, 4), (2, 2), (3, 1)])
def test_the_centre_is_x_then_y(row: int, column: int) -> None:
    x, y = centres(single(row, column))[0]
    assert x == pytest.approx((column + 0.5) / 5, abs=0.05)
    assert y == pytest.approx((row + 0.5) / 5, abs=0.05)


def test_rank_correlation_is_that_of_spearman_at_any_resolution() -> None:
    maps = np.random.default_rng(0).normal(size=(4, 16, 16)).astype(np.float32)
    assert rank_correlations(maps, maps) == pytest.approx(np.ones(4))
    assert rank_correlations(maps, -3 * maps + 2) == pytest.approx(-np.ones(4))
    ramp = np.linspace(0, 1, 3, dtype=np.float32)[None, :, None] + np.zeros((1, 3, 3), np.float32)
    finer = np.linspace(0, 1, 7, dtype=np.float32)[None, :, None] + np.zeros((1, 7, 7), np.float32)
    assert rank_correlations(ramp, finer)[0] > 0.95
    assert np.isnan(rank_correlations(np.ones((1, 3, 3), np.float32), finer)[0])


def test_rank_correlation_agrees_with_scipy() -> None:
    from scipy.stats import spearmanr

    first, second = np.random.default_rng(1).normal(size=(2, 1, 16, 16)).astype(np.float32)
    expected = spearmanr(first.ravel(), second.ravel()).statistic
    assert rank_correlations(first, second)[0] == pytest.approx(expected)
