"""Whether a learning curve has come to its end."""

from __future__ import annotations

import pytest

from tlsearch.stats.trend import still_rising


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
