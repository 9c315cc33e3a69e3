"""Accuracy by depth: a linear probe on the pooled features of every cut point, cross-validated inside training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tlsearch import backend
from tlsearch.data.split import Fold, stratified_folds
from tlsearch.data.stratify import draw_stratified
from tlsearch.types import AnyArray
from tlsearch.utils.deadline import check_time

PROBE_IMAGES = 5000
PROBE_FOLDS = 3
PROBE_C = 1e-2
PROBE_ITERATIONS = 60


def probe_cuts(
    pooled: Sequence[AnyArray],
    labels: AnyArray,
    groups: AnyArray,
    train: AnyArray,
    seed: int,
    progress: Callable[[int], None],
) -> list[tuple[float, float]]:
    """Give accuracy and standard error of a linear probe at each cut, in order.

    The accuracy is that of 3-fold cross-validation, which keeps groups together, with multinomial logistic regression
    on standardised average-pooled features. The standard error is over images, whole groups at a time.

    Args:
        pooled: The averages (N, C) of the features of each cut.
        labels: The class of each image of the pool.
        groups: Its group.
        train: The rows of the pool that may be used; at most 5,000 of them are, stratified.
        seed: Decides the folds.
        progress: Gets the depth that is done.
    """
    rows = _subset(train, labels, groups, seed)
    folds = stratified_folds(labels[rows].tolist(), groups[rows].tolist(), PROBE_FOLDS, seed)
    results = []
    for depth, array in enumerate(pooled, 1):
        right = _cross_validated(array, rows, labels, folds)
        results.append((float(right.mean()), _standard_error(right, groups[rows])))
        progress(depth)
    return results


def _standard_error(right: AnyArray, groups: AnyArray) -> float:
    """That of the share of ``right`` answers, no less than of so many independent images."""
    accuracy = float(right.mean())
    alone = float(np.sqrt(accuracy * (1 - accuracy) / len(right)))
    unit = np.unique(groups, return_inverse=True)[1]
    if int(unit.max()) + 1 == len(right):
        return alone
    together = np.bincount(unit, weights=right - accuracy)
    return max(alone, float(np.sqrt((together**2).sum()) / len(right)))


def told_right(pooled: Sequence[AnyArray], labels: AnyArray, groups: AnyArray, seed: int) -> AnyArray:
    """Give whether the same probe tells the class of each image, bool (cuts, N): by the fold that was fitted without.

    All rows of ``pooled`` (see ``probe_cuts``) are used.
    """
    rows = np.arange(len(labels))
    folds = stratified_folds(labels.tolist(), groups.tolist(), PROBE_FOLDS, seed)
    return np.stack([_cross_validated(array, rows, labels, folds) for array in pooled])


def _subset(train: AnyArray, labels: AnyArray, groups: AnyArray, seed: int) -> AnyArray:
    """At most about ``PROBE_IMAGES`` of the rows ``train``, every class in its share, whole groups."""
    if len(train) <= PROBE_IMAGES:
        return train
    share = PROBE_IMAGES / len(train)
    chosen, _ = draw_stratified(labels[train].tolist(), groups[train].tolist(), (share,), (seed,))
    return np.sort(np.asarray(train)[chosen])


def _cross_validated(pooled: AnyArray, rows: AnyArray, labels: AnyArray, folds: Sequence[Fold]) -> AnyArray:
    """Whether each of ``rows`` is told right from its average-pooled features, by the probe of the other folds."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    check_time()
    features = np.asarray(pooled[rows])
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=PROBE_C, max_iter=PROBE_ITERATIONS, tol=1e-2))
    with backend.one_thread(), warnings.catch_warnings():
        # A probe orders cut points; it need not converge to the last digit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        predicted = cross_val_predict(probe, features, labels[rows], cv=[(fold.train, fold.val) for fold in folds])
    right: AnyArray = predicted == labels[rows]
    return right


def best_depth(accuracies: Sequence[float]) -> int:
    """Give the number (from 1) of the cut with the highest accuracy; the first of equals."""
    return int(np.argmax(accuracies)) + 1
