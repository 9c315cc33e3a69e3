"""Calibration: figures that can be worked out by hand, and a temperature that finds what was done."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats.calibration import (
    TEMPERATURES,
    calibrate,
    divide_by_temperature,
    fit_temperature,
    score_calibration,
)
from tlsearch.stats.metrics import log_loss


def drawn(n: int, classes: int, seed: int, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels that were drawn from them: perfectly calibrated."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(n, classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p, np.array([rng.choice(classes, p=row) for row in p])


def test_the_error_is_that_of_the_bins() -> None:
    # Two bins: 4 images at .95 of which 3 are right, 2 at .60 of which 2 are.
    p = np.array([[0.95, 0.05]] * 4 + [[0.6, 0.4]] * 2)
    said = score_calibration(p, np.array([0, 0, 0, 1, 0, 0]))
    assert said.ece == pytest.approx((4 * 0.2 + 2 * 0.4) / 6)
    low, high = said.bins
    assert (low.images, low.confidence, low.accuracy) == pytest.approx((2, 0.6, 1.0))
    assert (high.images, high.confidence, high.accuracy) == pytest.approx((4, 0.95, 0.75))
    assert said.log_loss == pytest.approx(-(3 * np.log(0.95) + np.log(0.05) + 2 * np.log(0.6)) / 6)


def test_true_probabilities_err_as_chance_has_it() -> None:
    errors = [score_calibration(*drawn(100, 5, seed)) for seed in range(40)]
    chance = np.mean([e.ece_by_chance for e in errors])
    assert np.mean([e.ece for e in errors]) == pytest.approx(chance, rel=0.1)
    assert chance > 0.05  # few images: far from 0 though nothing is wrong
    assert score_calibration(*drawn(5000, 5, 1)).ece < 0.03


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_applied_is_found_again(temperature: float) -> None:
    p, y = drawn(20_000, 4, 3)
    assert fit_temperature(divide_by_temperature(p, 1 / temperature), y) == pytest.approx(temperature, rel=0.05)


def test_heat_keeps_the_order_and_the_sum() -> None:
    p, _ = drawn(50, 4, 0)
    for temperature in (0.3, 3.0):
        said = divide_by_temperature(p, temperature)
        np.testing.assert_array_equal(said.argmax(axis=1), p.argmax(axis=1))
        np.testing.assert_allclose(said.sum(axis=1), 1)
    np.testing.assert_allclose(divide_by_temperature(p, 1.0), p)
    assert np.isfinite(divide_by_temperature(np.array([[1.0, 0.0]]), 0.25)).all()


def test_a_temperature_from_validation_mends_the_test_figures() -> None:
    val, val_labels = drawn(400, 5, 1)
    test, test_labels = drawn(2000, 5, 2)
    too_sure = calibrate(divide_by_temperature(val, 0.4), val_labels, divide_by_temperature(test, 0.4), test_labels)
    assert too_sure.temperature == pytest.approx(2.5, rel=0.15)
    assert too_sure.after.ece < too_sure.before.ece / 3
    assert too_sure.after.log_loss < too_sure.before.log_loss
    assert (too_sure.fitted_on, too_sure.bins) == (400, 15)
    assert too_sure.before.log_loss == pytest.approx(log_loss(divide_by_temperature(test, 0.4), test_labels))


def test_the_temperature_never_looks_at_test() -> None:
    val, val_labels = drawn(100, 3, 1)
    test, test_labels = drawn(100, 3, 2)
    one = calibrate(val, val_labels, test, test_labels)
    other = calibrate(val, val_labels, divide_by_temperature(test, 0.3), 2 - test_labels)
    assert one.temperature == other.temperature


def test_nothing_wrong_on_validation_does_not_make_probabilities_endless() -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(p, np.array([0, 1])) == pytest.approx(TEMPERATURES[0], abs=1e-3)
    assert fit_temperature(p, np.array([1, 0])) == pytest.approx(TEMPERATURES[1], abs=1e-3)
