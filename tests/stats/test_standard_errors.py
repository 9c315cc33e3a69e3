"""Standard errors on resampled folds, and on a single one."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats.standard_errors import image_error, paired_error, paired_image_error, unless_zero

ALONE = np.arange(20)
LABELS = np.arange(20) % 2
RIGHT_BUT_TWO = np.where(ALONE < 2, 1 - LABELS, LABELS)


def test_resampled_folds_overlap_and_the_error_allows_for_it() -> None:
    # Nadeau and Bengio: with as many images to validate as to train on, three folds count for less than one.
    differences = [0.02, -0.01, 0.02]
    error = paired_error([0.9, 0.9, 0.9], [0.88, 0.91, 0.88], 50, 50)
    assert error == pytest.approx(np.std(differences, ddof=1) * np.sqrt(1 / 3 + 1))


def test_one_fold_of_independent_images_has_a_binomial_error() -> None:
    # The standard error at .9 on 20 images is .067.
    assert image_error(RIGHT_BUT_TWO, LABELS, ALONE, "accuracy") == pytest.approx(np.sqrt(0.9 * 0.1 / 20))


def test_images_of_a_group_count_together() -> None:
    # Ten pairs, one of which is wrong: the standard error at .9 on ten is .095.
    pairs = ALONE // 2
    assert image_error(RIGHT_BUT_TWO, LABELS, pairs, "accuracy") == pytest.approx(np.sqrt(0.9 * 0.1 / 10))


def test_in_balanced_accuracy_a_rare_class_weighs_more() -> None:
    labels = np.array([0] * 16 + [1] * 4)
    rare = np.where(ALONE == 19, 0, labels)
    # Half of the score is the recall .75 of four images.
    assert image_error(rare, labels, ALONE, "balanced_accuracy") == pytest.approx(0.5 * np.sqrt(0.75 * 0.25 / 4))
    assert image_error(rare, labels, ALONE, "accuracy") == pytest.approx(np.sqrt(0.95 * 0.05 / 20))


def test_a_difference_on_one_fold_is_paired() -> None:
    # Both are wrong on the same two images, one of them on two more: that they err alike is no doubt.
    worse = np.where(ALONE < 4, 1 - LABELS, LABELS)
    assert paired_image_error(RIGHT_BUT_TWO, worse, LABELS, ALONE, "accuracy") == pytest.approx(
        np.hypot(np.sqrt(0.1 * 0.9 / 20), 1 / 20)
    )
    assert paired_image_error(worse, worse, LABELS, ALONE, "accuracy") == pytest.approx(1 / 20)


def test_an_error_is_never_zero() -> None:
    right = LABELS.copy()
    assert image_error(right, LABELS, ALONE, "accuracy") == pytest.approx((1 - 0.8389) / 3.92, abs=1e-3)  # 20 of 20
    assert unless_zero(0.0, 1.0, 48) == pytest.approx((1 - 0.9259) / 3.92, abs=1e-3)
    assert unless_zero(0.03, 1.0, 48) == 0.03
    assert unless_zero(0.0, 0.5, 100) == pytest.approx(0.05, abs=2e-3)
