"""Pairs of pictures with hashes and colours near each other, found without a look at all pairs.

- Hashes that differ in at most b bits: of b + 1 parts of a hash one must be equal (the pigeonhole principle), so only
  pictures that share a part are compared. A part is every (b + 1)th bit, as neighbours in a picture say the same.
- Hashes that differ in more bits, but colours that are near: the pictures are put in order by the one colour that
  spreads them most, and each is compared with those that are near in it.

Either way the pictures lie in an order in which each is compared with those that follow it up to some place. Blocks of
them are compared at once, so that a hundred thousand equal hashes take time and no more memory than others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.types import Float32Array, IntArray

Hashes: TypeAlias = npt.NDArray[np.uint64]

Pairs: TypeAlias = tuple[IntArray, IntArray]
"""The rows of the ones and of the others, (n,) each."""

_HASH_BITS = 64
_ROWS, _COLUMNS = 64, 1024  # pictures that are compared at a time: few enough for a processor's cache
_ROUNDING = 0.01  # colours are differences of numbers of 32 bits


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """What pairs are near.

    Attributes:
        bits: Of any two pictures at most this many bits of their hashes differ, or,
        crop_bits: of pictures that are not small, this many,
        crop_colours: where all of their colours, 0..255, differ by at most this.
    """

    bits: int
    crop_bits: int
    crop_colours: float


def near_pairs(looks: FingerprintStore, rows: IntArray, nearness: Nearness) -> Iterator[Pairs]:
    """Every pair of ``rows`` that is near, once, the lesser row first; portions of up to 65,536 pairs, in no order."""
    yield from _by_hash(looks.hashes, rows, nearness.bits)
    yield from _by_colours(looks, rows[~looks.small[rows]], nearness)


def bits_apart(ones: Hashes, others: Hashes) -> npt.NDArray[np.uint8]:
    """The number of bits in which hashes differ, of every one of the n ``ones`` and the m ``others``: (n, m)."""
    apart: npt.NDArray[np.uint8] = np.bitwise_count(ones[:, None] ^ others)
    return apart


def _by_hash(hashes: Hashes, rows: IntArray, bits: int) -> Iterator[Pairs]:
    """The pairs whose hashes differ in at most ``bits`` bits."""
    parts = [np.uint64(sum(1 << bit for bit in range(first, _HASH_BITS, bits + 1))) for first in range(bits + 1)]
    for number, part in enumerate(parts):
        keys = hashes[rows] & part
        order = np.argsort(keys)
        keys = keys[order]
        for one, other in _compare(hashes[rows[order]], np.searchsorted(keys, keys, side="right"), bits):
            ones, others = rows[order[one]], rows[order[other]]
            differing = hashes[ones] ^ hashes[others]
            fresh = (differing & part) == 0  # pairs that share a part are found with the first that they share
            for earlier in parts[:number]:
                fresh &= (differing & earlier) != 0
            yield _lesser_first(ones[fresh], others[fresh])


def _by_colours(looks: FingerprintStore, rows: IntArray, nearness: Nearness) -> Iterator[Pairs]:
    """The pairs whose hashes differ in ``crop_bits`` bits at most, but in more than ``bits``, and with near colours."""
    hashes, colours = looks.hashes, looks.colours
    order, ends = _windows(colours[rows], nearness.crop_colours)
    rows = rows[order]
    for one, other in _compare(hashes[rows], ends, nearness.crop_bits):
        ones, others = rows[one], rows[other]
        near = np.bitwise_count(hashes[ones] ^ hashes[others]) > nearness.bits
        near &= np.abs(colours[ones] - colours[others]).max(axis=1, initial=0) <= nearness.crop_colours
        yield _lesser_first(ones[near], others[near])


def _windows(colours: Float32Array, width: float) -> tuple[IntArray, IntArray]:
    """The order by the colour that leaves the fewest pairs, and for each place the end of those within ``width``."""
    best = np.arange(len(colours)), np.full(len(colours), len(colours))
    for values in colours.T:
        order = np.argsort(values)
        ends = np.searchsorted(values[order], values[order] + np.float32(width + _ROUNDING), side="right")
        if ends.sum() < best[1].sum():
            best = order, ends
    return best


def _compare(hashes: Hashes, ends: IntArray, bits: int) -> Iterator[Pairs]:
    """Places (one, a later one) of hashes that differ in at most ``bits`` bits, in portions.

    Each hash is compared with those up to its end, and with some more. ``ends`` never fall.
    """
    for start in range(0, len(hashes), _ROWS):
        rows = hashes[start : start + _ROWS]
        end = int(ends[start + len(rows) - 1])
        for left in range(start, end, _COLUMNS):
            columns = hashes[left : min(left + _COLUMNS, end)]
            ones, others = np.divmod(np.flatnonzero(bits_apart(rows, columns) <= bits), len(columns))
            ones, others = ones + start, others + left
            later = ones < others
            yield ones[later], others[later]


def _lesser_first(ones: IntArray, others: IntArray) -> Pairs:
    return np.minimum(ones, others), np.maximum(ones, others)
