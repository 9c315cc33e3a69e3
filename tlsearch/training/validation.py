"""Probabilities and the numbers of validation: the same for every kind of trial."""

from __future__ import annotations

import numpy as np

from tlsearch.config import Metric
from tlsearch.stats.metrics import log_loss, score
from tlsearch.types import Float32Array, IntArray


def softmax(logits: Float32Array) -> Float32Array:
    """Give the probabilities (n, classes) of logits."""
    from scipy import special

    return np.asarray(special.softmax(logits, axis=1))


def validation(probabilities: Float32Array, labels: IntArray, metric: Metric) -> dict[str, float]:
    """Give ``val_loss``, ``val_accuracy`` and the chosen metric as ``objective``; nothing without images."""
    if len(labels) == 0:
        return {}
    predicted = probabilities.argmax(axis=1)
    return {
        "val_loss": log_loss(probabilities, labels),
        "val_accuracy": score(labels, predicted, "accuracy"),
        "objective": score(labels, predicted, metric),
    }


def class_weights(metric: Metric, labels: IntArray, classes: int) -> dict[int, float] | None:
    """Give balanced weights n / (classes * n_c) for the metrics that count classes equally; None for accuracy."""
    if metric == "accuracy":
        return None
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    return {c: float(len(labels) / (present * n)) for c, n in enumerate(counts) if n}
