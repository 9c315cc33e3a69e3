"""Tests of whether two sets of pictures come from one distribution: they keep their level, and find differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from tlsearch.monitoring.drift import compare_counts, compare_features, surprising_count
from tlsearch.types import AnyArray


def cloud(count: int, seed: int, shift: float = 0.0) -> AnyArray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(0, 1, (count, 6)) + np.r_[shift, np.zeros(5)], np.float32)


def test_features_of_one_distribution_seldom_differ() -> None:
    values = [compare_features(cloud(40, seed), cloud(30, 1000 + seed)).p_value for seed in range(60)]
    assert 0.3 < np.mean(values) < 0.7
    assert np.mean(np.array(values) < 0.05) < 0.15


def test_features_that_moved_differ() -> None:
    far, near = (compare_features(cloud(80, 1), cloud(60, 2, shift)) for shift in (1.5, 0.0))
    assert far.p_value == 0.001  # as small as so few permutations allow
    assert near.p_value > 0.05
    assert 0 < near.distance < far.distance < np.sqrt(2)
    assert compare_features(cloud(80, 1), cloud(60, 2, 1.5)) == far  # the same seed, the same number


def test_one_picture_is_a_sample_too() -> None:
    found = compare_features(cloud(50, 1), cloud(1, 2))
    assert 0 < found.p_value <= 1


def test_the_distance_is_the_maximum_mean_discrepancy() -> None:
    first, second = cloud(12, 3), cloud(9, 4, 1.0)
    both = np.concatenate([first, second]).astype(np.float64)
    squares = ((both[:, None] - both) ** 2).sum(axis=2)
    kernel = np.exp(-squares / np.median(squares[np.triu_indices(21, 1)]))
    expected = kernel[:12, :12].mean() + kernel[12:, 12:].mean() - 2 * kernel[:12, 12:].mean()
    assert compare_features(first, second).distance == pytest.approx(np.sqrt(expected), rel=1e-4)


def test_counts_are_compared_by_the_g_test() -> None:
    first, second = np.array([50, 30, 20]), np.array([40, 45, 15])
    expected = chi2_contingency([first, second], lambda_="log-likelihood")
    found = compare_counts(first, second)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.distance == pytest.approx(0.15)


def test_few_counts_are_compared_with_tables_drawn_at_random() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.7, 0.1, 0.1, 0.05, 0.05])
    values = [compare_counts(rng.multinomial(60, shares), rng.multinomial(12, shares), n).p_value for n in range(200)]
    assert np.mean(np.array(values) <= 0.05) < 0.09
    assert compare_counts(np.array([30, 1, 1]), np.array([1, 1, 8])).p_value <= 0.005


@pytest.mark.parametrize(("first", "second"), [([5, 0], [7, 0]), ([0, 0], [3, 4]), ([3, 4], [0, 0])])
def test_where_there_is_nothing_to_compare_nothing_differs(first: list[int], second: list[int]) -> None:
    assert compare_counts(np.array(first), np.array(second)).p_value == 1


def test_the_number_of_alarms_has_an_exact_distribution() -> None:
    """Of 99 held-out images one lies beyond the threshold of 0.01; simulated with uniform distances."""
    rng = np.random.default_rng(0)
    draws = rng.random((20_000, 99 + 50))
    held_out, new = draws[:, :99], draws[:, 99:]
    counts = (new >= held_out.max(axis=1, keepdims=True)).sum(axis=1)
    for count in (1, 2, 3):
        assert surprising_count(count, 50, 99, 0.01) == pytest.approx((counts >= count).mean(), abs=0.01)
    assert surprising_count(0, 50, 99, 0.01) == 1
