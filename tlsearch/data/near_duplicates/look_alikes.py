"""Whether pictures that look alike are kept together.

They are, where they are the same photograph encoded, resized or cropped in another way. In pictures of one fixed camera
everything looks alike, and what tells the classes apart is a scratch: there the rule does not fit. A class of which
most images are one group looks alike throughout: it is *swallowed* by the group. The rule fits no pair with an image of
such a class, be the other image in it or not, and fits all other pairs. It fits nowhere where the swallowed classes
hold most images, or where too many of the other images look like those of another class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from tlsearch.data.near_duplicates.unions import join, members
from tlsearch.types import BoolArray, IntArray
from tlsearch.utils.texts import some

SWALLOWED = 0.5
"""A class of ``FEWEST_SWALLOWED`` images or more is swallowed where one group holds this share of it."""

FEWEST_SWALLOWED = 8

SWALLOWED_IMAGES = 0.5
"""The rule fits nowhere where the swallowed classes hold this share of all images: one camera took most of them."""

ACROSS = 0.2
"""Nor where this share of the images that look like another are in groups of several labels, ``FEWEST_ACROSS`` or more.
A few such groups are wrong labels; many say that the classes look alike. Swallowed classes do not count here."""

FEWEST_ACROSS = 10


def pairs_that_count(
    pairs: IntArray, labels: Sequence[int], classes: Sequence[str], paths: Sequence[str]
) -> tuple[IntArray, str | None]:
    """Of the pairs of rows that look alike, (n, 2), those that are kept together.

    They are all, or with a warning that says why and where, those without an image of a swallowed class, or none.
    ``labels`` and ``paths`` are those of all images.
    """
    groups = _groups(pairs, labels)
    swallowed = _swallowed(groups, labels)
    are_most = _are_most(swallowed, labels)
    left = pairs[~_rows_of(swallowed, labels)[pairs].any(axis=1)]
    across = 0 if are_most else _across(left, labels)
    reasons = []
    if swallowed:
        reasons.append(f"most images of {some([classes[label] for label in sorted(swallowed)])} look alike")
    if across:
        reasons.append(
            f"{'of the other classes ' * bool(swallowed)}{across:,} images look like images of another class"
        )
    if not reasons:
        return pairs, None
    others = _others(groups, swallowed, labels, paths)
    nowhere = are_most or across > 0
    where = "any class" if nowhere else "this class" if len(swallowed) == 1 else "these classes"
    return pairs[:0] if nowhere else left, (
        f"{', and '.join(reasons)}: pictures that look alike are not kept together in {where}, only exact copies are; "
        f"use --group-by where pictures of the same thing must stay on one side{others}"
    )


def settled_rows(pairs: IntArray, labels: Sequence[int], copies: Iterable[tuple[int, int]] = ()) -> BoolArray:
    """The rows whose pairs will not be kept together, whatever pairs there are besides, (images,): groups only grow.

    Those are the rows of swallowed classes, or all rows where the rule fits nowhere because of these. ``copies`` are
    pairs of a row and a copy of it that has no pairs of its own: such a row is settled only with all of its copies.
    """
    swallowed = _swallowed(_groups(pairs, labels), labels)
    if _are_most(swallowed, labels):
        return np.ones(len(labels), bool)
    settled = _rows_of(swallowed, labels)
    for row, copy in copies:
        settled[row] &= settled[copy]
    return settled


def own_classes(labels: Sequence[int], copies: Iterable[tuple[int, int]]) -> IntArray:
    """The class of each row, (images,), by which its pairs count or not.

    It is its label, or, for a row with a copy of another label, a class of its own: there its pairs count, where those
    of one of the two labels do. ``copies`` are pairs of a row and a copy of it.
    """
    classes = np.array(labels, np.int64)
    for row, copy in copies:
        if labels[row] != labels[copy]:
            classes[row] = -1 - row
    return classes


def _groups(pairs: IntArray, labels: Sequence[int]) -> list[list[int]]:
    """The rows of every group that pairs make."""
    return list(members(join(len(labels), pairs)).values())


def _swallowed(groups: Sequence[Sequence[int]], labels: Sequence[int]) -> set[int]:
    """The labels of which most images are in one of the groups."""
    sizes = Counter(labels)
    return {label for rows in groups for label in _swallowed_by(rows, labels, sizes)}


def _swallowed_by(rows: Sequence[int], labels: Sequence[int], sizes: Counter[int]) -> set[int]:
    """The labels of which most images are in this group; ``sizes`` are those of the classes."""
    return {
        label
        for label, count in Counter(labels[row] for row in rows).items()
        if sizes[label] >= FEWEST_SWALLOWED and count >= SWALLOWED * sizes[label]
    }


def _rows_of(swallowed: Collection[int], labels: Sequence[int]) -> BoolArray:
    """Which images are of these labels."""
    return np.isin(labels, sorted(swallowed))


def _are_most(swallowed: Collection[int], labels: Sequence[int]) -> bool:
    """Whether these labels are those of most images."""
    return bool(swallowed) and int(_rows_of(swallowed, labels).sum()) >= SWALLOWED_IMAGES * len(labels)


def _across(pairs: IntArray, labels: Sequence[int]) -> int:
    """The number of images in groups of several labels, or 0 where these are few."""
    groups = _groups(pairs, labels)
    across = sum(len(rows) for rows in groups if len({labels[row] for row in rows}) > 1)
    return across if across >= FEWEST_ACROSS and across >= ACROSS * sum(map(len, groups)) else 0


def _others(
    groups: Sequence[Sequence[int]], swallowed: Collection[int], labels: Sequence[int], paths: Sequence[str]
) -> str:
    """Words for the images of other classes that are in a group with most of a swallowed class."""
    sizes = Counter(labels)
    swallowing = (rows for rows in groups if _swallowed_by(rows, labels, sizes))
    others = sorted(row for rows in swallowing for row in rows if labels[row] not in swallowed)
    if not others:
        return ""
    who = "1 image of another class looks" if len(others) == 1 else f"{len(others):,} images of other classes look"
    return f"; {who} like them: {some([paths[row] for row in others])}"
