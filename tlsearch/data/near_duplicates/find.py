"""Which pictures look alike: all pairs that the rules (``rules``) are true of, without a look at every pair.

Pairs that a rule may be for are found by their hashes and colours (``near_pairs``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from tlsearch.data.near_duplicates.found_pairs import FoundPairs
from tlsearch.data.near_duplicates.near_pairs import Pairs, near_pairs
from tlsearch.data.near_duplicates.rules import (
    ALIGNED,
    NEARNESS,
    as_they_are,
    coarse_thumbnails,
    croppable,
    crops,
    roughly_alike,
)
from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.types import BoolArray, IntArray

_FEWEST = 512  # pairs that are compared at a time, where there are so many


def find_near_duplicates(
    looks: FingerprintStore,
    left_out: Collection[int] = (),
    classes: IntArray | None = None,
    settled: Callable[[IntArray], BoolArray] | None = None,
) -> IntArray:
    """Pairs of positions whose pictures look alike, (n, 2), the lesser position first, in order.

    They are all such pairs, unless ``classes`` are given. Then they are all but in large groups, and as many of these
    as join the same pictures that all of them would join, whatever classes are left out.

    Args:
        looks: The pictures. One of a single grey looks like nothing.
        left_out: Positions of pictures that are not compared.
        classes: The class of every picture, (pictures,).
        settled: Is asked now and then about the pairs that are found so far, and says of which pictures, (pictures,),
            the pairs are of no use but for the groups that they make with those of all others. It says so of all
            pictures of a class or of none, and what is settled stays so when there are more pairs.
    """
    coarse, compared = coarse_thumbnails(looks)
    compared[list(left_out)] = False
    found = FoundPairs(classes, settled)
    for near in _portions(near_pairs(looks, np.flatnonzero(compared), NEARNESS)):
        ones, others = roughly_alike(looks, coarse, *found.of_interest(*near))
        alike = as_they_are(looks, ones, others)
        found.add(ones[alike], others[alike])
        ones, others = croppable(looks, ones[~alike], others[~alike])
        for start in range(0, len(ones), ALIGNED):
            part = slice(start, start + ALIGNED)
            some = found.of_interest(ones[part], others[part])
            found.add(*crops(looks, *some))
    return found.pairs()


def _portions(pairs: Iterator[Pairs]) -> Iterator[Pairs]:
    """The same pairs, with portions put together until they have ``_FEWEST``, but for the last."""
    waiting: list[Pairs] = []
    count = 0
    for portion in pairs:
        if len(portion[0]):
            waiting.append(portion)
            count += len(portion[0])
        if count >= _FEWEST:
            yield _together(waiting)
            waiting, count = [], 0
    if waiting:
        yield _together(waiting)


def _together(portions: Sequence[Pairs]) -> Pairs:
    ones, others = zip(*portions, strict=True)
    return np.concatenate(ones), np.concatenate(others)
