"""Whether a learning curve has come to its end, and what it would still gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlsearch.stats.intervals import normal_quantile
from tlsearch.types import Interval

FEWEST_SCORES = 6
"""Scores below which nothing can be said of the end of a curve."""

FEWEST_EXTRAPOLATED = 8
"""Scores below which nothing can be said of what comes after it: a network that learns late has not begun by then."""


def still_rising(curve: Sequence[float]) -> bool:
    """Whether the last three scores are better than the three before by more than their noise.

    A curve of fewer than six scores counts as rising.
    """
    if len(curve) < FEWEST_SCORES:
        return True
    before, last = np.asarray(curve[-6:-3]), np.asarray(curve[-3:])
    noise = float(np.hypot(before.std(ddof=1), last.std(ddof=1)) / np.sqrt(3))
    return bool(last.mean() - before.mean() > noise)


BEFORE = 1 / 3
"""Share of the epochs that are left out of the line: there a curve rises faster than it ever will again."""


@dataclass(frozen=True)
class Rise:
    """By how much a score would rise if a training went on; ``stderr`` is the standard error of that."""

    gain: float
    stderr: float

    def leaves(self, difference: float, ci95: Interval) -> bool:
        """Whether a difference would still be shown if the lower one of two scores rose by this much.

        ``ci95`` is the 95 % interval of the difference. The two errors are independent: one is that of test images, the
        other that of a curve on validation images.
        """
        z = normal_quantile(0.95)
        error = float(np.hypot((difference - ci95[0]) / z, self.stderr))
        return difference - self.gain > z * error


def extrapolate(epochs: Sequence[float], scores: Sequence[float], until: float, most: float = np.inf) -> Rise | None:
    """Say by how much ``scores`` would rise until epoch ``until`` if they went on as in their last two thirds.

    A learning curve bends down, so the straight line through a part of it lies above what comes. Curves that end in a
    cosine to zero are flat at their end whatever is left to learn: that is why the part is a long one.
    benchmarks/statistics/unfinished.py compares lines through several parts on curves of several shapes.

    Args:
        epochs: When each score was taken, in ascending order, in epochs.
        scores: The greater the better.
        until: The last epoch of the whole schedule.
        most: The best score there is: the line does not rise above it.

    Returns:
        The rise, not below 0; None where there are fewer than eight scores, because the curve has only begun.
    """
    if len(scores) < FEWEST_EXTRAPOLATED:
        return None
    x, y = np.asarray(epochs, np.float64), np.asarray(scores, np.float64)
    late = x > BEFORE * x[-1]
    x, y, rest = x[late] - x[late].mean(), y[late], max(0.0, until - float(x[-1]))
    spread = float((x**2).sum())
    slope = float((x * y).sum()) / spread
    residuals = y - y.mean() - slope * x
    stderr = float(np.sqrt((residuals**2).sum() / (len(y) - 2) / spread))
    left = max(0.0, most - float(y[-3:].mean()))
    return Rise(gain=min(max(0.0, slope) * rest, left), stderr=stderr * rest)
