"""The metrics of a run as functions of class counts, so that thousands of permutations cost one matrix product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.config import Metric

Labels = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def score(y: npt.ArrayLike, predicted: npt.ArrayLike, metric: Metric) -> float:
    """``metric`` of predicted against true class numbers, both of shape (N,), N >= 1.

    The same numbers as scikit-learn's ``accuracy_score``, ``balanced_accuracy_score`` and
    ``f1_score(average="macro")``: balanced accuracy averages over the classes in ``y``, macro F1 over
    those in either.
    """
    truth, guess = as_labels(y, predicted)
    classes = int(max(truth.max(), guess.max())) + 1
    support = np.bincount(truth, minlength=classes)
    called = np.bincount(guess, minlength=classes)
    right = np.bincount(truth[truth == guess], minlength=classes)
    return float(score_counts(right, support, called, metric))


def score_counts(right: npt.ArrayLike, support: npt.ArrayLike, called: npt.ArrayLike, metric: Metric) -> Floats:
    """``metric`` from counts per class, shape (..., K), to scores of shape (...).

    ``right`` counts images of a class that were called it, ``support`` images of it, ``called`` images called
    it.
    """
    hit, true, told = (np.asarray(counts, dtype=np.float64) for counts in (right, support, called))
    if metric == "accuracy":
        return np.asarray(hit.sum(-1) / true.sum(-1))
    if metric == "balanced_accuracy":
        present = true > 0
        each = np.divide(hit, true, out=np.zeros_like(hit), where=present)
    else:
        present = true + told > 0
        each = np.divide(2 * hit, true + told, out=np.zeros_like(hit), where=present)
    return np.asarray(each.sum(-1) / present.sum(-1))


def as_labels(*arrays: npt.ArrayLike) -> tuple[Labels, ...]:
    """The arrays as class numbers. Raises ``ValueError`` where they are empty or differ in length."""
    labels = tuple(np.asarray(array, dtype=np.intp).reshape(-1) for array in arrays)
    if len({len(array) for array in labels}) != 1 or not len(labels[0]):
        raise ValueError(f"labels of the same images are expected, not {[len(a) for a in labels]} of them")
    return labels
