"""The median rule, among rivals of one kind."""

from __future__ import annotations

import pytest

from tlsearch.search.pruner import Curve, should_prune

ROUNDS = 10


def flat(value: float) -> Curve:
    return [(number / ROUNDS, value) for number in range(1, ROUNDS + 1)]


def rising(start: float) -> Curve:
    """From ``start``, .01 a round."""
    return [(number / ROUNDS, start + 0.01 * number) for number in range(1, ROUNDS + 1)]


RIVALS = [flat(0.5), flat(0.6), flat(0.9)]


@pytest.mark.parametrize("number", range(1, ROUNDS + 1))
def test_nothing_is_pruned_early_or_at_the_very_end(number: int) -> None:
    hopeless = [0.0] * number
    assert should_prune(number / ROUNDS, hopeless, RIVALS) == (4 <= number < ROUNDS)


def test_the_median_decides() -> None:
    assert not should_prune(0.5, [0.61] * 5, RIVALS)
    assert not should_prune(0.5, [0.60] * 5, RIVALS)
    assert should_prune(0.5, [0.59] * 5, RIVALS)
    four = [*RIVALS, flat(0.8)]  # the median is .7
    assert should_prune(0.5, [0.69] * 5, four)
    assert not should_prune(0.5, [0.71] * 5, four)


def test_it_takes_three_rivals() -> None:
    assert not should_prune(0.5, [0.0] * 5, RIVALS[:2])
    assert not should_prune(0.5, [0.0] * 5, [])
    assert should_prune(0.5, [0.0] * 5, RIVALS[:3])


def test_the_last_three_rounds_count() -> None:
    assert not should_prune(0.5, [0.0, 0.0, 0.7, 0.7, 0.7], RIVALS)
    assert should_prune(0.5, [0.9, 0.9, 0.9, 0.9, 0.0], [flat(0.7)] * 3)  # their mean is .6


def test_rivals_are_met_at_the_same_share() -> None:
    rivals = [rising(0.5), rising(0.5), rising(0.5)]
    # After half of the rounds they had the mean of .53, .54 and .55; at the end they had .59.
    assert not should_prune(0.5, [0.545] * 3, rivals)
    assert should_prune(0.5, [0.535] * 3, rivals)


def test_rivals_with_other_rounds_are_met_where_they_were_then() -> None:
    halves: Curve = [(0.5, 0.2), (1.0, 0.9)]
    assert not should_prune(0.6, [0.3] * 6, [halves] * 3)
    assert should_prune(0.6, [0.1] * 6, [halves] * 3)
    late: Curve = [(0.7, 0.4), (1.0, 0.9)]  # nothing yet at .5: its first round stands in
    assert should_prune(0.5, [0.3] * 5, [late] * 3)
