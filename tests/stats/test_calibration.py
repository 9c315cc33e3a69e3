"""Calibration: figures that can be worked out by hand, and a temperature that finds what was done."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.models.temperature import divide_by_temperature
from tlsearch.stats.calibration import (
    SOFTEN,
    TEMPERATURES,
    calibrate,
    fit_temperature,
    judge_temperature,
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


def test_copies_of_images_err_as_far_as_the_images_by_chance() -> None:
    for seed in range(5):
        p, y = drawn(60, 3, seed)
        copies, groups = (p.repeat(6, axis=0), y.repeat(6)), np.arange(60).repeat(6)
        once, often = score_calibration(p, y), score_calibration(*copies, groups)
        assert once.design_effect == 1.0
        assert often.design_effect == pytest.approx(6.0, rel=0.02)
        assert often.ece == pytest.approx(once.ece)
        assert often.ece_by_chance == pytest.approx(once.ece_by_chance, rel=0.15)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_applied_is_found_again(temperature: float) -> None:
    p, y = drawn(20_000, 4, 3)
    assert fit_temperature(divide_by_temperature(p, 1 / temperature), y) == pytest.approx(temperature, rel=0.05)


def test_a_temperature_from_validation_mends_the_test_figures() -> None:
    val, val_labels = drawn(400, 5, 1)
    test, test_labels = drawn(2000, 5, 2)
    fitted = judge_temperature(divide_by_temperature(val, 0.4), val_labels)
    too_sure = calibrate(fitted, divide_by_temperature(test, 0.4), test_labels)
    assert too_sure.temperature == pytest.approx(2.5, rel=0.15)
    assert too_sure.after.ece < too_sure.before.ece / 3
    assert too_sure.after.log_loss < too_sure.before.log_loss
    assert (too_sure.fitted_on, too_sure.bins, too_sure.by_default) == (400, 15, True)
    assert too_sure.before.log_loss == pytest.approx(log_loss(divide_by_temperature(test, 0.4), test_labels))


@pytest.mark.parametrize(("images", "sharpness", "helps"), [(400, 0.6, True), (400, 1.6, True), (60, 1.05, False)])
def test_a_temperature_helps_where_the_direction_is_shown(images: int, sharpness: float, helps: bool) -> None:
    p, y = drawn(images, 4, 1)
    judged = judge_temperature(divide_by_temperature(p, sharpness), y)
    assert judged.helps is helps
    assert judged.images == images
    if helps:
        assert judged.value == pytest.approx(1 / sharpness, rel=0.2)
        assert judged.p_value < 0.001
    else:
        assert judged.p_value > SOFTEN


@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_true_probabilities_seldom_ask_for_a_temperature(sharpness: float) -> None:
    """Both directions have p-values that are near even, though one surprise in twenty images is a skewed sum."""
    judged = [judge_temperature(*drawn(80, 4, seed, sharpness)) for seed in range(300)]
    values = np.array([item.p_value for item in judged])
    softer = np.array([item.value > 1 for item in judged])
    assert 0.02 <= (values[softer] < 0.05).sum() / 300 <= 0.08
    assert (values[~softer] < 0.05).sum() / 300 <= 0.08
    assert np.mean([item.helps for item in judged]) <= 0.08


def test_making_a_model_surer_takes_more_evidence() -> None:
    # All images are right that are .8 sure each, which 24 are by chance in .8 ** 24 = .005, and 32 in .0008.
    p = np.tile([0.8, 0.2], (32, 1))
    few, more = (judge_temperature(p[:n], np.zeros(n, int)) for n in (24, 32))
    assert few.value < 1
    assert 0.001 < few.p_value < 0.05
    assert not few.helps
    assert more.p_value < 0.001
    assert more.helps


def test_images_of_a_group_are_little_evidence() -> None:
    p, y = drawn(40, 4, 2)
    p, y = divide_by_temperature(p, 0.6).repeat(10, axis=0), y.repeat(10)
    alone, grouped = judge_temperature(p, y), judge_temperature(p, y, np.arange(40).repeat(10))
    once = judge_temperature(p[::10], y[::10])
    assert alone.p_value < once.p_value
    assert alone.value == grouped.value == pytest.approx(once.value, rel=0.1)
    assert grouped.p_value == pytest.approx(once.p_value, rel=0.2)


def test_probabilities_without_any_doubt_are_judged_too() -> None:
    sure = np.tile([1.0, 0.0], (9, 1))
    assert not judge_temperature(sure, np.zeros(9, int)).helps
    wrong = judge_temperature(sure, np.array([0] * 6 + [1] * 3))
    assert wrong.helps
    assert wrong.value == pytest.approx(TEMPERATURES[1], abs=1e-2)


def test_nothing_wrong_on_validation_does_not_make_probabilities_endless() -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert 0.8 < fit_temperature(p, np.array([0, 1])) < 1 < fit_temperature(p, np.array([1, 0])) < 2
    few, many = (fit_temperature(np.tile(p, (n, 1)), np.array([0, 1] * n)) for n in (20, 2000))
    assert 0.8 > few > 0.4 > many >= TEMPERATURES[0]
