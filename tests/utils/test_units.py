"""Numbers as people write them."""

from __future__ import annotations

import pytest

from tlsearch.utils.units import short_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.42, "0.4s"),
        (9.0, "9s"),
        (9.97, "10s"),
        (59.4, "59s"),
        (59.7, "1m 00s"),
        (372, "6m 12s"),
        (3599.8, "1h 00m"),
        (3900, "1h 05m"),
    ],
)
def test_durations_as_people_say_them(seconds: float, text: str) -> None:
    assert short_duration(seconds) == text
