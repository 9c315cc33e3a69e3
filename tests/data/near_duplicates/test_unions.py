"""Pairs of rows: what they join, and those of which rows have copies."""

from __future__ import annotations

import numpy as np

from tlsearch.data.near_duplicates.unions import in_order, join, with_copies


def test_an_array_of_pairs_joins_as_a_list_does() -> None:
    pairs = [(3, 1), (4, 3), (0, 5)]
    assert join(7, np.array(pairs)) == join(7, pairs) == (0, 1, 2, 1, 1, 0, 6)
    assert join(2, np.empty((0, 2), np.int64)) == (0, 1)


def test_pairs_are_put_in_order() -> None:
    assert in_order(np.array([(3, 1), (0, 5), (1, 2), (4, 0)])).tolist() == [[0, 4], [0, 5], [1, 2], [1, 3]]


def test_copies_are_in_the_pairs_of_what_they_copy() -> None:
    pairs = np.array([(0, 4), (1, 2), (2, 7)])
    expected = [[0, 4], [0, 6], [1, 2], [1, 3], [1, 5], [2, 7], [3, 7], [4, 8], [5, 7], [6, 8]]
    assert with_copies(pairs, [(2, 3), (2, 5), (0, 8), (4, 6), (9, 10)]).tolist() == expected
    assert with_copies(pairs, []).tolist() == pairs.tolist()
    assert with_copies(pairs[:0], [(2, 3)]).tolist() == []
