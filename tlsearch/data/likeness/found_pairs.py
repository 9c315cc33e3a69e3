"""The pairs that look alike, as they are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tlsearch.data.likeness.near_pairs import Pairs
from tlsearch.data.likeness.unions import in_order, join
from tlsearch.types import BoolArray, IntArray

_FIRST_LOOK = 1024  # pairs after which it is asked for the first time which pictures they settle


class FoundPairs:
    """The pairs that look alike, and which are of interest once some of the pictures are settled.

    Args:
        count: The number of pictures.
        settled: Says of the pairs so far which pictures they settle, (count,). A picture that is settled stays so.
    """

    def __init__(self, count: int, settled: Callable[[IntArray], BoolArray] | None) -> None:
        self._ask = settled
        self._pairs: list[IntArray] = []
        self._number = 0
        self._next_look = _FIRST_LOOK
        self._settled = np.zeros(count, bool)
        self._group: IntArray | None = None  # of every picture, once some are settled

    def of_interest(self, ones: IntArray, others: IntArray) -> Pairs:
        """The pairs of pictures that are not settled, and those of others that would join two groups."""
        if self._group is None:
            return ones, others
        open_ones = ~(self._settled[ones] | self._settled[others]) | (self._group[ones] != self._group[others])
        return ones[open_ones], others[open_ones]

    def add(self, ones: IntArray, others: IntArray) -> None:
        """Keep pairs that look alike, as far as they are of interest."""
        if self._group is not None:
            kept = self._join(self._group, ones, others)
            ones, others = ones[kept], others[kept]
        if not len(ones):
            return
        self._pairs.append(np.stack([ones, others], axis=1).astype(np.int32))
        self._number += len(ones)
        if self._ask is not None and self._number >= self._next_look and not self._settled.all():
            self._next_look = 2 * self._number
            self._look(self._ask)

    def pairs(self) -> IntArray:
        """All that was kept, in order."""
        return in_order(np.concatenate([np.empty((0, 2), np.int64), *self._pairs]))

    def _look(self, ask: Callable[[IntArray], BoolArray]) -> None:
        """Ask which pictures are settled by now."""
        pairs = self.pairs()
        self._settled = ask(pairs)
        if self._group is None and self._settled.any():
            self._group = np.array(join(len(self._settled), pairs), np.int64)

    def _join(self, group: IntArray, ones: IntArray, others: IntArray) -> BoolArray:
        """Join the groups of pairs; gives which pairs are kept: of settled pictures, only those that joined two."""
        kept: BoolArray = ~(self._settled[ones] | self._settled[others])
        for place in np.flatnonzero(group[ones] != group[others]).tolist():
            one, other = group[ones[place]], group[others[place]]
            if one != other:  # no earlier pair has joined them
                group[group == other] = one
                kept[place] = True
        return kept
