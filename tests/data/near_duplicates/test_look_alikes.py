"""Where pictures that look alike are kept together, and where that does not fit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tlsearch.data.near_duplicates.look_alikes import pairs_that_count, settled_rows

CLASSES = ("good", "scratched")


def chain(*rows: int) -> list[tuple[int, int]]:
    return list(pairwise(rows))


def count(pairs: list[tuple[int, int]], labels: list[int]) -> tuple[list[list[int]], str | None]:
    """What ``pairs_that_count`` gives, as lists."""
    paths = [f"{row}.jpg" for row in range(len(labels))]
    kept, warning = pairs_that_count(np.array(pairs, np.int64), labels, CLASSES, paths)
    return kept.tolist(), warning


@pytest.mark.parametrize(
    ("labels", "pairs"),
    [
        ([0] * 30 + [1] * 30, chain(0, 1, 2) + chain(40, 41)),
        ([0] * 30 + [1] * 30, chain(0, 1) + chain(2, 31)),  # a wrong label or two
        ([0] * 6 + [1] * 30, chain(*range(6))),  # too few to say
    ],
)
def test_look_alikes_are_kept_together(labels: list[int], pairs: list[tuple[int, int]]) -> None:
    assert count(pairs, labels) == ([list(pair) for pair in pairs], None)


@pytest.mark.parametrize(
    ("labels", "pairs", "reason"),
    [
        ([0] * 30 + [1] * 30, chain(*range(60)), "most images of good, scratched look alike"),
        ([0] * 30 + [1] * 30, chain(*range(16)), "most images of good look alike"),
        ([0] * 40 + [1] * 40, [(n, 40 + n) for n in range(6)], "12 images look like images of another class"),
    ],
)
def test_the_rule_is_set_aside_where_it_does_not_fit(
    labels: list[int], pairs: list[tuple[int, int]], reason: str
) -> None:
    kept, warning = count(pairs, labels)
    assert kept == []
    assert str(warning).startswith(f"{reason}: pictures that look alike are not kept together")


def test_what_settles_it_is_that_most_of_a_class_is_one_group() -> None:
    labels = [0] * 30 + [1] * 30
    for pairs, expected in ((chain(*range(15)), True), (chain(*range(14)), False), ([(0, 31), (1, 32)], False)):
        assert settled_rows(np.array(pairs), labels).all() == expected
