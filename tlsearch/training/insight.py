"""Linear probes on stored features: their probabilities for every image, and their scores with growing shares.

One cross-validation serves both: the probes that were fitted on all images outside a fold give the out-of-fold
probabilities by which labels are suspected, and beside those that were fitted on a quarter and on half of them they
show what more images bring.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tlsearch.data.split import Fold, stratified_folds
from tlsearch.data.stratify import draw_stratified
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.results.schema import MoreData, SizePoint
from tlsearch.stats.metrics import EVERY_CLASS, EVERY_IMAGE
from tlsearch.training.linear_head import LabelledImages, standardisation, standardise
from tlsearch.types import AnyArray, Float32Array, Float64Array, IntArray

FOLDS = 5
SHARES = (0.25, 0.5, 1.0)

MOST_DRAWS = 4
"""Repetitions of the folds where images are few; their average is steadier."""

WORK = 9e10
"""Images x features x classes x iterations that all draws together may take: some 10 s on two cores. Earlier cut points
are left out where they do not fit, and then images are."""

ROTATED_IMAGES = 1500
"""Up to as many images are turned into as many features; for more, finding the rotation would take too long."""

C_IMAGES = 10.0
"""The inverse strength C of a probe's penalty times the images it is fitted on, for a penalty against the summed loss:
of 3, 10 and 30 the best log loss at 240, 800 and 2,500 photographs."""

ITERATIONS = 60

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Insight:
    """What linear probes found out about the images.

    Attributes:
        more_data: The scores with growing shares of the images.
        rows: The rows of the pool that were examined.
        probabilities: Those (rows, classes) of probes that had not seen the images; NaN in the row of an image whose
            class was in its own fold alone.
    """

    more_data: MoreData
    rows: IntArray
    probabilities: Float64Array


def earlier_cuts(depth: int) -> tuple[int, ...]:
    """Give the cut points that are joined with the last one, number ``depth``: four before it, every other one.

    What a network is about to forget at its end tells classes apart too (Evci et al. 2022, "Head2Toe").
    """
    return tuple(cut for cut in range(depth - 1, depth - 8, -2) if cut > 0)


def examine(
    features: Sequence[AnyArray],
    images: LabelledImages,
    metric: GuardedMetric,
    seed: int,
    progress: Callable[[int, int], None],
) -> Insight:
    """Cross-validate linear probes on features that no training has touched.

    Args:
        features: Arrays (N, D), which are joined. The first is always used, the others as far as time allows.
        images: The N images; groups are kept together.
        metric: What scores are given in: accuracy, or balanced accuracy for the other metrics.
        seed: Decides the folds.
        progress: Gets the number of folds that are done, and of all folds.
    """
    labels, groups, classes = images.labels, images.groups, images.classes
    used = _affordable(features, classes)
    rows = _sample(labels, groups, int(WORK / _work(1, used, classes)), seed)
    y, together = labels[rows], groups[rows]
    x = _rotated(np.concatenate([array[rows] for array in used], axis=1))
    draws = max(1, min(MOST_DRAWS, int(WORK / _work(len(rows), used, classes))))
    right = np.zeros((draws, len(SHARES), len(rows)))
    out_of_fold = np.zeros((len(rows), classes))
    fitted = np.zeros(len(SHARES))
    for draw in range(draws):
        folds = stratified_folds(y.tolist(), together.tolist(), FOLDS, seed + draw)
        for number, fold in enumerate(folds):
            held = np.asarray(fold.val)
            for size, train in enumerate(_nested(fold, y, together, seed + draw)):
                probabilities = _predict(x[train], y[train], x[held], classes)
                right[draw, size, held] = probabilities.argmax(axis=1) == y[held]
                fitted[size] += len(train) / (draws * len(folds))
            # The last share is all images.
            unknown = ~np.isin(y[held], y[train])
            out_of_fold[held] += np.where(unknown[:, None], np.nan, probabilities / draws)
            progress(draw * len(folds) + number + 1, draws * len(folds))
    return Insight(_more_data(right, y, together, fitted, metric), rows, out_of_fold)


def _work(images: int, features: Sequence[AnyArray], classes: int) -> float:
    """What one draw of all folds and shares takes, in the unit of ``WORK``."""
    width = sum(array.shape[1] for array in features)
    width = min(width, images) if 1 < images <= ROTATED_IMAGES else width
    return float(sum(SHARES) * FOLDS * images * width * classes * ITERATIONS)


def _affordable(features: Sequence[AnyArray], classes: int) -> Sequence[AnyArray]:
    """As many of the arrays as one draw has time for, the first at least."""
    for count in range(len(features), 1, -1):
        if _work(len(features[0]), features[:count], classes) <= WORK:
            return features[:count]
    return features[:1]


def _sample(labels: IntArray, groups: IntArray, most: int, seed: int) -> IntArray:
    """The rows to examine: all, or a stratified sample of ``most`` that keeps groups together."""
    most = max(most, ROTATED_IMAGES)
    if len(labels) <= most:
        return np.arange(len(labels))
    chosen, _ = draw_stratified(labels.tolist(), groups.tolist(), (most / len(labels),), (seed,))
    return np.asarray(chosen)


def _rotated(features: AnyArray) -> Float32Array:
    """Standardised features (n, d), turned into the n dimensions that few rows span: the same probe, sooner.

    The penalty is on the length of the weights, which a rotation leaves alone.
    """
    x = np.asarray(features, np.float32)
    x = standardise(x, *standardisation(x))
    if len(x) >= min(x.shape[1], ROTATED_IMAGES + 1):
        return x
    squares, vectors = np.linalg.eigh(x @ x.T)
    return np.asarray(vectors * np.sqrt(squares.clip(0)), np.float32)


def _nested(fold: Fold, labels: IntArray, groups: IntArray, seed: int) -> list[IntArray]:
    """The images of a fold's training part at each share, every smaller one within the larger.

    Of a handful of images, whose quarter would be none, it is the next larger.
    """
    train = np.asarray(fold.train)
    parts = draw_stratified(labels[train].tolist(), groups[train].tolist(), (SHARES[0], SHARES[1] - SHARES[0]), (seed,))
    quarter, next_quarter, _ = (train[part] for part in parts)
    half = np.sort(np.concatenate([quarter, next_quarter]))
    half = half if len(half) else train
    return [quarter if len(quarter) else half, half, train]


def _predict(x: Float32Array, y: IntArray, others: Float32Array, classes: int) -> Float64Array:
    """Probabilities (rows of ``others``, classes) by a probe that is fitted on ``x``; 0 for classes not in ``y``."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probabilities: Float64Array = np.zeros((len(others), classes))
    present = np.unique(y)
    if len(present) == 1:
        probabilities[:, present] = 1.0
        return probabilities
    probe = LogisticRegression(C=C_IMAGES / len(y), max_iter=ITERATIONS, tol=1e-2)
    with warnings.catch_warnings():
        # Such a probe need not converge to the last digit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probabilities[:, present] = probe.fit(x, y).predict_proba(others)
    return probabilities


