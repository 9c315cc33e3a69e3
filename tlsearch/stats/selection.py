"""The score of the best of many trials, corrected for its having been selected.

The best of many on the same validation images promises too much: it was partly lucky on them. Bootstrap bias-corrected
cross-validation (BBC-CV; Tsamardinos, Greasidou and Borboudakis, Bootstrapping the out-of-sample predictions for
efficient and accurate cross-validation, Machine Learning 107, 2018) repeats the selection on resamples of the images
and scores what each selects on the images that the resample left out. No trial is trained again. The mean over
resamples is what the selected trial scores on images that had no part in selecting it.

The published interval, percentiles over resamples, is far too wide here, because a third of the images is left out each
time. The interval of a single score at the corrected value, on all images, holds the truth as often as it should:
benchmarks/statistics/corrected.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tlsearch.plugins.kinds.metric import CountMetric, GuardedMetric
from tlsearch.stats.bootstrap import Resampler
from tlsearch.stats.claims import Estimate, estimate_at
from tlsearch.stats.metrics import score_counts
from tlsearch.stats.scoring import estimate_of
from tlsearch.types import AnyArray, Float64Array, IntArray, LabelArray

DRAWS = 500
SLOW_DRAWS = 100
"""Resamples for a metric that is not made of counts, and is called for each trial and resample."""

AT_ONCE = 100
"""Resamples that are scored together, for the memory."""


def corrected_estimate(
    metric: GuardedMetric,
    labels: LabelArray,
    trials: Sequence[AnyArray],
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Estimate | None:
    """Estimate what the best of ``trials`` scores on images that did not select it.

    Args:
        metric: The metric of the run.
        labels: True classes of the validation images, shape (N,).
        trials: Their out-of-sample probabilities by each trial, (N, classes), the best trial first: of equals the
            earlier one is selected.
        groups: Numbers of groups, shape (N,); None where images are independent.
        seed: Decides the resamples.

    Returns:
        The estimate with its 95 % interval; None where no resample leaves images out.
    """
    resampler = Resampler.of(labels, groups)
    if metric.counts is not None:
        scores = _count_scores(metric.counts, labels, trials, resampler.draw(DRAWS, seed))
    else:
        scores = _scores(metric, labels, trials, resampler.draw(SLOW_DRAWS, seed))
    found = [float(left_out[np.argmax(metric.sign * inside)]) for inside, left_out in scores]
    if not found:
        return None
    value = float(np.mean(found))
    if metric.counts is not None:
        return estimate_at(value, labels, trials[0].argmax(axis=1), metric.counts, groups)
    selected = estimate_of(metric, labels, np.asarray(trials[0], np.float64), groups, seed)
    shift = value - selected.value
    return Estimate(value, (selected.ci95[0] + shift, selected.ci95[1] + shift))


def _count_scores(
    metric: CountMetric, labels: LabelArray, trials: Sequence[AnyArray], draws: Iterator[IntArray]
) -> Iterator[tuple[Float64Array, Float64Array]]:
    """Scores of all trials inside and outside of each resample, (trials,) each, by products of matrices."""
    counts = _Counts(labels, trials)
    rows = [np.bincount(drawn, minlength=len(labels)).astype(np.float64) for drawn in draws]
    for start in range(0, len(rows), AT_ONCE):
        inside = np.stack(rows[start : start + AT_ONCE])
        inside = inside[(inside == 0).any(axis=1)]
        if len(inside):
            outside = (inside == 0).astype(np.float64)
            yield from zip(counts.scores(inside, metric), counts.scores(outside, metric), strict=True)


class _Counts:
    """What a count metric needs of the answers of all trials."""

    def __init__(self, labels: LabelArray, trials: Sequence[AnyArray]) -> None:
        predicted = np.stack([probabilities.argmax(axis=1) for probabilities in trials])
        classes = np.arange(trials[0].shape[1])
        self._true = (labels[:, None] == classes).astype(np.float64)
        self._predicted = [(answers[:, None] == classes).astype(np.float64) for answers in predicted]

    def scores(self, weights: Float64Array, metric: CountMetric) -> Float64Array:
        """Scores (resamples, trials) of images that count as often as ``weights`` (resamples, images) say."""
        support = weights @ self._true
        columns = [
            score_counts(weights @ (self._true * predicted), support, weights @ predicted, metric)
            for predicted in self._predicted
        ]
        return np.stack(columns, axis=1)


def _scores(
    metric: GuardedMetric, labels: LabelArray, trials: Sequence[AnyArray], draws: Iterator[IntArray]
) -> Iterator[tuple[Float64Array, Float64Array]]:
    for drawn in draws:
        outside = np.setdiff1d(np.arange(len(labels)), drawn)
        if len(outside):
            inside, left_out = (
                np.array([metric.score(labels[rows], probabilities[rows]) for probabilities in trials])
                for rows in (drawn, outside)
            )
            yield inside, left_out
