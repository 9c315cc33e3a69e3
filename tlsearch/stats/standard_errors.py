"""How much a score on resampled folds would differ on other images: standard errors of scores and of differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.effective_size import linear_parts
from tlsearch.stats.intervals import normal_quantile, wilson
from tlsearch.stats.metrics import score
from tlsearch.types import AnyArray, Float64Array, LabelArray


def paired_error(best: Sequence[float], other: Sequence[float], val_images: int, train_images: int) -> float:
    """One standard error of the mean difference of two models on the same two or more resampled folds.

    Folds overlap, which the factor 1 / folds + validation / training images allows for (Nadeau & Bengio 2003,
    "Inference for the generalization error").
    """
    differences = np.asarray(best) - np.asarray(other)
    return float(np.sqrt((1 / len(differences) + val_images / train_images) * np.var(differences, ddof=1)))


SMALLEST = 1e-9
"""Errors below this are rounding."""


def unless_zero(error: float, score: float, images: float) -> float:
    """``error``, or where it is 0 the standard error of the score interval of ``score`` on so many images.

    Where all images are right, or all folds agree, the usual error is 0, and the next image may still be wrong.
    """
    if error > SMALLEST:
        return error
    low, high = wilson(min(max(score, 0.0), 1.0) * images, images)
    return (high - low) / (2 * normal_quantile(0.95))


def image_error(predicted: LabelArray, labels: LabelArray, groups: AnyArray, metric: CountMetric) -> float:
    """The standard error of a score on one or more folds.

    ``predicted`` (N,) are the classes that a model gave its images of the classes ``labels``. The error is over images,
    whole ``groups`` at a time, so that an image in several folds counts once; in macro metrics within classes. It is
    never 0 (``unless_zero``).
    """
    error = _error(linear_parts(labels, predicted, metric), labels, groups, metric)
    return unless_zero(error, score(labels, predicted, metric), len(np.unique(groups)))


def paired_image_error(
    best: LabelArray, other: LabelArray, labels: LabelArray, groups: AnyArray, metric: CountMetric
) -> float:
    """One standard error of the difference of two models on a single fold, from their predictions for the same images.

    An image more than was seen counts as predicted differently, for two models that happen to agree everywhere would
    otherwise be told apart by the next image (after Agresti and Min, Stat. Med. 24 (2005) 729).
    """
    parts = linear_parts(labels, best, metric) - linear_parts(labels, other, metric)
    return float(np.hypot(_error(parts, labels, groups, metric), 1 / len(labels)))


def _error(parts: Float64Array, labels: LabelArray, groups: AnyArray, metric: CountMetric) -> float:
    stratum = np.zeros_like(labels) if metric == "accuracy" else np.unique(labels, return_inverse=True)[1]
    mean = np.bincount(stratum, weights=parts) / np.bincount(stratum)
    unit = np.unique(groups, return_inverse=True)[1]
    return float(np.sqrt((np.bincount(unit, weights=parts - mean[stratum]) ** 2).sum()))
