"""Which pictures look alike: the same photograph re-encoded, resized or slightly cropped.

Two pictures look alike when their difference hashes differ in at most ``HASH_BITS`` of 64 bits and the correlation of
their grey thumbnails is above ``CORRELATION``. Pictures of a single grey have no correlation and look like none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tlsearch.data.look import Look

HASH_BITS = 4
CORRELATION = 0.98

_BLOCK = 1 << 22  # pairs compared at a time, so that memory stays flat


def find_lookalikes(looks: Sequence[Look | None]) -> list[tuple[int, int]]:
    """All pairs of positions, the lesser first and sorted, whose pictures look alike; None looks like nothing.

    Exact: hashes that differ in at most 4 bits are equal in at least one of 5 bands, so only pictures that share a
    band are compared.
    """
    rows = np.array([row for row, look in enumerate(looks) if look is not None], dtype=np.int64)
    known = [look for look in looks if look is not None]
    if len(known) < 2:
        return []
    hashes = np.array([look.hash for look in known], dtype=np.uint64)
    thumbnails, varied = _standardise(known)
    found: set[tuple[int, int]] = set()
    for ones, others in _close_pairs(hashes[varied]):
        ones, others = varied[ones], varied[others]
        alike = np.einsum("ij,ij->i", thumbnails[ones], thumbnails[others]) > CORRELATION
        pairs = np.sort(np.stack([rows[ones[alike]], rows[others[alike]]], axis=1), axis=1)
        found.update((int(one), int(other)) for one, other in pairs)
    return sorted(found)


def _standardise(looks: Sequence[Look]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Thumbnails whose products are correlations, and the places of those that are not of a single grey."""
    values = np.frombuffer(b"".join(look.thumbnail for look in looks), np.uint8).reshape(len(looks), -1)
    centred = values.astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    varied = np.flatnonzero((values != values[:, :1]).any(axis=1))
    centred[varied] /= norms[varied, None]
    return centred, varied


def _close_pairs(hashes: npt.NDArray[np.uint64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Places of hashes that differ in at most ``HASH_BITS`` bits, in portions; a pair may come several times."""
    if len(hashes) < 2:
        return
    bounds = [64 * band // (HASH_BITS + 1) for band in range(HASH_BITS + 2)]
    for low, high in pairwise(bounds):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            step = max(1, _BLOCK // len(members))
            for start in range(0, len(members) if len(members) > 1 else 0, step):
                ones = members[start : start + step]
                near = np.bitwise_count(hashes[ones, None] ^ hashes[members]) <= HASH_BITS
                first, second = np.nonzero(near)
                ahead = second > first + start
                yield ones[first[ahead]], members[second[ahead]]
