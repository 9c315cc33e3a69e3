"""Probabilities, and what validation says of them: the same numbers for every kind of trial."""

from __future__ import annotations

import numpy as np

from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats.metrics import log_loss, score
from tlsearch.stats.scoring import score_by
from tlsearch.types import Float32Array, IntArray


def softmax(logits: Float32Array) -> Float32Array:
    """Probabilities (n, classes) from logits."""
    from scipy.special import softmax as normalized_exponential

    probabilities: Float32Array = normalized_exponential(logits, axis=1)
    return probabilities


def validation(probabilities: Float32Array, labels: IntArray, metric: GuardedMetric) -> dict[str, float]:
    """``val_loss``, ``val_accuracy`` and the chosen metric as ``objective``; empty without images."""
    if len(labels) == 0:
        return {}
    return {
        "val_loss": log_loss(probabilities, labels),
        "val_accuracy": score(labels, probabilities.argmax(axis=1), "accuracy"),
        "objective": score_by(metric, labels, probabilities),
    }


def class_weights(metric: GuardedMetric, labels: IntArray, classes: int) -> dict[int, float] | None:
    """Balanced weights n / (classes * n_c) where the metric wants them, else None."""
    if not metric.uses_class_weights:
        return None
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    return {c: float(len(labels) / (present * n)) for c, n in enumerate(counts) if n}
