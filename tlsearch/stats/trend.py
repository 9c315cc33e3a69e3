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


LAST_PART = 1 / 2
"""Share of the training after which the scores are looked at: its last doubling."""

MORE = 1.1
"""What a doubling brings, in those of the last one: a curve may come to its steepest slope a little later."""

LEAST_DONE = 1 / 3
"""Share of the schedule before which a curve says nothing of its end: a plateau may lie before a jump."""

AGAIN = 2.0
"""Where the whole schedule is over: how many times its training is looked ahead, for a network that still learns."""

CLEAR = 0.9
"""The level of the interval around a rise that must exclude 0, for a network to be said to learn still."""

BEGUN = 0.4
"""Share of the winner's knowledge that a network must have, for each part of the schedule that is left."""


@dataclass(frozen=True)
class Rise:
    """By how much a score would rise if a training went on; ``stderr`` is the standard error of that."""

    gain: float
    stderr: float

    @property
    def is_clear(self) -> bool:
        """Whether the rise is more than the noise of the curve."""
        return self.gain > max(normal_quantile(CLEAR) * self.stderr, 1e-6)  # a flat curve has only errors of rounding

    def leaves(self, difference: float, ci95: Interval) -> bool:
        """Whether a difference would still be shown if the lower one of two scores rose by this much.

        ``ci95`` is the 95 % interval of the difference. The two errors are independent: one is that of test images, the
        other that of a curve on validation images.
        """
        z = normal_quantile(0.95)
        error = float(np.hypot((difference - ci95[0]) / z, self.stderr))
        return difference - self.gain > z * error


def has_begun(learned: float, lead: float, done: float) -> bool:
    """Whether a network has learned enough, in its share ``done`` of the schedule, for its curve to tell the rest.

    One that has learned next to nothing may learn everything in what is left, and its flat curve does not show it.

    Args:
        learned: Its score less that of guessing.
        lead: What it is behind another model.
        done: The share of the schedule that is over, 0..1.
    """
    return done >= LEAST_DONE and learned >= BEGUN * (1 - done) * (learned + lead)


def extrapolate(trained: Sequence[float], scores: Sequence[float], until: float, most: float = np.inf) -> Rise | None:
    """Say by how much ``scores`` would rise if every doubling of the training added 1.1 times what the last one added.

    That is a straight line over the logarithm of the training. A learning curve that comes to an end lies below it.
    The tenth is for curves that only come near to a logarithm.
    Training is counted by its learning rates and not by its epochs: every schedule ends at a learning rate of 0, and is
    flat there whatever is left to learn. benchmarks/decisions/unfinished.py tries the rule on curves of many shapes.

    Args:
        trained: How much training stands behind each score, above 0, in ascending order.
        scores: The greater the better.
        until: How much stands behind the end of the whole schedule; where that is over, ``AGAIN`` times as much.
        most: The best score there is: the line does not rise above it.

    Returns:
        The rise, not below 0; None where there are fewer than eight scores, because the curve has only begun.
    """
    if len(scores) < FEWEST_EXTRAPOLATED:
        return None
    passed, y = np.asarray(trained, np.float64), np.asarray(scores, np.float64)
    last = passed > LAST_PART * passed[-1]
    x, y = np.log2(passed[last]), y[last]
    doublings, x = MORE * max(0.0, float(np.log2(until) - x[-1])), x - x.mean()
    spread = float((x**2).sum())
    slope = float((x * y).sum()) / spread
    residuals = y - y.mean() - slope * x
    stderr = float(np.sqrt((residuals**2).sum() / (len(y) - 2) / spread))
    left = max(0.0, most - float(y[-3:].mean()))
    return Rise(gain=min(max(0.0, slope) * doublings, left), stderr=stderr * doublings)
