"""Rows that pairs join: what is joined with the same row is joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def join(count: int, pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """For each of the rows 0..count-1 the least row that it is connected with."""
    edges = np.array(list(pairs), np.int64).reshape(-1, 2)
    if not len(edges):
        return tuple(range(count))
    graph = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    number, component = connected_components(graph, directed=False)
    least = np.full(number, count, np.int64)
    np.minimum.at(least, component, np.arange(count))
    return tuple(least[component].tolist())


def members(groups: Sequence[int]) -> dict[int, list[int]]:
    """The rows of every group that has at least two."""
    found: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        found.setdefault(group, []).append(row)
    return {group: rows for group, rows in found.items() if len(rows) > 1}
