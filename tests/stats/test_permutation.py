"""Whether errors lie in a few classes, or where chance puts them."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats.permutation import crowded_errors


def test_the_classes_with_most_errors_beyond_their_share_are_named() -> None:
    places, p = crowded_errors((1, 9, 2, 7, 1), (20, 20, 20, 20, 20))
    assert places == (1, 3)
    assert p < 0.01
    # A class with most of the images has most of the errors, which says nothing of it.
    places, p = crowded_errors((26, 8, 6, 1), (300, 20, 20, 20))
    assert places == (1, 2)
    assert p < 0.05
    assert crowded_errors((30, 2, 2, 2), (300, 20, 20, 20))[1] > 0.3


def test_a_class_without_more_than_its_share_is_not_named() -> None:
    assert crowded_errors((12, *[0] * 9), [30] * 10)[0] == (0,)
    assert crowded_errors((5, 5, 5, 5), (5, 5, 5, 5))[0] == ()


@pytest.mark.parametrize("total", [8, 11, 40])
def test_errors_that_chance_places_are_seldom_called_crowded(total: int) -> None:
    rng = np.random.default_rng(total)
    images = np.asarray([7, 8, 7, 8, 7, 7, 7, 8, 8, 8])
    found, twice = 0, 0
    for _ in range(200):
        errors = rng.multivariate_hypergeometric(images, total)
        places, p = crowded_errors(errors, images, n=499)
        found += p < 0.05
        theirs = errors[list(places)].sum() / total, images[list(places)].sum() / images.sum()
        twice += theirs[0] >= 2 * theirs[1]
    assert found <= 0.05 * 200 + 2 * np.sqrt(200 * 0.05 * 0.95)
    if total < 12:
        assert twice > 100  # what a share of the errors alone says in half of the cases


def test_no_error_and_all_errors_are_no_evidence() -> None:
    assert crowded_errors((0, 0, 0, 0), (5, 5, 5, 5))[1] == 1.0
    assert crowded_errors((5, 5, 5, 5), (5, 5, 5, 5))[1] == 1.0
