"""Which images train, which validate and which test; and resampled folds of the first two.

Exact copies of a picture form a group, and groups never cross a split: a network would be tested on what it
has seen (Barz & Denzler 2020, "Do we train on test data?").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tlsearch.data.draw import draw_stratified
from tlsearch.data.index import DatasetIndex
from tlsearch.errors import DataError

VAL_SHARE = 0.15
TEST_SHARE = 0.15
FEWEST_TRAINING = 2
"""Training pictures of each class, at least: one to fit and one to choose by."""

_SPLIT_STREAM = 1  # keeps the random numbers of the split apart from those of the folds
_FOLD_STREAM = 2


@dataclass(frozen=True)
class Split:
    """Rows of ``DatasetIndex.images`` in three parts, each sorted.

    ``groups`` has the group of every image: the first row of an equal picture. ``set_aside`` are rows in no
    part: copies of test or validation images in a training folder that the user made. ``source`` is "folders"
    where the user's folders decided, if only in part, and "seeded" where the seed did.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    groups: tuple[int, ...]
    source: Literal["folders", "seeded"]
    set_aside: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fold:
    """Positions in a pool of images, sorted: those to train on and those to validate on."""

    train: tuple[int, ...]
    val: tuple[int, ...]


def split(index: DatasetIndex, seed: int) -> Split:
    """The user's folders where they exist, else a seeded stratified 70/15/15; equal pictures stay together.

    A validation or test folder that is missing is drawn from the training images: 15 % of these each. Raises
    ``DataError`` when a class has too few different pictures to be in every part.
    """
    groups = group_copies(index)
    if not index.has_splits:
        test, val, train = _draw(index, groups, range(len(index.images)), (TEST_SHARE, VAL_SHARE), seed)
        return Split(train, val, test, groups, "seeded")
    parts = {name: _rows_in(index, name) for name in ("train", "val", "test")}
    aside = _crossing_copies(parts, groups)
    parts = {name: tuple(row for row in rows if row not in aside) for name, rows in parts.items()}
    missing = [name for name in ("test", "val") if not parts[name]]
    if missing:
        shares = [TEST_SHARE if name == "test" else VAL_SHARE for name in missing]
        *drawn, parts["train"] = _draw(index, groups, parts["train"], shares, seed)
        parts.update(zip(missing, drawn, strict=True))
    _require_all_classes(index, parts["train"], "training", FEWEST_TRAINING)
    return Split(parts["train"], parts["val"], parts["test"], groups, "folders", tuple(sorted(aside)))


def group_copies(index: DatasetIndex) -> tuple[int, ...]:
    """For every image the first row with the same content."""
    first: dict[str, int] = {}
    return tuple(first.setdefault(image.sha256, row) for row, image in enumerate(index.images))


def resampled_folds(
    labels: Sequence[int], groups: Sequence[int], n_folds: int, val_fraction: float, seed: int
) -> list[Fold]:
    """``n_folds`` independent stratified draws of ``val_fraction`` of a pool; groups stay together.

    ``labels`` and ``groups`` are those of the pool's images; the folds hold positions in it. Fold i is the
    same whatever ``n_folds`` is. A class with a single group is in every fold's training part.
    """
    folds = []
    for number in range(n_folds):
        val, train = draw_stratified(labels, groups, (val_fraction,), (seed, _FOLD_STREAM, number))
        folds.append(Fold(tuple(train), tuple(val)))
    return folds


def imbalance(labels: Sequence[int]) -> float:
    """Images of the largest class for each image of the smallest; classes without images don't count."""
    counts = Counter(labels).values()
    return max(counts) / min(counts)


def _rows_in(index: DatasetIndex, name: str) -> tuple[int, ...]:
    return tuple(row for row, image in enumerate(index.images) if image.split == name)


def _crossing_copies(parts: Mapping[str, Sequence[int]], groups: Sequence[int]) -> set[int]:
    """Rows of train that have a copy in val or test, and rows of val that have one in test."""
    in_test = {groups[row] for row in parts["test"]}
    in_val = {groups[row] for row in parts["val"]}
    return {row for row in parts["train"] if groups[row] in in_test | in_val} | {
        row for row in parts["val"] if groups[row] in in_test
    }


def _draw(
    index: DatasetIndex, groups: Sequence[int], rows: Sequence[int], shares: Sequence[float], seed: int
) -> list[tuple[int, ...]]:
    """Parts of ``rows``, one for each share and the rest; every class must be in each of them."""
    labels = index.labels
    drawn = draw_stratified(
        [labels[row] for row in rows], [groups[row] for row in rows], shares, (seed, _SPLIT_STREAM)
    )
    parts = [tuple(rows[place] for place in part) for part in drawn]
    for part in parts:
        _require_all_classes(index, part, "each")
    return parts


def _require_all_classes(index: DatasetIndex, rows: Sequence[int], part: str, fewest: int = 1) -> None:
    held = Counter(index.labels[row] for row in rows)
    absent = [name for label, name in enumerate(index.classes) if held[label] < fewest]
    if absent:
        raise DataError(
            f"Class {absent[0]} has too few different pictures for {part} part of the split, copies of one "
            "picture counting once: add pictures or remove the class folder."
        )
