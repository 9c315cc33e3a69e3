"""Intervals, standard errors and a test for any score, by resampling the images.

The bootstrap is stratified: every resample has as many images of each class as there are (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 8). Where images come in groups, whole groups are drawn, each as often as
any other of its class. Intervals are those of the percentiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.stats.permutation import FEWEST_DISCORDANT
from tlsearch.types import Float64Array, IntArray, Interval, LabelArray

METHOD = "stratified bootstrap"
"""What people read of these intervals."""

DRAWS = 2000
PERMUTATIONS = 1999

ERROR_DRAWS = 200
"""Draws for a standard error: it is known to a twentieth by them. The ends of an interval need more."""

Score = Callable[[LabelArray, Float64Array], float]
"""Labels (N,) and probabilities (N, classes) to a number."""


@dataclass(frozen=True)
class Resampler:
    """Draws resamples of images.

    ``strata`` are the numbers of the units by class. ``units`` are the rows of each unit; None where each image is a
    unit of its own.
    """

    strata: Sequence[IntArray]
    units: Sequence[IntArray] | None = None

    @classmethod
    def of(cls, labels: LabelArray, groups: npt.ArrayLike | None) -> Resampler:
        """The resampler of images of the classes ``labels``; without ``groups`` each image is alone."""
        unit = np.arange(len(labels)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        if unit.max() + 1 == len(labels):
            return cls([np.flatnonzero(labels == c) for c in np.unique(labels)])
        order = np.argsort(unit, kind="stable")
        units = np.split(order, np.flatnonzero(np.diff(unit[order])) + 1)
        # Images of a group are of one class as a rule; else the most frequent one stands for the group.
        classes = np.array([np.bincount(labels[rows]).argmax() for rows in units])
        return cls([np.flatnonzero(classes == c) for c in np.unique(classes)], units)

    def draw(self, count: int, seed: int) -> Iterator[IntArray]:
        """Rows of ``count`` resamples."""
        rng = np.random.default_rng(seed)
        for _ in range(count):
            drawn = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in self.strata])
            yield drawn if self.units is None else np.concatenate([self.units[unit] for unit in drawn])


def resampled_scores(
    score: Score,
    labels: LabelArray,
    models: Sequence[Float64Array],
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    draws: int | None = None,
) -> Float64Array:
    """Scores (draws, models) on resamples, the same for all models.

    Args:
        score: The score.
        labels: True classes, shape (N,).
        models: The probabilities of each model, shape (N, classes).
        groups: Numbers of groups, shape (N,); None where images are independent.
        seed: Decides the resamples.
        draws: How many there are; None is ``DRAWS``.
    """
    resampler = Resampler.of(labels, groups)
    return np.array([[score(labels[r], m[r]) for m in models] for r in resampler.draw(draws or DRAWS, seed)])


def percentile_interval(values: Float64Array, level: float = 0.95) -> Interval:
    """The interval that holds ``level`` of resampled values, with as many below as above."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def exchange_p_value(
    score: Score,
    labels: LabelArray,
    pair: tuple[Float64Array, Float64Array],
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> float | None:
    """Two-sided p-value for "both models are as good", by exchanging their predictions image by image, or by groups.

    None where the models differ for fewer than 6 images, or groups.
    """
    first, second = pair
    unit = np.arange(len(labels)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    differing = np.unique(unit[(first != second).any(axis=1)])
    if len(differing) < FEWEST_DISCORDANT:
        return None
    observed = abs(score(labels, first) - score(labels, second))
    rng = np.random.default_rng(seed)
    extreme = 0
    for _ in range(PERMUTATIONS):
        exchanged = rng.integers(0, 2, int(unit.max()) + 1).astype(bool)[unit][:, None]
        one, other = np.where(exchanged, second, first), np.where(exchanged, first, second)
        extreme += abs(score(labels, one) - score(labels, other)) >= observed - 1e-12
    return (1 + extreme) / (PERMUTATIONS + 1)
