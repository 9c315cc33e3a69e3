"""Intervals for proportions: what may be claimed of accuracy on a test set.

References: Wilson, J. Am. Stat. Assoc. 22 (1927) 209; Brown, Cai and DasGupta, Statist. Sci. 16 (2001) 101; Tango,
Stat. Med. 17 (1998) 891. Counts may be fractional: where a test set is worth fewer images than it has, see
``effective_size``.
"""

from __future__ import annotations

import math

from tlsearch.types import Interval

SCORE_INTERVAL = "score interval"
"""The method of intervals that come from a formula: there is one for every score that is made of counts."""


def wilson(successes: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion of ``successes`` in ``n``; both ends are in 0..1.

    Raises:
        ValueError: Unless 0 <= successes <= n and n > 0.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} is not a proportion")
    z = normal_quantile(level)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 of n and n of n the end is exact; rounding would leave 1e-17.
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return low, high


def amended_wilson(successes: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's interval with the amendment of Brown, Cai and DasGupta (2001, section 4.1): near 0 and 1.

    For up to 3 successes (2 where n is at most 50) the lower end is that of a Poisson count, and so for failures at the
    upper end. Without it the coverage near an accuracy of 0.99 falls to 0.89 at 45 and at 100 images
    (benchmarks/statistics/wilson.py).
    """
    low, high = wilson(successes, n, level)
    few = 2 if n <= 50 else 3
    if 0 < successes <= few:
        low = min(low, _poisson_low(successes, level) / n)
    if 0 < n - successes <= few:
        high = max(high, 1 - _poisson_low(n - successes, level) / n)
    return low, high


def tango(b: float, c: float, n: float, level: float = 0.95) -> Interval:
    """Tango's score interval for the paired difference (b - c) / n; both ends are in -1..1.

    ``b`` of ``n`` pairs succeeded only in the first of two conditions, ``c`` only in the second.

    Raises:
        ValueError: Unless b, c >= 0, b + c <= n and n > 0.
    """
    if n <= 0 or b < 0 or c < 0 or b + c > n * (1 + 1e-12):
        raise ValueError(f"{b} and {c} discordant pairs of {n} are not counts of pairs")
    z = normal_quantile(level)
    # Exchanging the conditions mirrors the interval.
    return _tango_low(b, c, n, z), -_tango_low(c, b, n, z)


def normal_quantile(level: float) -> float:
    """How many standard deviations either side hold ``level`` of a normal distribution: 1.96 for 0.95.

    Raises:
        ValueError: Unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"a level is between 0 and 1, not {level}")
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def student_quantile(level: float, dof: float) -> float:
    """As ``normal_quantile`` for Student's t with ``dof`` degrees of freedom, above 0."""
    from scipy.special import stdtrit

    return float(stdtrit(dof, 0.5 + level / 2))


def _poisson_low(count: float, level: float) -> float:
    """The expectation of which a Poisson count is this large with probability 1 - ``level``."""
    from scipy.special import gammaincinv

    return float(gammaincinv(count, 1 - level))


def _tango_low(b: float, c: float, n: float, z: float) -> float:
    """The difference at which the score test of ``(b, c, n)`` just rejects from below."""
    from scipy.optimize import brentq

    estimate = (b - c) / n
    if estimate <= -1:
        return -1.0

    def excess(difference: float) -> float:
        return b - c - n * difference - z * math.sqrt(n * _tango_variance(b, c, n, difference))

    # Where the variance at the estimate is 0, as without discordant pairs, the estimate is a root too, but
    # not the one that is meant; it lies just outside.
    return float(brentq(excess, -1.0, estimate - 1e-12 * (1 + abs(estimate)), xtol=1e-12))


def _tango_variance(b: float, c: float, n: float, difference: float) -> float:
    """Variance of one pair's difference, its nuisance parameter estimated under ``difference`` (Tango eq. 8)."""
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    only_second = (root - linear) / (4 * n)
    return max(0.0, 2 * only_second + difference * (1 - difference))
