"""Whether a learning curve has come to its end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from tlsearch.stats.trend import Rise, extrapolate, has_begun, still_rising
from tlsearch.training.schedule import amount_trained


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


def exponential(trained: Sequence[float], learns_in: float, end: float) -> list[float]:
    """The scores of a network that nears ``end`` by a factor of e in so much training."""
    return [end - (end - 0.1) * math.exp(-amount / learns_in) for amount in trained]


@pytest.mark.parametrize("learns_in", [3.0, 6.0, 12.0])
@pytest.mark.parametrize("stopped", [20, 30, 45])
def test_what_a_doubling_brought_is_more_than_what_a_curve_with_an_end_comes_to(learns_in: float, stopped: int) -> None:
    trained = amount_trained(range(1, stopped + 1), stopped)
    curve, (end,) = exponential(trained, learns_in, 0.9), exponential([30], learns_in, 0.9)
    rise = extrapolate(trained, curve, 30, 1.0)
    assert rise is not None
    assert rise.gain >= end - curve[-1] - 1e-9


def test_a_logarithm_goes_on_with_a_tenth_more() -> None:
    trained = [2.0 + n for n in range(15)]
    rise = extrapolate(trained, [0.1 * math.log2(amount) for amount in trained], 64)
    assert rise is not None
    assert rise.gain == pytest.approx(0.22)  # two doublings are left
    assert rise.stderr == pytest.approx(0.0, abs=1e-9)


def test_the_line_ends_at_the_best_score_and_never_falls() -> None:
    trained = range(1, 11)
    curve = exponential(trained, 12.0, 0.9)
    rise = extrapolate(trained, curve, 600, 1.0)
    assert rise is not None
    assert rise.gain == pytest.approx(1.0 - sum(curve[-3:]) / 3)
    falls = extrapolate(trained, curve[::-1], 60, 1.0)
    assert falls is not None
    assert falls.gain == 0.0


def test_nothing_is_left_at_the_end_of_the_schedule_and_few_scores_say_nothing() -> None:
    trained = amount_trained(range(1, 61), 60)
    whole = extrapolate(trained, exponential(trained, 12.0, 0.9), 30)
    assert whole is not None
    assert (whole.gain, whole.stderr) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert extrapolate(trained[:7], exponential(trained[:7], 12.0, 0.9), 30) is None


@pytest.mark.parametrize(
    ("learned", "lead", "done", "begun"),
    [
        (0.5, 0.2, 0.5, True),
        (0.5, 0.2, 0.3, False),  # a plateau may lie before a jump
        (0.1, 0.5, 0.35, False),  # next to nothing, and most is left
        (0.1, 0.5, 0.9, True),  # next to nothing, but hardly anything is left
        (0.0, 0.5, 0.9, False),
    ],
)
def test_a_network_has_begun_where_it_has_learned_enough_for_what_is_left(
    learned: float, lead: float, done: float, begun: bool
) -> None:
    assert has_begun(learned, lead, done) is begun


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
