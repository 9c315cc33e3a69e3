"""Intervals and a test for any score, by resampling."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats import bootstrap
from tlsearch.stats.bootstrap import Resampler, exchange_p_value, percentile_interval, resampled_scores
from tlsearch.types import Float64Array, LabelArray

LABELS = np.arange(60) % 3


def accuracy(labels: LabelArray, probabilities: Float64Array) -> float:
    return float((probabilities.argmax(axis=1) == labels).mean())


def right_for(share: float, seed: int = 0) -> Float64Array:
    """Probabilities that are right for this share of the images of each class."""
    order = np.random.default_rng(seed).permutation(20)
    wrong = np.isin(np.arange(60) // 3, order[: round(20 * (1 - share))])
    return np.eye(3)[np.where(wrong, (LABELS + 1) % 3, LABELS)]


def test_each_resample_has_as_many_images_of_each_class() -> None:
    labels = np.array([0] * 3 + [1] * 17 + [2] * 40)
    drawn = list(Resampler.of(labels, None).draw(20, 0))
    assert all(np.bincount(labels[rows]).tolist() == [3, 17, 40] for rows in drawn)
    assert len({tuple(rows) for rows in drawn}) == 20
    again = list(Resampler.of(labels, None).draw(20, 0))
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))


def test_images_of_a_group_are_drawn_together() -> None:
    groups = np.arange(60) // 6  # two images of each class
    for rows in Resampler.of(LABELS, groups).draw(20, 0):
        assert len(rows) == 60
        assert set(np.bincount(groups[rows]).tolist()) <= set(range(0, 61, 6))


def test_the_interval_of_an_accuracy_is_about_the_binomial_one() -> None:
    drawn = resampled_scores(accuracy, LABELS, [right_for(0.8)])
    assert drawn.shape == (bootstrap.DRAWS, 1)
    low, high = percentile_interval(drawn[:, 0])
    half = 1.96 * np.sqrt(0.8 * 0.2 / 60)
    assert low == pytest.approx(0.8 - half, abs=0.03)
    assert high == pytest.approx(0.8 + half, abs=0.03)


def test_groups_of_copies_widen_the_interval() -> None:
    labels, model, groups = np.repeat(LABELS, 4), np.repeat(right_for(0.8), 4, axis=0), np.repeat(np.arange(60), 4)
    alone, together = (resampled_scores(accuracy, labels, [model], g)[:, 0].std() for g in (None, groups))
    assert together == pytest.approx(2 * alone, rel=0.15)


def test_models_are_resampled_together() -> None:
    one, other = right_for(0.9), right_for(0.7)  # what is wrong in one is wrong in the other
    drawn = resampled_scores(accuracy, LABELS, [one, other])
    assert (drawn[:, 0] - drawn[:, 1]).min() > 0


def test_the_test_of_a_difference() -> None:
    better = exchange_p_value(accuracy, LABELS, (right_for(0.9), right_for(0.5)))
    same = exchange_p_value(accuracy, LABELS, (right_for(0.7), right_for(0.7, seed=1)))
    assert better is not None
    assert same is not None
    assert better < 0.01
    assert same > 0.9
    assert better >= 1 / (bootstrap.PERMUTATIONS + 1)
    few = right_for(0.9)
    few[:5] = np.eye(3)[(LABELS[:5] + 1) % 3]
    assert exchange_p_value(accuracy, LABELS, (right_for(0.9), few)) is None
    grouped = exchange_p_value(accuracy, LABELS, (right_for(0.9), right_for(0.5)), np.arange(60) // 12)
    assert grouped is None  # five groups say too little
