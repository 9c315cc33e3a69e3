"""Which of several models are efficient."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from tlsearch.stats.pareto import efficient
from tlsearch.types import Float64Array


def test_what_another_beats_in_everything_is_not_efficient() -> None:
    # score, and costs with their sign turned
    rows = [(0.90, -10.0, -5.0), (0.91, -20.0, -5.0), (0.89, -20.0, -6.0), (0.90, -10.0, -5.0), (0.80, -1.0, -9.0)]
    assert efficient(rows).tolist() == [True, True, False, True, True]


def test_what_is_not_known_is_not_efficient_and_hinders_nobody() -> None:
    assert efficient([(0.9, math.nan), (0.8, -3.0)]).tolist() == [False, True]
    assert efficient([(0.9, -1.0)]).tolist() == [True]


def test_what_differs_by_less_than_the_slack_is_as_good() -> None:
    rows = [(0.90, -10.0), (0.89, -9.9), (0.80, -5.0)]
    assert efficient(rows).tolist() == [True, True, True]
    assert efficient(rows, (0.0, 0.2)).tolist() == [True, False, True]


@given(arrays(float, (6, 3), elements=some.integers(0, 3).map(float)))
def test_no_efficient_row_is_beaten_and_every_other_one_is(table: Float64Array) -> None:
    found = efficient(table)
    assert found.any()
    for row, on_front in zip(table, found, strict=True):
        beaten = any((other >= row).all() and (other > row).any() for other in table)
        assert beaten is not bool(on_front)
