"""The pairs that look alike, as they are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tlsearch.data.likeness.near_pairs import Pairs
from tlsearch.data.likeness.unions import in_order, join
from tlsearch.types import IntArray

_FIRST_LOOK = 1024  # pairs after which it is asked for the first time whether they settle it


class FoundPairs:
    """The pairs that look alike, and which are of interest once they are settled."""

    def __init__(self, count: int, settled: Callable[[IntArray], bool] | None) -> None:
        self._count = count
        self._settled = settled
        self._pairs: list[IntArray] = []
        self._number = 0
        self._next_look = _FIRST_LOOK
        self._group: IntArray | None = None  # of every picture, once the pairs are settled

    def of_interest(self, ones: IntArray, others: IntArray) -> Pairs:
        """All of the pairs, or, once they are settled, those that would join two groups."""
        if self._group is None:
            return ones, others
        apart = self._group[ones] != self._group[others]
        return ones[apart], others[apart]

    def add(self, ones: IntArray, others: IntArray) -> None:
        """Keep pairs that look alike."""
        if not len(ones):
            return
        self._pairs.append(np.stack([ones, others], axis=1).astype(np.int32))
        self._number += len(ones)
        if self._group is not None:
            for one, other in zip(ones.tolist(), others.tolist(), strict=True):
                if self._group[one] != self._group[other]:
                    self._group[self._group == self._group[other]] = self._group[one]
        elif self._settled is not None and self._number >= self._next_look:
            self._next_look = 2 * self._number
            pairs = self.pairs()
            if self._settled(pairs):
                self._group = np.array(join(self._count, pairs), np.int64)

    def pairs(self) -> IntArray:
        """All that was kept, in order."""
        return in_order(np.concatenate([np.empty((0, 2), np.int64), *self._pairs]))
