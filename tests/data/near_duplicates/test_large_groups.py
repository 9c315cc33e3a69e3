"""Of a large group few pairs are kept, and these join what all of them join, whatever classes are left out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations, pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from tests.helpers.images.fixed_camera import save_shots, scene
from tlsearch.data.checks import check
from tlsearch.data.near_duplicates import found_pairs
from tlsearch.data.near_duplicates.found_pairs import FoundPairs
from tlsearch.data.near_duplicates.look_alikes import own_classes
from tlsearch.data.near_duplicates.unions import Joined, join, with_copies
from tlsearch.data.survey import scan
from tlsearch.types import IntArray

ROWS = 14
LABELS = (0, 1, 2)

Pair = tuple[int, int]

SOME_PAIRS = st.lists(
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: (min(pair), max(pair))),
    unique=True,
)


def offered(pairs: Sequence[Pair], classes: IntArray, portion: int, large: int) -> IntArray:
    """What is kept of pairs that all look alike, offered in portions."""
    found = FoundPairs(classes)
    with patch.object(found_pairs, "_LARGE", large):
        for start in range(0, len(pairs), portion):
            ones, others = np.array(pairs[start : start + portion], np.int64).T
            found.add(*found.of_interest(ones, others))
    return found.pairs()


def left(pairs: IntArray, labels: Sequence[int], kept: Sequence[int]) -> IntArray:
    """The pairs of which both pictures are of the labels that are kept."""
    return pairs[np.isin(labels, kept)[pairs].all(axis=1)]


@given(
    SOME_PAIRS,
    st.lists(st.sampled_from(LABELS), min_size=ROWS, max_size=ROWS),
    st.lists(st.tuples(st.integers(0, ROWS - 1), st.sampled_from(LABELS)), max_size=3),
    st.integers(1, 9),
    st.integers(1, 4),
)
@example([(0, 1), (2, 3), (0, 2), (1, 2)], [0, 0, 1, 1, *[2] * 10], [(1, 1)], 1, 1)
def test_they_join_the_same_whatever_classes_are_left_out(
    pairs: list[Pair], of_rows: list[int], copied: list[Pair], portion: int, large: int
) -> None:
    """Also where a row has copies, of which none was compared, in its class or in another."""
    labels = of_rows + [label for _, label in copied]
    copies = [(row, ROWS + number) for number, (row, _) in enumerate(copied)]
    some = offered(pairs, own_classes(labels, copies), portion, large)
    every = with_copies(np.array(pairs, np.int64).reshape(-1, 2), copies)
    assert {(one, other) for one, other in some.tolist()} <= set(pairs)
    for kept in chain.from_iterable(combinations(LABELS, count) for count in (1, 2, 3)):
        of_some = left(with_copies(some, copies), labels, kept)
        assert join(len(labels), of_some) == join(len(labels), left(every, labels, kept))


def test_of_a_small_group_all_pairs_are_kept() -> None:
    pairs = list(combinations(range(20), 2))
    assert offered(pairs, np.arange(20) % 3, 7, large=20).tolist() == [list(pair) for pair in pairs]


def test_of_a_large_group_no_more_pairs_are_kept_than_it_has_pictures() -> None:
    """And a few more: those of its first pictures, and one for every two of its parts."""
    pairs = list(combinations(range(120), 2))
    kept = offered(pairs, np.arange(120) % 4, 50, large=8)
    assert len(pairs) == 7140
    assert len(kept) < 120 + 8 * 120


def test_without_classes_all_pairs_are_kept() -> None:
    pairs = list(combinations(range(30), 2))
    found = FoundPairs(None)
    with patch.object(found_pairs, "_LARGE", 4):
        for pair in pairs:
            ones, others = np.array([pair]).T
            found.add(*found.of_interest(ones, others))
    assert found.pairs().tolist() == [list(pair) for pair in pairs]


@given(SOME_PAIRS)
def test_rows_are_joined_one_by_one(pairs: list[Pair]) -> None:
    joined = Joined(ROWS)
    for number, (one, other) in enumerate(pairs):
        before = joined.of[one], joined.of[other]
        gone = joined.join(one, other)
        assert (gone is None) == (before[0] == before[1])
        groups = join(ROWS, pairs[: number + 1])
        assert [joined.size(row) for row in range(ROWS)] == [groups.count(group) for group in groups]
        assert len({*zip(joined.of.tolist(), groups, strict=True)}) == len(set(groups)) == len({*joined.of.tolist()})


def test_pictures_of_a_large_group_that_cross_folders_look_alike(tmp_path: Path) -> None:
    """Not every pair of them is known, but the finding is the one of look-alikes."""
    for name, seed in (("good", 1), ("scratched", 2)):
        for number in range(100):
            folder = tmp_path / ("test" if number < 20 else "train") / name
            save_shots(folder, scene(1000 * seed + number), 1, first=number)
    save_shots(tmp_path / "train" / "good", scene(5), 60, first=200)
    save_shots(tmp_path / "test" / "good", scene(5), 30, first=300)
    index = scan(tmp_path)
    kinds = {finding.kind: finding for finding in check(index)}
    assert "crossing_groups" not in kinds
    assert len(kinds["crossing_lookalikes"].files) == 60
    assert len(index.lookalikes) < 89 * 90 / 2


def test_a_chain_is_a_group_too() -> None:
    pairs = list(pairwise(range(50)))
    assert offered(pairs, np.zeros(50, np.int64), 10, large=3).tolist() == [list(pair) for pair in pairs]
