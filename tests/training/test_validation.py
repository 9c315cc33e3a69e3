"""Probabilities and what they are worth, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.metrics import log_loss
from tlsearch.training.validation import class_weights, validation

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]], np.float32)
LABELS = np.array([0, 1, 1, 2])


def test_validation_gives_loss_accuracy_and_the_metric() -> None:
    numbers = validation(PROBABILITIES, LABELS, load_metric("balanced_accuracy"))
    assert numbers["val_accuracy"] == 0.75
    assert numbers["objective"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert numbers["val_loss"] == log_loss(PROBABILITIES, LABELS)
    assert validation(PROBABILITIES, LABELS, load_metric("accuracy"))["objective"] == 0.75
    assert validation(PROBABILITIES[:0], LABELS[:0], load_metric("accuracy")) == {}


def test_classes_are_weighted_only_for_metrics_that_count_them_equally() -> None:
    labels = np.array([0] * 6 + [1] * 2)
    assert class_weights(load_metric("accuracy"), labels, 3) is None
    for metric in ("balanced_accuracy", "macro_f1"):
        weights = class_weights(load_metric(metric), labels, 3)
        assert weights is not None
        assert weights == pytest.approx({0: 8 / (2 * 6), 1: 8 / (2 * 2)})
        assert np.mean([weights[int(c)] for c in labels]) == pytest.approx(1.0)
