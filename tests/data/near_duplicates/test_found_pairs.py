"""Once it is settled what pairs are for, no more of them are found than are needed for the groups."""

from __future__ import annotations

import numpy as np
import pytest

from tests.data.near_duplicates.test_near_pairs import clustered
from tests.helpers.images.near_duplicates import pairs_of, stored
from tlsearch.data.near_duplicates import find, found_pairs, near_pairs
from tlsearch.data.near_duplicates.find import find_near_duplicates
from tlsearch.data.near_duplicates.unions import join
from tlsearch.types import BoolArray, IntArray


@pytest.mark.parametrize("after", [1, 20, 100])
def test_what_is_settled_is_not_compared_any_more(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Fewer pairs, but the same groups, of 150 pictures around three."""
    monkeypatch.setattr(found_pairs, "_FIRST_LOOK", 1)
    monkeypatch.setattr(find, "_FEWEST", 1)
    monkeypatch.setattr(near_pairs, "_ROWS", 5)
    monkeypatch.setattr(near_pairs, "_COLUMNS", 10)
    looks = clustered(seed=2, clusters=3, count=150, small=1.0, most_flips=3)
    asked: list[int] = []

    def settled(pairs: IntArray) -> BoolArray:
        asked.append(len(pairs))
        return np.full(len(looks), len(pairs) >= after)

    classes = np.zeros(len(looks), np.int64)
    every = pairs_of(looks)
    with stored(looks) as store:
        found = find_near_duplicates(store, classes=classes, settled=settled)
        unsettled = find_near_duplicates(store, classes=classes, settled=lambda _: np.zeros(len(looks), bool))
    assert [tuple(pair) for pair in unsettled.tolist()] == every
    assert len(every) > 800
    assert asked[-1] >= after
    assert {(one, other) for one, other in found.tolist()} < set(every)
    assert len(found) < asked[-1] + 2 * len(looks)
    assert join(len(looks), found) == join(len(looks), every)


def test_crops_are_not_looked_for_among_what_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30 pictures of one thing, most pairs of which only the second rule joins."""
    monkeypatch.setattr(found_pairs, "_FIRST_LOOK", 1)
    monkeypatch.setattr(find, "ALIGNED", 4)
    looks = clustered(seed=4, clusters=1, count=30, small=0.0, most_flips=10)
    every = pairs_of(looks)
    with stored(looks) as store:
        found = find_near_duplicates(
            store, classes=np.zeros(len(looks), np.int64), settled=lambda _: np.ones(len(looks), bool)
        )
    assert len(every) > 150
    assert len(found) < len(every) / 2
    assert join(len(looks), found) == join(len(looks), every)
