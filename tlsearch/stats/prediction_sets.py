"""What prediction sets do on test images: how often they hold the true class, and how often they hold one class only.

Given the calibration images, how many of m test images a set covers is beta-binomial if every score is another (Vovk,
Conditional validity of inductive conformal predictors, ACML 2012): the coverage of one calibration is seldom exactly
what was asked for, and only its mean over calibrations is at least that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.models.temperature import divide_by_temperature
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats.calibration import judge_temperature
from tlsearch.stats.claims import estimate
from tlsearch.stats.selection import answers_without_selection
from tlsearch.types import AnyArray, Float64Array, IntArray, Interval, LabelArray
from tlsearch.uncertainty.prediction_sets import (
    ConformalScores,
    conformal_scores,
    larger,
    sorted_scores,
    true_class_scores,
)

LEVELS = (0.8, 0.9, 0.95, 0.99)
"""The coverages that a report shows."""

UNLUCKY = 0.025
"""A coverage is said to fall short where luck alone gives one as low with a smaller probability."""


MOST_TRIALS = 20
"""Trials, the best first, that a selection is repeated among: those behind them are hardly ever selected."""

MOST_IMAGES = 3000
"""With more calibration images a selection flatters too little to be seen, and is not repeated."""


@dataclass(frozen=True, kw_only=True)
class CalibrationImages:
    """Images that the models had not seen: ``labels`` are their classes, shape (N,).

    ``groups`` are numbers of groups, shape (N,), whose images are not independent; None where images are.
    """

    labels: LabelArray
    groups: AnyArray | None = None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the winner was selected from.

    ``trials`` are the probabilities (M, classes) of all trials, the best first, for the images at the positions
    ``shared``, shape (M,), by which they were compared. ``metric`` compared them.
    """

    metric: GuardedMetric
    trials: Sequence[AnyArray]
    shared: IntArray


@dataclass(frozen=True, kw_only=True)
class SetCoverage:
    """Prediction sets of one coverage on the test images.

    ``asked`` is that coverage. ``covered`` is the share of images whose set holds their class, ``ci95`` its interval,
    and ``lowest_expected`` the share below which it falls by luck alone in 1 of 40 runs. ``single`` is the share of
    images with one class in their set, and ``single_right`` the share of these that are right, None where there are
    none. ``left`` images have several classes and are left to a person. ``mean_size`` is the mean number of classes.
    With too few calibration images ``enough`` is False, and every set has all classes.
    """

    asked: float
    covered: float
    ci95: Interval
    lowest_expected: float
    single: float
    single_right: float | None
    left: int
    mean_size: float
    enough: bool = True


@dataclass(frozen=True, kw_only=True)
class PredictionSets:
    """The winner's prediction sets on ``images`` test images.

    Their scores come from ``calibration_images`` images of ``calibration_groups`` groups that the model had not seen.
    ``levels`` go from the lowest coverage to the highest.
    """

    calibration_images: int
    calibration_groups: int
    images: int
    levels: tuple[SetCoverage, ...]

    def at(self, coverage: float) -> SetCoverage | None:
        """Give the sets of this coverage; None where they were not looked at."""
        return next((level for level in self.levels if math.isclose(level.asked, coverage)), None)


def scores_of(
    images: CalibrationImages, winner: AnyArray, selection: Selection | None, seed: int = 0, reason: str = ""
) -> ConformalScores:
    """Make the conformal scores of a model.

    A winner was selected for being right on the calibration images, and so it looks better on them than on new ones.
    The selection is therefore repeated without each image: what is best on three quarters of the images answers for the
    fourth, as in ``selection``. Where that gives a larger threshold, it is the one that counts.

    Args:
        images: The calibration images.
        winner: Its probabilities for them, shape (N, classes), as the network gives them.
        selection: What it was selected from; None where it was not.
        seed: Decides the divisions of the images.
        reason: What the scores come from, for people.
    """
    plain = with_temperature(winner, images)
    own = conformal_scores(plain, images.labels, images.groups, reason)
    if selection is None or len(selection.trials) < 2 or len(plain) > MOST_IMAGES:
        return own
    shared = selection.shared
    groups = None if images.groups is None else images.groups[shared]
    compared = CalibrationImages(labels=images.labels[shared], groups=groups)
    trials = [with_temperature(trial, compared) for trial in selection.trials[:MOST_TRIALS]]
    found = []
    for probabilities in answers_without_selection(selection.metric, compared.labels, trials, groups, seed):
        found.append(true_class_scores(plain, images.labels))
        found[-1][shared] = true_class_scores(probabilities, compared.labels)
    return larger(own, sorted_scores(np.stack(found), images.groups)) if found else own


def with_temperature(probabilities: AnyArray, images: CalibrationImages) -> Float64Array:
    """Give a model's probabilities (N, classes) with the temperature that its predictions have by default."""
    given = np.asarray(probabilities, np.float64)
    fitted = judge_temperature(given, images.labels, images.groups)
    return divide_by_temperature(given, fitted.value) if fitted.helps else given


def measure_sets(
    scores: ConformalScores,
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    levels: Sequence[float] = LEVELS,
) -> PredictionSets:
    """Measure prediction sets on images that neither the model nor the scores have seen.

    Args:
        scores: What the sets are made by.
        probabilities: Those of the model, shape (N, classes), N >= 1, with its temperature where that applies.
        labels: The true classes, shape (N,).
        groups: Numbers of groups, shape (N,), whose images are not independent; None where images are.
        levels: The coverages.
    """
    given, truth = np.asarray(probabilities, np.float64), np.asarray(labels, np.intp)
    found = []
    for level in levels:
        inside = scores.sets(given, level)
        sizes, covered = inside.sum(axis=1), inside[np.arange(len(truth)), truth]
        share = estimate(np.ones(len(truth), np.intp), covered.astype(np.intp), groups=groups)
        alone = sizes == 1
        found.append(
            SetCoverage(
                asked=level,
                covered=share.value,
                ci95=share.ci95,
                lowest_expected=lowest_expected(scores, level, len(truth), groups),
                single=float(alone.mean()),
                single_right=float(covered[alone].mean()) if alone.any() else None,
                left=int((~alone).sum()),
                mean_size=float(sizes.mean()),
                enough=scores.suffices(level),
            )
        )
    return PredictionSets(
        calibration_images=scores.images, calibration_groups=scores.groups, images=len(truth), levels=tuple(found)
    )


def lowest_expected(scores: ConformalScores, level: float, images: int, groups: npt.ArrayLike | None = None) -> float:
    """Give the share of test images below which sets of this coverage fall by luck in 1 of 40 runs at most, 0 to 1.

    Images that come in ``groups`` count as so many independent ones as if those of a group were all alike (Kish 1965).
    A group may be covered in part, so that one of these is taken off.
    """
    from scipy.stats import betabinom

    count = scores.groups
    place = min(math.ceil(level * (count + 1) - 1e-9), count)
    sizes = np.ones(images) if groups is None else np.unique(np.asarray(groups), return_counts=True)[1]
    independent = int(sizes.sum() ** 2 // (sizes**2).sum())
    lowest = float(betabinom.ppf(UNLUCKY, independent, place, count + 1 - place))
    return max(0.0, lowest - (independent < images)) / independent
