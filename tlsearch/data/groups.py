"""Which images belong together: a group never crosses a split, a fold or a resample.

Exact copies, images that look alike (``likeness``) and images that the user says belong together are joined; what is
joined with the same image is joined (union-find). Barz & Denzler 2020, "Do we train on test data?", found that 3 to
10 % of CIFAR's test images have near-duplicates in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tlsearch.data.index import DatasetIndex
from tlsearch.data.naming import group_names


def group_images(index: DatasetIndex, group_by: str | None = None) -> tuple[int, ...]:
    """For every image the group that it belongs to: the least row of the images that are joined with it.

    Images to which the source gives the same group are joined. ``group_by`` is a regular expression that is searched in
    the path of an image relative to the data set: images with the same first capture group, or the same whole match
    where it has none, are joined. Raises ``UsageError``
    when it is no regular expression or joins nothing.
    """
    named = () if group_by is None else named_pairs(index, group_by)
    said = _pairs([image.group for image in index.images])
    return join(len(index.images), (*index.copies, *index.lookalikes, *said, *named))


def named_pairs(index: DatasetIndex, group_by: str) -> list[tuple[int, int]]:
    """Pairs of rows (first, later) whose paths give the same name by ``group_by``."""
    return _pairs(group_names([image.own_path for image in index.images], group_by))


def _pairs(names: Sequence[str | None]) -> list[tuple[int, int]]:
    """Pairs of rows (first, later) that have the same name; rows without one are in none."""
    first: dict[str, int] = {}
    pairs = ((first.setdefault(name, row), row) for row, name in enumerate(names) if name is not None)
    return [(one, other) for one, other in pairs if one != other]


def join(count: int, pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Union-find over the rows 0..count-1: for each the least row that it is connected with."""
    parent = list(range(count))
    for one, other in pairs:
        low, high = sorted((_root(parent, one), _root(parent, other)))
        parent[high] = low
    return tuple(_root(parent, row) for row in range(count))


def members(groups: Sequence[int]) -> dict[int, list[int]]:
    """The rows of every group that has at least two."""
    found: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        found.setdefault(group, []).append(row)
    return {group: rows for group, rows in found.items() if len(rows) > 1}


def _root(parent: list[int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
