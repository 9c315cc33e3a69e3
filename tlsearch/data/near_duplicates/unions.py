"""Rows that pairs join: what is joined with the same row is joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tlsearch.types import IntArray


def join(count: int, pairs: Iterable[tuple[int, int]] | IntArray) -> tuple[int, ...]:
    """For each of the rows 0..count-1 the least row that it is connected with; an array of pairs is (n, 2)."""
    edges = pairs if isinstance(pairs, np.ndarray) else np.array(list(pairs), np.int64).reshape(-1, 2)
    if not len(edges):
        return tuple(range(count))
    graph = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    number, component = connected_components(graph, directed=False)
    least = np.full(number, count, np.int64)
    np.minimum.at(least, component, np.arange(count))
    return tuple(least[component].tolist())


class Joined:
    """Rows that are joined pair by pair, where it is asked in between which are joined.

    Attributes:
        of: The group of each row, (rows,), which is the number of one of the group's rows.
        sizes: The number of rows in each group, by the number of the group.
    """

    def __init__(self, count: int) -> None:
        self.of: IntArray = np.arange(count)
        self.sizes: IntArray = np.ones(count, np.int64)
        self._rows: dict[int, list[int]] = {}  # of groups of several

    def size(self, row: int) -> int:
        """The number of rows that a row is joined with, itself included."""
        return int(self.sizes[self.of[row]])

    def join(self, one: int, other: int) -> int | None:
        """Join the groups of two rows; gives the number of the group that is no more, if they were apart."""
        stays, gone = int(self.of[one]), int(self.of[other])
        if stays == gone:
            return None
        if self.sizes[stays] < self.sizes[gone]:  # so that a row changes its group only a few times
            stays, gone = gone, stays
        moved = self._rows.pop(gone, [gone])
        self.of[moved] = stays
        self.sizes[stays] += len(moved)
        self._rows.setdefault(stays, [stays]).extend(moved)
        return gone


def members(groups: Sequence[int]) -> dict[int, list[int]]:
    """The rows of every group that has at least two."""
    found: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        found.setdefault(group, []).append(row)
    return {group: rows for group, rows in found.items() if len(rows) > 1}


def in_order(pairs: IntArray) -> IntArray:
    """The pairs, (n, 2), with the lesser row first in each, sorted."""
    pairs = np.sort(pairs, axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def with_copies(pairs: IntArray, copies: Iterable[tuple[int, int]]) -> IntArray:
    """The pairs, (n, 2), with each row also replaced by all of its copies, in order.

    ``copies`` are pairs of a row and a copy of it; no copy is in ``pairs``.
    """
    same: dict[int, list[int]] = {}
    for first, copy in copies:
        same.setdefault(first, [first]).append(copy)
    copied = np.isin(pairs, list(same)).any(axis=1)
    more = [
        pair
        for one, other in pairs[copied].tolist()
        for pair in product(same.get(one, [one]), same.get(other, [other]))
    ]
    return in_order(np.concatenate([pairs[~copied], np.array(more, np.int64).reshape(-1, 2)]))
