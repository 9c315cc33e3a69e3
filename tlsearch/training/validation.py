"""Probabilities and the numbers of validation: the same for every kind of trial."""

from __future__ import annotations

import numpy as np

from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats.metrics import EVERY_IMAGE, log_loss, score
from tlsearch.stats.scoring import score_by
from tlsearch.types import Float32Array, IntArray


def validation(probabilities: Float32Array, labels: IntArray, metric: GuardedMetric) -> dict[str, float]:
    """Give ``val_loss``, ``val_accuracy`` and the chosen metric as ``objective``; nothing without images."""
    if len(labels) == 0:
        return {}
    return {
        "val_loss": log_loss(probabilities, labels),
        "val_accuracy": score(labels, probabilities.argmax(axis=1), EVERY_IMAGE),
        "objective": score_by(metric, labels, probabilities),
    }


def class_weights(metric: GuardedMetric, labels: IntArray, classes: int) -> dict[int, float] | None:
    """Give balanced weights n / (classes * n_c) where the metric asks for them, else None."""
    if not metric.uses_class_weights:
        return None
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    return {c: float(len(labels) / (present * n)) for c, n in enumerate(counts) if n}
