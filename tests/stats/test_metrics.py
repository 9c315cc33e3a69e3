"""The metrics against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats.metrics import LEAST_PROBABILITY, log_loss, softmax

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]], np.float32)
LABELS = np.array([0, 1, 1, 2])


def test_softmax_is_right_and_stands_large_logits() -> None:
    probabilities = softmax(np.array([[0.0, np.log(3.0)], [1000.0, 0.0], [-1000.0, -1000.0]], np.float32))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, np.array([[0.25, 0.75], [1, 0], [0.5, 0.5]]), rtol=1e-6)


def test_log_loss_is_the_mean_of_minus_the_log_of_the_true_class() -> None:
    expected = -np.log([0.7, 0.6, 0.25, 0.6]).mean()
    assert log_loss(PROBABILITIES, LABELS) == pytest.approx(expected, rel=1e-6)
    impossible = np.array([[1.0, 0.0]], np.float32)
    assert log_loss(impossible, np.array([1])) == pytest.approx(-np.log(LEAST_PROBABILITY), rel=1e-6)
