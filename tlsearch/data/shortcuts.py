"""Colours that give a class away in training but not elsewhere: a sign that its pictures were made in another way.

A network finds such a shortcut first (Geirhos et al. 2020, "Shortcut learning in deep neural networks") and then fails
where it is missing. What is looked for is simple on purpose: one number a picture (``look.COLOURS``), and how well it
alone tells one class from all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlsearch.data.index import DatasetIndex
from tlsearch.data.near_duplicates.fingerprint import COLOURS

TELLS = 0.9
"""From this area under the ROC curve on, in training, a number gives a class away; mirrored, up to .1."""

FAILS = 0.7
"""Up to this area, counted the same way round, it does not do so elsewhere. A number that tells a class equally well in
both falls below by chance in at most 1 % of folders with 5 images of the class."""

FEWEST_TRAINING = 10
FEWEST_ELSEWHERE = 5
"""Images of the class, and of the others, that are enough to say either."""

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A number that gives a class away in training only.

    ``statistic`` is one of ``look.COLOURS``; ``trained`` and ``elsewhere`` are the probabilities that it is higher in
    an image of the class than in one of another class, in training and in the ``part`` "val" or "test". ``rows`` are
    the training images of the class that stand out most, then those of the part that stand out least.
    """

    label: int
    statistic: str
    trained: float
    part: str
    elsewhere: float
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The training part and one other part of a data set, as rows of its index."""

    index: DatasetIndex
    labels: npt.NDArray[np.int64]
    train: npt.NDArray[np.int64]
    other: npt.NDArray[np.int64]
    name: str


def find_shortcuts(index: DatasetIndex) -> list[Shortcut]:
    """For every class the strongest such number, if there is one; only where the user has val or test folders."""
    shortcuts: list[Shortcut] = []
    labels = np.array(index.labels)
    train = _rows(index, "train")
    for name in ("test", "val"):
        parts = _Parts(index=index, labels=labels, train=train, other=_rows(index, name), name=name)
        if not len(parts.other):
            continue
        for label in range(len(index.classes)):
            if any(known.label == label for known in shortcuts) or not _enough(labels, label, train, parts.other):
                continue
            found = [_shortcut(parts, label, number) for number in range(len(COLOURS))]
            shortcuts += sorted((each for each in found if each), key=lambda each: -abs(each.trained - 0.5))[:1]
    return sorted(shortcuts, key=lambda each: each.label)


def area_under_roc(values: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """The probability that a value of a positive is above that of a negative, ties counting half (Mann-Whitney)."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(values) - n)))


def _shortcut(parts: _Parts, label: int, number: int) -> Shortcut | None:
    """What one number says about one class, if it says so in training only."""
    index, labels = parts.index, parts.labels
    trained, elsewhere = (
        area_under_roc(_values(index, rows, number), labels[rows] == label) for rows in (parts.train, parts.other)
    )
    sign = 1 if trained > 0.5 else -1
    if max(trained, 1 - trained) < TELLS or (elsewhere if sign == 1 else 1 - elsewhere) > FAILS:
        return None
    strongest = _most(index, parts.train[labels[parts.train] == label], number, sign)
    weakest = _most(index, parts.other[labels[parts.other] == label], number, -sign)
    return Shortcut(
        label=label,
        statistic=COLOURS[number],
        trained=trained,
        part=parts.name,
        elsewhere=elsewhere,
        rows=strongest + weakest,
    )


def _enough(labels: npt.NDArray[np.int64], label: int, *parts: npt.NDArray[np.int64]) -> bool:
    return all(
        fewest <= int((labels[rows] == label).sum()) <= len(rows) - fewest
        for rows, fewest in zip(parts, (FEWEST_TRAINING, FEWEST_ELSEWHERE), strict=True)
    )


def _rows(index: DatasetIndex, part: str) -> npt.NDArray[np.int64]:
    """The rows of one of the user's folders."""
    images = enumerate(index.images)
    return np.array(
        [row for row, image in images if image.colours and (image.split or "train") == part], dtype=np.int64
    )


def _values(index: DatasetIndex, rows: npt.NDArray[np.int64], number: int) -> npt.NDArray[np.float64]:
    return np.array([index.images[row].colours[number] for row in rows])


def _most(index: DatasetIndex, rows: npt.NDArray[np.int64], number: int, sign: int) -> tuple[int, ...]:
    """Those of ``rows`` with the highest value, or with the lowest where ``sign`` is -1."""
    order = np.argsort(-sign * _values(index, rows, number), kind="stable")
    return tuple(int(row) for row in rows[order[:_EXAMPLES]])
