"""Suspected label errors: the order and the count, on probabilities that can be checked by eye."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats.label_errors import SuspectLabel, count_errors, rank_suspects

P = np.array(
    [
        [0.90, 0.05, 0.05],
        [0.80, 0.10, 0.10],
        [0.10, 0.85, 0.05],  # given 0, looks like 1
        [0.05, 0.90, 0.05],
        [0.30, 0.60, 0.10],
        [0.02, 0.08, 0.90],  # given 1, looks like 2
        [0.10, 0.10, 0.80],
        [0.40, 0.25, 0.35],  # given 2, nearest to 0, but not as near as 0 usually is
    ]
)
GIVEN = [0, 0, 0, 1, 1, 1, 2, 2]


def test_the_least_probable_label_is_the_most_suspect() -> None:
    assert rank_suspects(P, GIVEN) == [SuspectLabel(5, 1, 2), SuspectLabel(2, 0, 1), SuspectLabel(7, 2, 0)]


def test_only_what_another_class_claims_with_confidence_is_counted() -> None:
    # Thresholds are the means of p(class) over its images: .60, .527, .575; image 7 gives 0 only .40.
    assert count_errors(P, GIVEN) == 2
    assert count_errors(P[:2], [0, 0]) == 0


def test_images_that_nothing_is_known_of_are_passed_over() -> None:
    p = np.vstack([np.full(3, np.nan), P])
    assert rank_suspects(p, [1, *GIVEN])[0] == SuspectLabel(6, 1, 2)
    assert count_errors(p, [1, *GIVEN]) == 2


def test_wrong_labels_are_found_among_many() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(300) % 10
    logits = rng.normal(0, 1, (300, 10))
    logits[np.arange(300), true] += 5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.choice(300, 5, replace=False)
    labels = true.copy()
    labels[wrong] = (true[wrong] + 1 + rng.integers(0, 9, 5)) % 10
    first = rank_suspects(p, labels)[:5]
    assert {item.position for item in first} == set(wrong.tolist())
    assert [true[item.position] for item in first] == [item.suggested for item in first]
    assert count_errors(p, labels) == pytest.approx(5, abs=2)
