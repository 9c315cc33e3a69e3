"""The metrics of a run as functions of class counts, so that thousands of permutations cost one matrix product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.types import AnyArray, Float64Array, LabelArray

EVERY_IMAGE: CountMetric = "accuracy"
"""The score in which every image weighs the same."""

EVERY_CLASS: CountMetric = "balanced_accuracy"
"""The score in which every class weighs the same."""

LEAST_PROBABILITY = 1e-7
"""Taken for every probability below it: one probability of 0 must not decide a log loss."""


def score(y: npt.ArrayLike, predicted: npt.ArrayLike, metric: CountMetric) -> float:
    """``metric`` of predicted against true class numbers, both of shape (N,), N >= 1.

    The same numbers as scikit-learn's ``accuracy_score``, ``balanced_accuracy_score`` and
    ``f1_score(average="macro")``: balanced accuracy averages over the classes in ``y``, macro F1 over
    those in either.
    """
    truth, predictions = as_labels(y, predicted)
    classes = int(max(truth.max(), predictions.max())) + 1
    support = np.bincount(truth, minlength=classes)
    counts = np.bincount(predictions, minlength=classes)
    right = np.bincount(truth[truth == predictions], minlength=classes)
    return float(score_counts(right, support, counts, metric))


def softmax(logits: AnyArray) -> AnyArray:
    """The probabilities of logits, in their precision; classes are the last axis."""
    from scipy import special

    return np.asarray(special.softmax(logits, axis=-1))


def log_loss(probabilities: AnyArray, labels: AnyArray) -> float:
    """Mean negative log probability of the true class, in nats.

    ``probabilities`` have shape (N, classes), ``labels`` are class numbers of shape (N,).
    """
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(true, LEAST_PROBABILITY, 1.0)).mean())


def score_counts(
    right: npt.ArrayLike, support: npt.ArrayLike, predicted: npt.ArrayLike, metric: CountMetric
) -> Float64Array:
    """``metric`` from counts per class, shape (..., K), to scores of shape (...).

    ``right`` counts the images of a class that were predicted as it, ``support`` its images, ``predicted`` the images
    that were predicted as it.
    """
    hit, true, guesses = (np.asarray(counts, dtype=np.float64) for counts in (right, support, predicted))
    if metric == "accuracy":
        return np.asarray(hit.sum(-1) / true.sum(-1))
    if metric == "balanced_accuracy":
        present = true > 0
        each = np.divide(hit, true, out=np.zeros_like(hit), where=present)
    else:
        present = true + guesses > 0
        each = np.divide(2 * hit, true + guesses, out=np.zeros_like(hit), where=present)
    return np.asarray(each.sum(-1) / present.sum(-1))


def as_labels(*arrays: npt.ArrayLike) -> tuple[LabelArray, ...]:
    """The arrays as class numbers.

    Raises:
        ValueError: They are empty or differ in length.
    """
    labels = tuple(np.asarray(array, dtype=np.intp).reshape(-1) for array in arrays)
    if len({len(array) for array in labels}) != 1 or not len(labels[0]):
        raise ValueError(f"labels of the same images are expected, not {[len(a) for a in labels]} of them")
    return labels
