"""The score of the best of many trials, corrected for its having been selected.

The best of many on the same validation images promises too much: it was partly lucky on them. No trial has to be
trained again to correct that, because what was selected on some of the images can be scored on the others. The images
are divided into four parts; what is best on three of them answers for the fourth. The answers for all parts together
have a score, and the mean over several divisions is what the selected trial scores on images that had no part in
selecting it. This is the outer loop of nested cross-validation (Varma and Simon, Bias in error estimation when using
cross-validation for model selection, BMC Bioinformatics 7, 2006), applied to the selection alone.

Bootstrap bias-corrected cross-validation (Tsamardinos, Greasidou and Borboudakis, Machine Learning 107, 2018) selects
on resamples instead. Those hold 63 % of the images, and it is 2 to 3 points too low where one trial is far ahead of all
others on 45 to 100 images. Its intervals, percentiles over resamples, hold the truth 99 to 100 times of 100. The
interval of a single score at the corrected value is closer: benchmarks/decisions/corrected.py.

A selection can only flatter: the best of many scores is expected to lie above what the best one deserves, never below
(Cawley and Talbot, JMLR 11, 2010; the estimate of Tibshirani and Tibshirani, Ann. Appl. Stat. 3, 2009, is never
negative either). So the correction never raises the figure that it corrects. Without that limit it sometimes would: the
figure is the mean of the last three epochs, and the answers are those of the last epoch alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats.bootstrap import Resampler
from tlsearch.stats.claims import Estimate, estimate_at
from tlsearch.stats.metrics import score_counts
from tlsearch.stats.scoring import estimate_of, score_by
from tlsearch.types import AnyArray, Float64Array, IntArray, LabelArray

PARTS = 4
"""With more parts the estimate follows the luck of the trial that was best on all images: its intervals are too narrow.
With fewer it is too low."""

DIVISIONS = 20
SLOW_DIVISIONS = 5
"""Divisions for a metric that is not made of counts, and is called for each trial and part."""


def corrected_estimate(
    metric: GuardedMetric,
    labels: LabelArray,
    trials: Sequence[AnyArray],
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    selected: float | None = None,
) -> Estimate | None:
    """Estimate what the best of ``trials`` scores on images that did not select it.

    Args:
        metric: The metric of the run.
        labels: True classes of the validation images, shape (N,).
        trials: Their out-of-sample probabilities by each trial, (N, classes), the best trial first.
        groups: Numbers of groups, shape (N,), which are not divided; None where images are independent.
        seed: Decides the divisions.
        selected: The figure that is corrected; the estimate is never better. None where there is none.

    Returns:
        The estimate with its 95 % interval; None where there is a single image, or group.
    """
    values = [
        score_by(metric, labels, probabilities)
        for probabilities in answers_without_selection(metric, labels, trials, groups, seed)
    ]
    if not values:
        return None
    value = float(np.mean(values))
    if selected is not None and metric.sign * (value - selected) > 0:
        value = selected
    if metric.counts is not None:
        return estimate_at(value, labels, trials[0].argmax(axis=1), metric.counts, groups)
    best = estimate_of(metric, labels, np.asarray(trials[0], np.float64), groups, seed)
    shift = value - best.value
    return Estimate(value, (best.ci95[0] + shift, best.ci95[1] + shift))


def answers_without_selection(
    metric: GuardedMetric,
    labels: LabelArray,
    trials: Sequence[AnyArray],
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Iterator[Float64Array]:
    """Give for each of several divisions what the trial says of an image that is best on the other parts.

    The image has had no part in selecting that trial. Arguments are those of ``corrected_estimate``.

    Gives:
        Probabilities (N, classes), once for each division; nothing where there is a single image, or group.
    """
    rng = np.random.default_rng(seed)
    divisions = DIVISIONS if metric.counts is not None else SLOW_DIVISIONS
    for parts in _divisions(Resampler.of(labels, groups), len(labels), divisions, rng):
        yield _answers(metric, labels, trials, parts, rng)


def _divisions(resampler: Resampler, images: int, count: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """The part of each image, (images,), in ``count`` divisions with every class spread over the parts."""
    units = sum(map(len, resampler.strata))
    if units < 2:
        return
    for _ in range(count):
        shuffled = np.concatenate([rng.permutation(stratum) for stratum in resampler.strata])
        part = np.empty(units, np.intp)
        part[shuffled] = (np.arange(units) + rng.integers(PARTS)) % min(PARTS, units)
        if resampler.units is None:
            yield part
        else:
            of_image = np.empty(images, np.intp)
            for unit, rows in enumerate(resampler.units):
                of_image[rows] = part[unit]
            yield of_image


def _answers(
    metric: GuardedMetric, labels: LabelArray, trials: Sequence[AnyArray], parts: IntArray, rng: np.random.Generator
) -> Float64Array:
    """For each image the probabilities of the trial that is best on the other parts; of equals, of any."""
    found = np.empty(trials[0].shape, np.float64)
    numbers = np.unique(parts)
    scores = metric.sign * _scores(metric, labels, trials, [parts != number for number in numbers])
    for number, row in zip(numbers, scores, strict=True):
        chosen = int(rng.choice(np.flatnonzero(row >= row.max() - 1e-12)))
        found[parts == number] = trials[chosen][parts == number]
    return found


def _scores(
    metric: GuardedMetric, labels: LabelArray, trials: Sequence[AnyArray], masks: Sequence[npt.NDArray[np.bool_]]
) -> Float64Array:
    """Scores (masks, trials) of the images of each mask; those of a count metric by products of matrices."""
    if metric.counts is None:
        return np.array([[metric.score(labels[mask], np.asarray(p)[mask]) for p in trials] for mask in masks])
    classes, weights = np.arange(trials[0].shape[1]), np.asarray(masks, np.float64)
    true = (labels[:, None] == classes).astype(np.float64)
    support, columns = weights @ true, []
    for probabilities in trials:
        predicted = (probabilities.argmax(axis=1)[:, None] == classes).astype(np.float64)
        columns.append(score_counts(weights @ (true * predicted), support, weights @ predicted, metric.counts))
    return np.stack(columns, axis=1)
