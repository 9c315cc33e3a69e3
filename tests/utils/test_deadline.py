"""Limits of time for work: which of them holds, and where it ends."""

from __future__ import annotations

import math

import pytest

from tlsearch.errors import OutOfTimeError
from tlsearch.utils import deadline
from tlsearch.utils.deadline import check_time, no_time_limit, seconds_left, time_limit


class Hands:
    """A time that is set by hand."""

    def __init__(self) -> None:
        self.now = 50.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(deadline, "time", hands)
    return hands


def test_without_a_limit_there_is_all_the_time() -> None:
    check_time()
    with time_limit(None):
        check_time()
        assert seconds_left() == math.inf


def test_work_ends_when_its_time_is_over_and_not_before(hands: Hands) -> None:
    with time_limit(10.0):
        hands.now += 10
        check_time()
        hands.now += 0.1
        with pytest.raises(OutOfTimeError, match="its time was over"):
            check_time()
    check_time()  # the limit was that of the block


def test_of_two_limits_the_one_that_ends_first_holds(hands: Hands) -> None:
    with time_limit(10.0):
        with time_limit(100.0):
            assert seconds_left() == 10
        with time_limit(1.0):
            assert seconds_left() == 1
        hands.now += 4
        assert seconds_left() == 6


def test_what_must_come_to_its_end_is_let(hands: Hands) -> None:
    with time_limit(1.0):
        hands.now += 5
        with no_time_limit():
            check_time()
        with pytest.raises(OutOfTimeError):
            check_time()
