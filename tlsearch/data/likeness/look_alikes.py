"""Whether pictures that look alike are kept together.

They are, where they are the same photograph encoded, resized or cropped in another way. In pictures of one fixed camera
everything looks alike, and what tells the classes apart is a scratch: there the rule does not fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tlsearch.data.likeness.unions import join, members
from tlsearch.types import IntArray
from tlsearch.utils.texts import some

SWALLOWED = 0.5
"""The rule does not fit where this share of a class of ``FEWEST_SWALLOWED`` images or more is one group."""

FEWEST_SWALLOWED = 8

ACROSS = 0.2
"""Nor where this share of the images that look like another are in groups of several labels, ``FEWEST_ACROSS`` or more.
A few such groups are wrong labels; many say that the classes look alike."""

FEWEST_ACROSS = 10


def pairs_that_count(pairs: IntArray, labels: Sequence[int], classes: Sequence[str]) -> tuple[IntArray, str | None]:
    """Of the pairs of rows that look alike, (n, 2), those that are kept together.

    They are all, or none with a warning that says why.
    """
    reason = why_unfit(pairs, labels, classes)
    if reason is None:
        return pairs, None
    return pairs[:0], (
        f"{reason}: pictures that look alike are not kept together here, only exact copies are; use --group-by where "
        "pictures of the same thing must stay on one side"
    )


def why_unfit(pairs: IntArray, labels: Sequence[int], classes: Sequence[str]) -> str | None:
    """Why keeping look-alikes together does not fit these images, or None where it does."""
    groups = list(members(join(len(labels), pairs)).values())
    if swallowed := _swallowed(groups, labels):
        return f"most images of {some([classes[label] for label in sorted(swallowed)])} look alike"
    across = sum(len(rows) for rows in groups if len({labels[row] for row in rows}) > 1)
    joined = sum(map(len, groups))
    if across >= FEWEST_ACROSS and across >= ACROSS * joined:
        return f"{across:,} images look like images of another class"
    return None


def settled(pairs: IntArray, labels: Sequence[int]) -> bool:
    """Whether the rule does not fit these images, whatever pairs there are besides: groups only grow."""
    return bool(_swallowed(list(members(join(len(labels), pairs)).values()), labels))


def _swallowed(groups: Sequence[Sequence[int]], labels: Sequence[int]) -> set[int]:
    """The labels of which most images are in one of the groups."""
    sizes = Counter(labels)
    return {
        label
        for rows in groups
        for label, count in Counter(labels[row] for row in rows).items()
        if sizes[label] >= FEWEST_SWALLOWED and count >= SWALLOWED * sizes[label]
    }
