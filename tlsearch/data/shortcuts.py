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
    shortcuts: dict[int, Shortcut] = {}
    labels = np.array(index.labels)
    train = _rows(index, "train")
    for name in ("test", "val"):
        parts = _Parts(index=index, labels=labels, train=train, other=_rows(index, name), name=name)
        if len(parts.other):
            shortcuts = {**_shortcuts_in(parts), **shortcuts}
    return [shortcuts[label] for label in sorted(shortcuts)]


def areas_under_roc(
    values: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.float64]:
    """For each class the probability that a value of it is above one of another class, ties counting half.

    It is Mann and Whitney's. All classes share the ranks, so that a thousand of them take no longer than two.

    Args:
        values: One for each image, (N,).
        labels: Their labels, (N,).
        classes: How many classes there are.

    Returns:
        (classes,); NaN where a class has no image, or all.
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    n = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=ranks, minlength=classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        areas: npt.NDArray[np.float64] = (sums - n * (n + 1) / 2) / (n * (len(values) - n))
    return areas


def _shortcuts_in(parts: _Parts) -> dict[int, Shortcut]:
    """For every class the strongest number that gives it away in training and not in the other part."""
    able = _with_enough(parts)
    best: dict[int, tuple[float, int, float, float]] = {}
    for number in range(len(COLOURS)) if able else ():
        trained, elsewhere = (
            areas_under_roc(_values(parts.index, rows, number), parts.labels[rows], len(parts.index.classes))
            for rows in (parts.train, parts.other)
        )
        for label in able:
            one, other = float(trained[label]), float(elsewhere[label])
            strength = abs(one - 0.5)
            if _is_shortcut(one, other) and strength > best.get(label, (0.0,))[0]:
                best[label] = (strength, number, one, other)
    return {label: _described(parts, label, number, one, other) for label, (_, number, one, other) in best.items()}


def _is_shortcut(trained: float, elsewhere: float) -> bool:
    """Whether a number tells a class from the others in training, and does not do so elsewhere, the same way round."""
    if trained <= 0.5:
        trained, elsewhere = 1 - trained, 1 - elsewhere
    return trained >= TELLS and elsewhere <= FAILS


def _described(parts: _Parts, label: int, number: int, trained: float, elsewhere: float) -> Shortcut:
    """A number that gives a class away, with the images that show it."""
    labels, sign = parts.labels, 1 if trained > 0.5 else -1
    strongest = _most(parts.index, parts.train[labels[parts.train] == label], number, sign)
    weakest = _most(parts.index, parts.other[labels[parts.other] == label], number, -sign)
    return Shortcut(
        label=label,
        statistic=COLOURS[number],
        trained=trained,
        part=parts.name,
        elsewhere=elsewhere,
        rows=strongest + weakest,
    )


def _with_enough(parts: _Parts) -> list[int]:
    """The classes of which both parts have enough images, and of the others too."""
    classes = len(parts.index.classes)
    able = np.ones(classes, bool)
    for rows, fewest in ((parts.train, FEWEST_TRAINING), (parts.other, FEWEST_ELSEWHERE)):
        held = np.bincount(parts.labels[rows], minlength=classes)
        able &= (held >= fewest) & (held <= len(rows) - fewest)
    return [int(label) for label in np.flatnonzero(able)]


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
