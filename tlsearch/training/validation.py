"""Probabilities, and what validation says of them: the same numbers for every kind of trial."""

from __future__ import annotations

import numpy as np

from tlsearch.config import Metric
from tlsearch.stats.metrics import log_loss, score
from tlsearch.types import Float32Array, IntArray


def softmax(logits: Float32Array) -> Float32Array:
    """Probabilities (n, classes) from logits."""
    from scipy.special import softmax as normalized_exponential

    probabilities: Float32Array = normalized_exponential(logits, axis=1)
    return probabilities


def validation(probabilities: Float32Array, labels: IntArray, metric: Metric) -> dict[str, float]:
    """``val_loss``, ``val_accuracy`` and the chosen metric as ``objective``; empty without images."""
    if len(labels) == 0:
        return {}
    predicted = probabilities.argmax(axis=1)
    return {
        "val_loss": log_loss(probabilities, labels),
        "val_accuracy": score(labels, predicted, "accuracy"),
        "objective": score(labels, predicted, metric),
    }


def class_weights(metric: Metric, labels: IntArray, classes: int) -> dict[int, float] | None:
    """Balanced weights n / (classes * n_c) for the metrics that count classes equally; None for accuracy."""
    if metric == "accuracy":
        return None
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    return {c: float(len(labels) / (present * n)) for c, n in enumerate(counts) if n}
