"""A pruner that compares a trial only with its own kind."""

from __future__ import annotations

from collections.abc import Sequence

WARM_SHARE = 0.4
"""No trial is pruned before this share of its steps."""

FEWEST_RIVALS = 3
"""Finished trials of the same kind that a median needs."""

Curve = Sequence[tuple[float, float]]
"""(share of the schedule, objective) after each round of a finished trial."""


def should_prune(share: float, objectives: Sequence[float], rivals: Sequence[Curve]) -> bool:
    """Whether a trial whose objectives so far are ``objectives``, after ``share`` of its steps, is pruned.

    It is where the mean of its last three rounds lies below the median of what its rivals, the finished trials of
    its kind, had reached at the same share (the median rule of Golovin et al. 2017).
    """
    if share < WARM_SHARE or share >= 1.0 or len(rivals) < FEWEST_RIVALS:
        return False
    reached = sorted(_at(curve, share) for curve in rivals)
    middle = len(reached) // 2
    median = reached[middle] if len(reached) % 2 else (reached[middle - 1] + reached[middle]) / 2
    return _mean(objectives[-3:]) < median


def _at(curve: Curve, share: float) -> float:
    """The mean of the last three objectives of a curve up to ``share``."""
    so_far = [objective for at, objective in curve if at <= share + 1e-9] or [curve[0][1]]
    return _mean(so_far[-3:])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
