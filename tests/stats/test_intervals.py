"""Intervals against published worked examples and against first principles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from tlsearch.stats.intervals import (
    amended_wilson,
    normal_quantile,
    student_quantile,
    tango,
    wilson,
)


# Newcombe, Statistics in Medicine 17 (1998) 857, Table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombes_worked_examples(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_ends_are_exact_and_mirrored() -> None:
    assert wilson(0, 45)[0] == 0.0
    assert wilson(45, 45)[1] == 1.0
    for successes in range(46):
        low, high = wilson(successes, 45)
        assert 0 <= low < high <= 1
        assert wilson(45 - successes, 45) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_the_amendment_is_a_poisson_limit_near_the_ends_only() -> None:
    # Half of the 0.05 quantile of chi squared with 2 x degrees of freedom: .0513, .3554, .8177.
    assert amended_wilson(44, 45)[1] == pytest.approx(1 - 0.05129 / 45, abs=1e-6)
    assert amended_wilson(2, 45)[0] == pytest.approx(0.35536 / 45, abs=1e-6)
    assert amended_wilson(97, 100)[1] == pytest.approx(1 - 0.81769 / 100, abs=1e-6)
    for successes, n in ((3, 45), (42, 45), (4, 100), (50, 100), (0, 45), (45, 45)):
        assert amended_wilson(successes, n) == wilson(successes, n)
    assert amended_wilson(44, 45)[0] == wilson(44, 45)[0]


def test_the_amendment_restores_coverage_near_one() -> None:
    accuracy, n = 0.988, 45
    chance = binom.pmf(np.arange(n + 1), n, accuracy)
    plain, amended = (
        sum(p for k, p in enumerate(chance) if interval(k, n)[0] <= accuracy <= interval(k, n)[1])
        for interval in (wilson, amended_wilson)
    )
    assert plain < 0.9
    assert amended > 0.97


def test_quantiles() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert student_quantile(0.95, 5) == pytest.approx(2.570582, abs=1e-6)
    assert student_quantile(0.95, 1e6) == pytest.approx(normal_quantile(0.95), abs=1e-5)


# Bentur et al. 2009 (1, 7 of 21): Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014) 2850. Cavo
# et al. 2012 (6, 16 of 161): the same authors' Statistical Analysis of Contingency Tables (2017), chapter 8.
# Newcombe's 12, 2 of 50: Tango 1998, section 5.
@pytest.mark.parametrize(
    ("b", "c", "n", "low", "high", "digits"),
    [
        (1, 7, 21, -0.517, -0.026, 3),
        (6, 16, 161, -0.1240, -0.0054, 4),
        (12, 2, 50, 0.061, 0.345, 3),
    ],
)
def test_tango_gives_published_examples(b: int, c: int, n: int, low: float, high: float, digits: int) -> None:
    assert tuple(round(end, digits) for end in tango(b, c, n)) == (low, high)


def score_statistic(b: int, c: int, n: int, difference: float) -> float:
    """The score statistic, its nuisance probability found by brute force over the trinomial likelihood."""
    both = np.linspace(max(0.0, -difference), (1 - difference) / 2, 400_001)[1:-1]
    loglik = (n - b - c) * np.log1p(-(2 * both + difference))
    loglik += (b * np.log(both + difference) if b else 0) + (c * np.log(both) if c else 0)
    second = both[np.argmax(loglik)]
    variance = n * (2 * second + difference - difference**2)
    return float((b - c - n * difference) / math.sqrt(variance))


@pytest.mark.parametrize(("b", "c", "n"), [(9, 3, 45), (12, 2, 50), (0, 5, 45), (5, 0, 45), (30, 12, 370), (4, 4, 20)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_tango_inverts_the_score_test(b: int, c: int, n: int, level: float) -> None:
    z = norm.ppf(0.5 + level / 2)
    low, high = tango(b, c, n, level)
    assert low < (b - c) / n < high
    assert score_statistic(b, c, n, low) == pytest.approx(z, abs=2e-3)
    assert score_statistic(b, c, n, high) == pytest.approx(-z, abs=2e-3)


@pytest.mark.parametrize(("b", "c", "n"), [(0, 0, 45), (45, 0, 45), (3, 1, 4), (20, 20, 370), (1, 0, 100_000)])
def test_tango_is_mirrored_when_the_models_are_exchanged(b: int, c: int, n: int) -> None:
    low, high = tango(b, c, n)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert low < high
    assert tango(c, b, n) == pytest.approx((-high, -low), abs=1e-12)


def test_tango_without_discordant_pairs_has_its_closed_form() -> None:
    z2 = norm.ppf(0.975) ** 2
    assert tango(0, 0, 45) == pytest.approx((-z2 / (45 + z2), z2 / (45 + z2)), abs=1e-9)


@pytest.mark.parametrize("counts", [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not counts"):
        tango(*counts)


def test_impossible_proportions_and_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(6, 5)
    with pytest.raises(ValueError, match="level"):
        wilson(3, 5, level=95)


@pytest.mark.parametrize("n", [45, 370])
def test_intervals_cover_the_truth_about_as_often_as_they_say(n: int) -> None:
    rng = np.random.default_rng(1)
    # Both right 0.55, only the winner right 0.25, only the other right 0.05, both wrong 0.15.
    draws = rng.multinomial(n, [0.55, 0.25, 0.05, 0.15], 400)
    covered = [low <= 0.2 <= high for low, high in (tango(b, c, n) for _, b, c, _ in draws)]
    assert 0.92 <= np.mean(covered) <= 0.985
    covered = [low <= 0.8 <= high for low, high in (wilson(a + b, n) for a, b, _, _ in draws)]
    assert 0.92 <= np.mean(covered) <= 0.985
