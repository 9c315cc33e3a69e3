"""Whether a learning curve has come to its end."""

from __future__ import annotations

import math

import pytest

from tlsearch.stats.trend import Rise, extrapolate, still_rising


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


def exponential(epochs: int, learns_in: float, end: float) -> list[float]:
    """The scores of a network that nears ``end`` by a factor of e in so many epochs."""
    return [end - (end - 0.1) * math.exp(-epoch / learns_in) for epoch in range(1, epochs + 1)]


@pytest.mark.parametrize("learns_in", [3.0, 6.0, 12.0, 24.0])
@pytest.mark.parametrize("stopped", [8, 15, 30, 45])
def test_a_line_lies_above_what_a_curve_that_bends_down_comes_to(learns_in: float, stopped: int) -> None:
    curve = exponential(60, learns_in, 0.9)
    rise = extrapolate(range(1, stopped + 1), curve[:stopped], 60, 1.0)
    assert rise is not None
    assert rise.gain >= curve[59] - curve[stopped - 1] - 1e-9


def test_the_line_ends_at_the_best_score_and_never_falls() -> None:
    curve = exponential(10, 12.0, 0.9)
    rise = extrapolate(range(1, 11), curve, 60, 1.0)
    assert rise is not None
    assert rise.gain == pytest.approx(1.0 - sum(curve[-3:]) / 3)
    falls = extrapolate(range(1, 11), curve[::-1], 60, 1.0)
    assert falls is not None
    assert falls.gain == 0.0


def test_nothing_is_left_at_the_end_of_the_schedule_and_few_scores_say_nothing() -> None:
    whole = extrapolate(range(1, 61), exponential(60, 12.0, 0.9), 60)
    assert whole is not None
    assert (whole.gain, whole.stderr) == (0.0, 0.0)
    assert extrapolate(range(1, 8), exponential(7, 12.0, 0.9), 60) is None


def test_epochs_need_not_be_whole() -> None:
    fifths = extrapolate([0.4 * n for n in range(1, 11)], [0.1 * n for n in range(1, 11)], 5.0)
    assert fifths is not None
    assert fifths.gain == pytest.approx(0.25)  # 0.25 an epoch, one epoch left


@pytest.mark.parametrize(
    ("difference", "rise", "left"),
    [
        (0.50, Rise(0.10, 0.02), True),
        (0.20, Rise(0.10, 0.02), False),  # the interval of what is left holds 0
        (0.20, Rise(0.00, 0.00), True),
        (0.50, Rise(0.10, 0.30), False),  # a noisy curve
    ],
)
def test_a_difference_must_outlast_the_rise_and_both_errors(difference: float, rise: Rise, left: bool) -> None:
    assert rise.leaves(difference, (difference - 0.12, difference + 0.12)) is left
