"""Near-duplicates of pictures in memory, and what a comparison of every pair with every other would find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from tlsearch.data.near_duplicates.align import compare_aligned, correlate, halve
from tlsearch.data.near_duplicates.find import find_near_duplicates
from tlsearch.data.near_duplicates.fingerprint import SHAPE, ImageFingerprint
from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.types import Float32Array

_PORTION = 512  # pairs that are compared at a time


@contextmanager
def stored(looks: Sequence[ImageFingerprint]) -> Iterator[FingerprintStore]:
    """A store of these looks."""
    with FingerprintStore(len(looks)) as store:
        for look in looks:
            store.add(look)
        yield store


def pairs_of(looks: Sequence[ImageFingerprint]) -> list[tuple[int, int]]:
    """The positions of those that look alike."""
    with stored(looks) as store:
        return [(one, other) for one, other in find_near_duplicates(store).tolist()]


def pairs_of_all(looks: Sequence[ImageFingerprint]) -> list[tuple[int, int]]:
    """The same by the rules alone, applied to every pair."""
    rows = [row for row, look in enumerate(looks) if len(set(look.thumbnail)) > 1]
    found: list[tuple[int, int]] = []
    places = np.array([(one, other) for one in rows for other in rows if one < other], np.int64).reshape(-1, 2)
    for start in range(0, len(places), _PORTION):
        part = places[start : start + _PORTION]
        alike = _alike([looks[one] for one in part[:, 0]], [looks[other] for other in part[:, 1]])
        found += [(one, other) for one, other in part[alike].tolist()]
    return sorted(found)


def _alike(ones: Sequence[ImageFingerprint], others: Sequence[ImageFingerprint]) -> npt.NDArray[np.bool_]:
    """The two rules in words of their own: at most 4 bits, or at most 14 and a crop undone."""
    pairs = list(zip(ones, others, strict=True))
    pictures, other_pictures = _pictures(ones), _pictures(others)
    bits = np.array([(one.hash ^ other.hash).bit_count() for one, other in pairs])
    small = np.array([one.small or other.small for one, other in pairs])
    colours = np.array([_colours(one, other) for one, other in pairs])
    coarse = correlate(halve(halve(pictures)), halve(halve(other_pictures))) > np.where(small, 0.97, 0.8)
    alike = coarse & (bits <= 4) & (correlate(pictures, other_pictures) > 0.98)
    rest = np.flatnonzero(coarse & ~alike & ~small & (bits <= 14) & (colours <= 14))
    agreement, detail = compare_aligned(pictures[rest], other_pictures[rest])
    alike[rest] = (agreement > 0.97) & (detail > 0.5)
    return alike


def _pictures(looks: Sequence[ImageFingerprint]) -> Float32Array:
    thumbnails = np.frombuffer(b"".join(look.thumbnail for look in looks), np.uint8)
    return thumbnails.reshape(-1, *SHAPE).astype(np.float32)


def _colours(one: ImageFingerprint, other: ImageFingerprint) -> np.float32:
    """The greatest difference of mean and spread of a channel."""
    differences = np.array(one.colours[:6], np.float32) - np.array(other.colours[:6], np.float32)
    return np.float32(np.abs(differences).max())
