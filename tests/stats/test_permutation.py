"""McNemar's test against published examples; whether errors lie in a few classes, or where chance puts them."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats.permutation import concentrated_errors, mcnemar_midp


def test_the_classes_with_most_errors_beyond_their_share_are_named() -> None:
    places, p = concentrated_errors((1, 9, 2, 7, 1), (20, 20, 20, 20, 20))
    assert places == (1, 3)
    assert p < 0.01
    # A class with most of the images has most of the errors, which says nothing of it.
    places, p = concentrated_errors((26, 8, 6, 1), (300, 20, 20, 20))
    assert places == (1, 2)
    assert p < 0.05
    assert concentrated_errors((30, 2, 2, 2), (300, 20, 20, 20))[1] > 0.3


def test_a_class_without_more_than_its_share_is_not_named() -> None:
    assert concentrated_errors((12, *[0] * 9), [30] * 10)[0] == (0,)
    assert concentrated_errors((5, 5, 5, 5), (5, 5, 5, 5))[0] == ()


@pytest.mark.parametrize("total", [8, 11, 40])
def test_errors_that_chance_places_are_seldom_called_concentrated(total: int) -> None:
    rng = np.random.default_rng(total)
    images = np.asarray([7, 8, 7, 8, 7, 7, 7, 8, 8, 8])
    found, twice = 0, 0
    for _ in range(200):
        errors = rng.multivariate_hypergeometric(images, total)
        places, p = concentrated_errors(errors, images, n=499)
        found += p < 0.05
        theirs = errors[list(places)].sum() / total, images[list(places)].sum() / images.sum()
        twice += theirs[0] >= 2 * theirs[1]
    assert found <= 0.05 * 200 + 2 * np.sqrt(200 * 0.05 * 0.95)
    if total < 12:
        assert twice > 100  # what a share of the errors alone says in half of the cases


def test_no_error_and_all_errors_are_no_evidence() -> None:
    assert concentrated_errors((0, 0, 0, 0), (5, 5, 5, 5))[1] == 1.0
    assert concentrated_errors((5, 5, 5, 5), (5, 5, 5, 5))[1] == 1.0


# Fagerland, Lydersen and Laake 2013 (Bentur: .0391) and 2017 (Cavo: .034690).
@pytest.mark.parametrize(("b", "c", "p"), [(1, 7, 0.0391), (6, 16, 0.034690)])
def test_midp_gives_published_examples(b: int, c: int, p: float) -> None:
    assert mcnemar_midp(b, c) == pytest.approx(p, abs=5e-5)
    assert mcnemar_midp(c, b) == mcnemar_midp(b, c)


def test_midp_counts_half_of_what_was_observed() -> None:
    # Of 8 pairs, splits 0:8, 1:7, 7:1, 8:0 are at least as extreme as 1:7; those as extreme count half.
    assert mcnemar_midp(1, 7) == pytest.approx((1 + 8 / 2 + 8 / 2 + 1) / 2**8)
    # At an even split everything else is more extreme.
    assert mcnemar_midp(4, 4) == pytest.approx(1 - 70 / 2**8 / 2)


def test_midp_says_nothing_below_six_pairs() -> None:
    assert mcnemar_midp(5, 0) is None
    assert mcnemar_midp(6, 0) == pytest.approx(1 / 64)
