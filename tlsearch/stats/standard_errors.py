"""How much a score on resampled folds would differ on other images: standard errors of scores and of differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.effective_size import linear_parts
from tlsearch.types import AnyArray, Float64Array, LabelArray


def sampling_error(values: Sequence[float], val_images: int, train_images: int) -> float:
    """The standard error of a mean over two or more resampled folds.

    They overlap, which the factor 1 / folds + validation / training images allows for (Nadeau & Bengio 2003,
    "Inference for the generalization error").
    """
    return float(np.sqrt((1 / len(values) + val_images / train_images) * np.var(values, ddof=1)))


def paired_error(best: Sequence[float], other: Sequence[float], val_images: int, train_images: int) -> float:
    """One standard error of the mean difference of two models on the same resampled folds, corrected likewise."""
    return sampling_error((np.asarray(best) - np.asarray(other)).tolist(), val_images, train_images)


def image_error(predicted: LabelArray, labels: LabelArray, groups: AnyArray, metric: CountMetric) -> float:
    """The standard error of a score on a single fold.

    ``predicted`` (N,) are the classes that a model gave its images of the classes ``labels``. The error is over images,
    whole ``groups`` at a time; in macro metrics within classes.
    """
    return _error(linear_parts(labels, predicted, metric), labels, groups, metric)


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
