"""When more trials are not worth their time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.decisions.early_stop import simulate
from tlsearch.search.enough import FEWEST, WORTH, EarlyStop


def test_the_expected_gain_is_that_of_more_draws_from_an_exponential_tail() -> None:
    """The best of 40 draws lies about ln(40 / 15) above the best of 15, where values fall off by 1 on average."""
    rng = np.random.default_rng(0)
    draws = rng.exponential(0.02, (4000, 40))
    gains = draws.max(axis=1) - draws[:, :15].max(axis=1)
    expected = [EarlyStop(40, 300).expected_gain(list(d[:15])) for d in draws]
    assert float(np.mean(expected)) == pytest.approx(float(gains.mean()), rel=0.1)


def test_few_trials_tell_nothing() -> None:
    assert EarlyStop(40, 300).expected_gain([0.8] * (FEWEST - 1)) == math.inf
    assert not EarlyStop(40, 300).is_enough([0.8] * (FEWEST - 1))


def test_equal_values_are_enough_and_a_leap_is_not() -> None:
    rule = EarlyStop(40, 341)
    assert rule.is_enough([0.8] * FEWEST)
    assert not rule.is_enough([0.8] * (FEWEST - 1) + [0.92])  # who leaped once may leap again
    assert EarlyStop(FEWEST + 1, 341).is_enough(
        [0.8] * (FEWEST - 1) + [0.92]
    )  # but hardly in the one trial that is left


def test_a_difference_that_counts_can_be_seen_and_is_worth_something() -> None:
    assert EarlyStop(40, 48).visible == WORTH
    assert EarlyStop(40, 10_000).visible == pytest.approx(math.sqrt(0.1 / 10_000))


def test_in_simulated_searches_little_is_lost_and_much_time_saved() -> None:
    row = simulate("tuning pays", 340, 8, seed=0)
    assert float(str(row["regret, points"])) < 0.5
    assert float(str(row["time saved"])) > 0.1
