"""Which pairs are kept together where a class is swallowed: by pairs alone, without pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsearch.data.near_duplicates.look_alikes import pairs_that_count, settled_rows

CLASSES = ("a", "b", "c")

LABELS = [0] * 10 + [1] * 20 + [2] * 20
"""A class of rows 0 to 9, one of rows 10 to 29, and one of rows 30 to 49."""


def chain(*rows: int) -> list[tuple[int, int]]:
    return list(pairwise(rows))


def kept_of(pairs: Sequence[tuple[int, int]], labels: Sequence[int]) -> tuple[list[tuple[int, int]], str]:
    """What ``pairs_that_count`` gives, as a list, and its warning."""
    paths = [f"{row}.jpg" for row in range(len(labels))]
    kept, warning = pairs_that_count(np.array(pairs, np.int64).reshape(-1, 2), labels, CLASSES, paths)
    return [(one, other) for one, other in kept.tolist()], warning or ""


def count(pairs: Sequence[tuple[int, int]], labels: Sequence[int]) -> tuple[list[tuple[int, int]], str]:
    """The same with the first half of the warning."""
    kept, warning = kept_of(pairs, labels)
    return kept, warning.split(", only exact")[0]


def test_pairs_of_other_classes_stay() -> None:
    others = [(12, 13), (30, 31), (20, 40)]
    kept, warning = count(chain(*range(5)) + others, LABELS)
    assert kept == others
    assert warning == "most images of a look alike: pictures that look alike are not kept together in this class"


def test_no_pair_with_an_image_of_such_a_class_stays() -> None:
    """Not even one that alone joins two images of other classes."""
    kept, warning = kept_of([*chain(*range(5)), (4, 12), (4, 31), (13, 14)], LABELS)
    assert kept == [(13, 14)]
    assert warning.endswith("on one side; 2 images of other classes look like them: 12.jpg, 31.jpg")


def test_an_image_that_looks_like_one_outside_of_the_group_is_not_named() -> None:
    kept, warning = kept_of([*chain(*range(5)), (9, 12)], LABELS)
    assert kept == []
    assert warning.endswith("on one side")


@pytest.mark.parametrize(("second", "where"), [(5, "this class"), (14, "these classes"), (15, "any class")])
def test_half_of_all_images_are_most_of_them(second: int, where: str) -> None:
    """A class of 10 beside one of ``second`` to 15 images, of 50, all of which look alike if there are 8 or more."""
    labels = [0] * 10 + [1] * second + [2] * (40 - second)
    alike = chain(*range(10)) + chain(*range(10, 10 + second)) if second > 5 else chain(*range(10))
    kept, warning = count([*alike, (48, 49)], labels)
    assert warning.endswith(f"in {where}")
    assert kept == ([] if where == "any class" else [(48, 49)])


def test_a_large_class_alone_may_hold_most_images() -> None:
    kept, warning = count([*chain(*range(50)), (60, 61)], [0] * 60 + [1] * 20 + [2] * 20)
    assert kept == []
    assert warning.endswith("in any class")


def test_a_small_class_of_one_group_is_kept_together() -> None:
    pairs = chain(*range(7))
    assert count(pairs, [0] * 7 + [1] * 20 + [2] * 20) == (pairs, "")


def test_classes_that_look_like_each_other_are_judged_without_the_swallowed_one() -> None:
    swallowed = chain(*range(10))
    with_others = [(row, 10 + row) for row in range(9)]  # each of class b looks like one of the swallowed class
    assert count(swallowed + with_others + [(40, 41)], LABELS)[0] == [(40, 41)]
    kept, warning = count(swallowed + [(10 + row, 30 + row) for row in range(5)], LABELS)
    assert kept == []
    assert warning.startswith(
        "most images of a look alike, and of the other classes 10 images look like images of another class: pictures "
        "that look alike are not kept together in any class"
    )


def test_a_few_across_the_other_classes_are_wrong_labels() -> None:
    pairs = [(10, 30), (11, 31)]
    assert count(chain(*range(10)) + pairs, LABELS)[0] == pairs


RANDOM_PAIRS = st.lists(st.tuples(st.integers(0, 23), st.integers(24, 49)) | st.tuples(st.integers(0, 9), st.just(9)))


@given(RANDOM_PAIRS, st.lists(st.integers(0, 2), min_size=50, max_size=50))
def test_what_is_settled_stays_so_and_its_pairs_are_not_kept(pairs: list[tuple[int, int]], labels: list[int]) -> None:
    pairs = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    kept, warning = count(pairs, labels)
    settled = settled_rows(np.array(pairs, np.int64).reshape(-1, 2), labels)
    for number in range(len(pairs)):
        earlier = settled_rows(np.array(pairs[:number], np.int64).reshape(-1, 2), labels)
        assert not (earlier & ~settled).any()
    assert not kept or kept == [pair for pair in pairs if not settled[list(pair)].any()]
    assert warning or kept == pairs


def test_a_row_is_settled_only_with_all_of_its_copies() -> None:
    """A pair of the first is also one of the copy, which may be of a class where it counts."""
    pairs = np.array(chain(*range(6)))
    assert settled_rows(pairs, LABELS).nonzero()[0].tolist() == list(range(10))
    assert settled_rows(pairs, LABELS, [(2, 9), (3, 12)]).nonzero()[0].tolist() == [0, 1, 2, *range(4, 10)]
