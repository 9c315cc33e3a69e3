"""Whether a learning curve has come to its end."""

from __future__ import annotations

import pytest

from tlsearch.stats.trend import rising_steeply, still_rising


@pytest.mark.parametrize(
    ("curve", "rising"),
    [
        ([0.1, 0.9, 0.9], True),  # too short to tell
        ([0.50, 0.51, 0.52, 0.60, 0.61, 0.62], True),
        ([0.60, 0.61, 0.62, 0.60, 0.61, 0.62], False),
        ([0.60, 0.61, 0.62, 0.50, 0.51, 0.52], False),
        ([0.50, 0.70, 0.60, 0.52, 0.72, 0.63], False),  # less than the noise
    ],
)
def test_the_last_three_are_compared_with_the_three_before(curve: list[float], rising: bool) -> None:
    assert still_rising(curve) is rising


@pytest.mark.parametrize(
    ("curve", "steep"),
    [
        ([0.1, 0.3], True),  # two epochs say nothing
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], True),
        ([0.1, 0.4, 0.6, 0.7, 0.75, 0.78, 0.80, 0.81, 0.82, 0.825, 0.83, 0.832], False),  # rises, but slowly
        ([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], False),
        ([-2.0, -1.8, -1.6, -1.4, -1.2, -1.0], True),  # a loss with its sign
    ],
)
def test_a_curve_that_has_only_begun_gains_a_fifth_of_all_in_its_last_scores(curve: list[float], steep: bool) -> None:
    assert rising_steeply(curve) is steep
