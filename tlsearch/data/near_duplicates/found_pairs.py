"""The pairs that look alike, as they are found, and which of those that may follow say something new.

Thousands of pictures that all look alike make millions of pairs. So, of pictures in a large group, only those pairs are
kept that are needed to tell later which pictures are joined, whatever classes are left out:

- Pictures of a class that pairs within the class join are one *part* of a group. Within a part, some pairs join all.
- Between two parts, one pair joins them.
- Of pictures that are settled, for their pairs will not count, only those pairs are kept that join two groups.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tlsearch.data.near_duplicates.near_pairs import Pairs
from tlsearch.data.near_duplicates.unions import Joined, in_order
from tlsearch.types import BoolArray, IntArray

_FIRST_LOOK = 1024  # pairs after which it is asked for the first time which pictures they settle
_LARGE = 64  # pictures; in a group of more than these not every pair is kept


class FoundPairs:
    """The pairs that look alike, and which are of interest once there are large groups, or settled pictures.

    Args:
        classes: The class of every picture, (pictures,); without one, all pairs are of interest.
        settled: Says of the pairs so far which pictures they settle, (pictures,). A picture that is settled stays so,
            and, with it, all of its class.
    """

    def __init__(self, classes: IntArray | None, settled: Callable[[IntArray], BoolArray] | None = None) -> None:
        count = 0 if classes is None else len(classes)
        self._classes = classes
        self._ask = settled
        self._pairs: list[IntArray] = []
        self._number = 0
        self._next_look = _FIRST_LOOK
        self._settled = np.zeros(count, bool)
        self._groups = Joined(count)
        self._parts = Joined(count)
        self._links: dict[int, set[int]] = {}  # the parts that are joined with a part

    def of_interest(self, ones: IntArray, others: IntArray) -> Pairs:
        """Those of the pairs that say something new if they look alike."""
        if self._classes is None:
            return ones, others
        known = self._groups.of[ones] == self._groups.of[others]
        doubtful = np.flatnonzero(known & ~(self._settled[ones] | self._settled[others]))
        known[doubtful] = self._say_nothing(ones[doubtful], others[doubtful])
        return ones[~known], others[~known]

    def add(self, ones: IntArray, others: IntArray) -> None:
        """Keep those of the pairs, which look alike, that say something new."""
        if self._classes is not None:
            kept = np.array([self._join(*pair) for pair in zip(ones.tolist(), others.tolist(), strict=True)], bool)
            ones, others = ones[kept], others[kept]
        if not len(ones):
            return
        self._pairs.append(np.stack([ones, others], axis=1).astype(np.int32))
        self._number += len(ones)
        if self._ask is not None and self._number >= self._next_look and not self._settled.all():
            self._next_look = 2 * self._number
            self._settled = self._ask(self.pairs())

    def pairs(self) -> IntArray:
        """All that was kept, in order."""
        return in_order(np.concatenate([np.empty((0, 2), np.int64), *self._pairs]))

    def _say_nothing(self, ones: IntArray, others: IntArray) -> BoolArray:
        """Whether pairs within a group are in one part of it, or between parts that are joined, of a large group."""
        nothing: BoolArray = self._groups.sizes[self._groups.of[ones]] > _LARGE
        one_parts, other_parts = self._parts.of[ones], self._parts.of[others]
        between = np.flatnonzero(nothing & (one_parts != other_parts))
        if len(between):
            parts, at = np.unique(np.stack([one_parts[between], other_parts[between]]), axis=1, return_inverse=True)
            linked = [other in self._links.get(one, ()) for one, other in parts.T.tolist()]
            nothing[between] = np.array(linked, bool)[at]
        return nothing

    def _join(self, one: int, other: int) -> bool:
        """Join the groups, and the parts, of two pictures that look alike; gives whether the pair is kept."""
        large = self._groups.size(one) > _LARGE
        new_group = self._groups.join(one, other) is not None
        new = self._join_parts(one, other)
        return new_group or (not (self._settled[one] or self._settled[other]) and (new or not large))

    def _join_parts(self, one: int, other: int) -> bool:
        """Make one part of two parts of a class, or link parts of two; gives whether they were not before."""
        first, second = int(self._parts.of[one]), int(self._parts.of[other])
        if self._classes is not None and self._classes[one] != self._classes[other]:
            linked = self._links.setdefault(first, set())
            new = second not in linked
            linked.add(second)
            self._links.setdefault(second, set()).add(first)
            return new
        gone = self._parts.join(one, other)
        if gone is None:
            return False
        stays = first if gone == second else second
        for part in self._links.pop(gone, ()):
            self._links[part].discard(gone)
            self._links[part].add(stays)
            self._links.setdefault(stays, set()).add(part)
        return True
