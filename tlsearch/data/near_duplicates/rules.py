"""When two pictures look alike: the same photograph encoded again, resized or slightly cropped.

Two pictures look alike by either of two rules.

- As they are: their difference hashes differ in at most ``HASH_BITS`` of 64 bits, and the correlation of their grey
  thumbnails is above ``CORRELATION``. This finds photographs that were encoded again or resized.
- With a slight crop undone: their hashes differ in at most ``CROP_HASH_BITS`` and their colours by at most
  ``CROP_COLOURS``; one thumbnail, shifted and stretched to fit the other, agrees with it with a concordance above
  ``CROP_AGREEMENT``; and so does what is fine in them, with a correlation above ``CROP_DETAIL``. The first rule misses
  nearly all photographs that have lost 2 % or more on each side; this one finds at least 98 % of those that have lost
  up to 3 %. Without the demand for detail it would join different shirts before the same wall.

Pictures with a side below 64 pixels have no such detail, and so the first rule alone is for them.

What costs most is done last: first all is compared at a quarter of the size.
"""

from __future__ import annotations

import numpy as np

from tlsearch.data.near_duplicates.align import compare_aligned, correlate, halve
from tlsearch.data.near_duplicates.fingerprint import SHAPE
from tlsearch.data.near_duplicates.near_pairs import Nearness, Pairs
from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.types import BoolArray, Float32Array, IntArray

HASH_BITS = 4
CORRELATION = 0.98

CROP_HASH_BITS = 14
CROP_COLOURS = 14.0
"""Mean and spread of red, green and blue, 0..255. Cutting off 3 % on each side changes them by up to 14."""

CROP_AGREEMENT = 0.97
CROP_DETAIL = 0.5

NEARNESS = Nearness(bits=HASH_BITS, crop_bits=CROP_HASH_BITS, crop_colours=CROP_COLOURS)
"""What pairs one of the rules may be for."""

ALIGNED = 64
"""Pairs for ``crops`` at a time: few enough for a processor's cache."""

_COARSE_CORRELATION = 0.8  # pairs that correlate less at a quarter of the size are not compared further, and
_COARSE_SMALL = 0.97  # of small pictures, of which no crop is undone, those that correlate less than this
_COARSE_BATCH = 4096  # pairs that are compared at a quarter of the size at a time
_DENSE = 16  # up to so many products a pair cost less than to lay out the pictures of each pair
_DOUBT = 1e-3  # correlations this near to the limit are calculated in the way that decides
_BATCH = 64  # pictures, or pairs of them, that are held in memory at a time


def coarse_thumbnails(looks: FingerprintStore) -> tuple[Float32Array, BoolArray]:
    """The thumbnails at a quarter of the size with mean 0 and norm 1, (n, 288), and which have more than one grey."""
    coarse = np.empty((len(looks), SHAPE[0] // 4 * (SHAPE[1] // 4)), np.float32)
    varied = np.empty(len(looks), bool)
    for start in range(0, len(looks), _BATCH):
        part = slice(start, start + _BATCH)
        thumbnails = looks.thumbnails(part)
        quarters = halve(halve(thumbnails.astype(np.float32)))
        coarse[part] = _standardized(quarters.reshape(-1, coarse.shape[1]))
        varied[part] = thumbnails.min(axis=(1, 2)) < thumbnails.max(axis=(1, 2))
    return coarse, varied


def roughly_alike(looks: FingerprintStore, coarse: Float32Array, ones: IntArray, others: IntArray) -> Pairs:
    """Those of the pairs whose coarse thumbnails correlate."""
    least = np.where(looks.small[ones] | looks.small[others], _COARSE_SMALL, _COARSE_CORRELATION)
    alike = np.empty(len(ones), bool)
    for start in range(0, len(ones), _COARSE_BATCH):
        part = slice(start, start + _COARSE_BATCH)
        alike[part] = np.einsum("ij,ij->i", coarse[ones[part]], coarse[others[part]]) > least[part]
    return ones[alike], others[alike]


def as_they_are(looks: FingerprintStore, ones: IntArray, others: IntArray) -> BoolArray:
    """Whether each pair looks alike by the first rule."""
    alike: BoolArray = np.bitwise_count(looks.hashes[ones] ^ looks.hashes[others]) <= HASH_BITS
    if not alike.any():
        return alike
    ones, others = ones[alike], others[alike]
    quick = _quick_correlation(looks, ones, others)
    high = quick > CORRELATION
    doubtful = np.flatnonzero(np.abs(quick - CORRELATION) < _DOUBT)
    for start in range(0, len(doubtful), _BATCH):
        part = doubtful[start : start + _BATCH]
        high[part] = correlate(_pictures(looks, ones[part]), _pictures(looks, others[part])) > CORRELATION
    alike[alike] = high
    return alike


def _quick_correlation(looks: FingerprintStore, ones: IntArray, others: IntArray) -> Float32Array:
    """The correlation of pairs of thumbnails, each of which is read once, however many pairs it is in."""
    one_rows, one_at = np.unique(ones, return_inverse=True)
    other_rows, other_at = np.unique(others, return_inverse=True)
    one_standard, other_standard = _standard(looks, one_rows), _standard(looks, other_rows)
    if len(one_rows) * len(other_rows) <= _DENSE * len(ones):
        return (one_standard @ other_standard.T)[one_at, other_at]
    quick = np.empty(len(ones), np.float32)
    for start in range(0, len(ones), _BATCH):
        part = slice(start, start + _BATCH)
        quick[part] = np.einsum("ij,ij->i", one_standard[one_at[part]], other_standard[other_at[part]])
    return quick


def croppable(looks: FingerprintStore, ones: IntArray, others: IntArray) -> Pairs:
    """The pairs that the second rule is for."""
    near = np.abs(looks.colours[ones] - looks.colours[others]).max(axis=1, initial=0) <= CROP_COLOURS
    near &= ~(looks.small[ones] | looks.small[others])
    return ones[near], others[near]


def crops(looks: FingerprintStore, ones: IntArray, others: IntArray) -> Pairs:
    """Those of the pairs that look alike by the second rule."""
    agreement, detail = compare_aligned(_pictures(looks, ones), _pictures(looks, others))
    alike = (agreement > CROP_AGREEMENT) & (detail > CROP_DETAIL)
    return ones[alike], others[alike]


def _pictures(looks: FingerprintStore, rows: IntArray) -> Float32Array:
    return looks.thumbnails(rows).astype(np.float32)


def _standard(looks: FingerprintStore, rows: IntArray) -> Float32Array:
    """Thumbnails with mean 0 and norm 1, (n, 4608); none is of a single grey."""
    return _standardized(_pictures(looks, rows).reshape(len(rows), -1))


def _standardized(pictures: Float32Array) -> Float32Array:
    """Pictures, (n, pixels), with mean 0 and norm 1."""
    pictures -= pictures.mean(axis=1, keepdims=True)
    pictures /= np.maximum(np.linalg.norm(pictures, axis=1, keepdims=True), 1e-6)
    return pictures
