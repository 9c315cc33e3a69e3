"""Which pictures look alike: the same photograph encoded again, resized or slightly cropped.

Two pictures look alike by either of two rules.

- As they are: their difference hashes differ in at most ``HASH_BITS`` of 64 bits, and the correlation of their grey
  thumbnails is above ``CORRELATION``. This finds photographs that were encoded again or resized.
- With a slight crop undone: their hashes differ in at most ``CROP_HASH_BITS`` and their colours by at most
  ``CROP_COLOURS``; one thumbnail, shifted and stretched to fit the other, agrees with it with a concordance above
  ``CROP_AGREEMENT``; and so does what is fine in them, with a correlation above ``CROP_DETAIL``. The first rule misses
  nearly all photographs that have lost 2 % or more on each side; this one finds at least 98 % of those that have lost
  up to 3 %. Without the demand for detail it would join different shirts before the same wall.

Pictures with a side below 64 pixels have no such detail, and so the first rule alone is for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.data.likeness.align import compare_aligned, correlate, halve
from tlsearch.data.likeness.fingerprint import SHAPE, ImageFingerprint
from tlsearch.types import Float32Array, IntArray

HASH_BITS = 4
CORRELATION = 0.98

CROP_HASH_BITS = 14
CROP_COLOURS = 14.0
"""Mean and spread of red, green and blue, 0..255. Cutting off 3 % on each side changes them by up to 14."""

CROP_AGREEMENT = 0.97
CROP_DETAIL = 0.5

_WHOLE_PICTURE = 6  # of the colours: mean and spread over the whole picture
_COARSE_CORRELATION = 0.8  # pairs that correlate less at a quarter of the size are not compared further, and
_COARSE_SMALL = 0.97  # of small pictures, of which no crop is undone, those that correlate less than this
_ROWS, _COLUMNS = 64, 1024  # pairs whose hashes are compared at a time: few enough for a processor's cache
_BATCH = 64  # pairs that are aligned at a time


@dataclass(frozen=True, kw_only=True)
class _Known:
    """The looks of the pictures that are not of a single grey, as arrays; ``rows`` are their positions."""

    rows: IntArray
    hashes: npt.NDArray[np.uint64]
    thumbnails: npt.NDArray[np.uint8]
    colours: Float32Array
    small: npt.NDArray[np.bool_]
    coarse: Float32Array

    def pictures(self, places: IntArray) -> Float32Array:
        """Thumbnails as (n, rows, columns)."""
        return self.thumbnails[places].astype(np.float32)


def find_near_duplicates(looks: Sequence[ImageFingerprint | None]) -> list[tuple[int, int]]:
    """All pairs of positions, the lesser first and sorted, whose pictures look alike.

    None, and a picture of a single grey, looks like nothing. The hashes of all pairs are compared.
    """
    known = _prepare(looks)
    found: list[tuple[int, int]] = []
    for ones, others in _batches(_near_pairs(known)):
        alike = _look_alike(known, ones, others)
        pairs = np.sort(np.stack([known.rows[ones[alike]], known.rows[others[alike]]], axis=1), axis=1)
        found += [(int(one), int(other)) for one, other in pairs]
    return sorted(found)


def _prepare(looks: Sequence[ImageFingerprint | None]) -> _Known:
    some = [(row, look) for row, look in enumerate(looks) if look is not None and len(set(look.thumbnail)) > 1]
    thumbnails = np.frombuffer(b"".join(look.thumbnail for _, look in some), np.uint8).reshape(-1, *SHAPE)
    coarse = np.empty((len(some), SHAPE[0] // 4 * (SHAPE[1] // 4)), np.float32)
    for start in range(0, len(some), _BATCH):
        part = slice(start, start + _BATCH)
        coarse[part] = halve(halve(thumbnails[part].astype(np.float32))).reshape(-1, coarse.shape[1])
    coarse -= coarse.mean(axis=1, keepdims=True)
    coarse /= np.maximum(np.linalg.norm(coarse, axis=1, keepdims=True), 1e-6)
    return _Known(
        rows=np.array([row for row, _ in some], np.int64),
        hashes=np.array([look.hash for _, look in some], np.uint64),
        thumbnails=thumbnails,
        colours=np.array([look.colours[:_WHOLE_PICTURE] for _, look in some], np.float32).reshape(-1, _WHOLE_PICTURE),
        small=np.array([look.small for _, look in some], bool),
        coarse=coarse,
    )


def _near_pairs(known: _Known) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs that either rule may join, by their hashes, colours and coarse thumbnails, in portions."""
    count = len(known.hashes)
    for start in range(0, count, _ROWS):
        for left in range(start, count, _COLUMNS):
            apart = np.bitwise_count(known.hashes[start : start + _ROWS, None] ^ known.hashes[left : left + _COLUMNS])
            ones, others = np.nonzero(apart <= CROP_HASH_BITS)
            bits = apart[ones, others]
            ones, others = ones + start, others + left
            small = known.small[ones] | known.small[others]
            near = (ones < others) & (bits <= np.where(small, HASH_BITS, CROP_HASH_BITS))
            ones, others, bits, small = ones[near], others[near], bits[near], small[near]
            colours = np.abs(known.colours[ones] - known.colours[others]).max(axis=1, initial=0)
            near = (bits <= HASH_BITS) | (colours <= CROP_COLOURS)
            ones, others, small = ones[near], others[near], small[near]
            correlation = np.einsum("ij,ij->i", known.coarse[ones], known.coarse[others])
            near = correlation > np.where(small, _COARSE_SMALL, _COARSE_CORRELATION)
            yield ones[near], others[near]


def _batches(portions: Iterator[tuple[IntArray, IntArray]]) -> Iterator[tuple[IntArray, IntArray]]:
    """The same pairs in portions of ``_BATCH``."""
    waiting = (np.empty(0, np.int64), np.empty(0, np.int64))
    for ones, others in portions:
        waiting = np.concatenate([waiting[0], ones]), np.concatenate([waiting[1], others])
        while len(waiting[0]) >= _BATCH:
            yield waiting[0][:_BATCH], waiting[1][:_BATCH]
            waiting = waiting[0][_BATCH:], waiting[1][_BATCH:]
    yield waiting


def _look_alike(known: _Known, ones: IntArray, others: IntArray) -> npt.NDArray[np.bool_]:
    """Whether each pair looks alike by one of the two rules."""
    pictures, other_pictures = known.pictures(ones), known.pictures(others)
    apart = np.bitwise_count(known.hashes[ones] ^ known.hashes[others])
    alike: npt.NDArray[np.bool_] = (apart <= HASH_BITS) & (correlate(pictures, other_pictures) > CORRELATION)
    colours = np.abs(known.colours[ones] - known.colours[others]).max(axis=1, initial=0)
    rest = ~(alike | known.small[ones] | known.small[others]) & (colours <= CROP_COLOURS)
    agreement, detail = compare_aligned(pictures[rest], other_pictures[rest])
    alike[rest] = (agreement > CROP_AGREEMENT) & (detail > CROP_DETAIL)
    return alike