def _more_data(
    right: Float64Array, labels: IntArray, groups: IntArray, fitted: Float64Array, metric: GuardedMetric
) -> MoreData:
    """Scores by share with their errors, from ``right`` (draws, shares, images)."""
    accuracy = not metric.uses_class_weights
    stratum = np.zeros_like(labels) if accuracy else np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(stratum)
    weights = 1 / (len(sizes) * sizes[stratum])
    points = tuple(
        SizePoint(share, round(fitted[number]), *_estimate(right[:, number], weights, stratum, groups))
        for number, share in enumerate(SHARES)
    )
    gain, error = _estimate(right[:, -1] - right[:, -2], weights, stratum, groups)
    interval = (gain - _NORMAL_95 * error, gain + _NORMAL_95 * error)
    name = EVERY_IMAGE if accuracy else EVERY_CLASS
    return MoreData(
        metric=name, points=points, draws=len(right), examined=len(labels), last_gain=gain, gain_ci95=interval
    )


def _estimate(values: Float64Array, weights: Float64Array, stratum: IntArray, groups: IntArray) -> tuple[float, float]:
    """The weighted sum of values (draws, images), mean over draws, and its standard error.

    The error is that over images, whole groups at a time, and over draws.
    """
    by_draw = values @ weights
    each = values.mean(axis=0)
    within = np.bincount(stratum, weights=each) / np.bincount(stratum)
    rest = weights * (each - within[stratum])
    unit = np.unique(groups, return_inverse=True)[1]
    sampling = float((np.bincount(unit, weights=rest) ** 2).sum())
    drawing = float(by_draw.var(ddof=1) / len(by_draw)) if len(by_draw) > 1 else 0.0
    return float(by_draw.mean()), float(np.sqrt(sampling + drawing))
