"""Which images train, which validate and which test; and folds of the first two.

Images that belong together form a group (``groups``), and groups never cross a split: a network would be tested on
what it has seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from tlsearch.data.groups import group_images
from tlsearch.data.index import DatasetIndex
from tlsearch.data.stratify import deal_stratified, draw_stratified
from tlsearch.errors import DataError

VAL_SHARE = 0.15
TEST_SHARE = 0.15
SMALL_TEST_SHARE = 0.25
"""What is tested on where there are few images: 15 % of them would say little."""

FOLDS_BELOW = 600
"""With fewer images than this that are in no test folder of the user's, no validation split is drawn: 15 % of so few
would choose by luck, so whoever needs validation images takes folds of the training images."""

FEWEST_TRAINING = 2
"""Training images of each class, at least: one to fit and one to choose by."""

_SPLIT_STREAM = 1  # keeps the random numbers of the split apart from those of the folds
_FOLD_STREAM = 2
_CROSS_STREAM = 3


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows of ``DatasetIndex.images`` in three parts, each sorted; ``val`` may be empty (``FOLDS_BELOW``).

    ``groups`` has the group of every image: the first row of those that belong together. ``set_aside`` are rows in no
    part: training or validation images that belong together with test or validation images in another folder of the
    user's; ``because`` has, for each of them, the row of such an image. ``source`` is "folders" where the user's
    folders decided, if only in part, and "seeded" where the seed did.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    groups: tuple[int, ...]
    source: Literal["folders", "seeded"]
    set_aside: tuple[int, ...] = ()
    because: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fold:
    """Positions in a pool of images, sorted: those to train on and those to validate on."""

    train: tuple[int, ...]
    val: tuple[int, ...]


def split(index: DatasetIndex, seed: int, group_by: str | None = None) -> Split:
    """The user's folders where they exist, else a seeded stratified split; what belongs together stays together.

    Where the source names folds no validation part is drawn: trials are compared on them (``source_parts``).
    A test part that is missing is drawn from the training images: 15 % of them, 25 % where there are fewer than
    ``FOLDS_BELOW``. A validation part that is missing is 15 % of them, and empty where there are so few.
    ``group_by`` joins more images, see ``groups.group_images``. Raises ``DataError`` when a class has too few groups
    to be in every part, ``UsageError`` when ``group_by`` is of no use.
    """
    groups = group_images(index, group_by)
    require_groups(index, groups)
    aside = crossing(index, groups)
    parts = {name: tuple(row for row in _rows_in(index, name) if row not in aside) for name in ("train", "val", "test")}
    shares = missing_shares(index)
    *drawn, parts["train"] = _draw(index, groups, parts["train"], tuple(shares.values()), seed)
    parts.update(zip(shares, drawn, strict=True))
    _require_all_classes(index, parts["train"], "the training", FEWEST_TRAINING)
    return Split(
        train=parts["train"],
        val=parts["val"],
        test=parts["test"],
        groups=groups,
        source="folders" if index.has_splits else "seeded",
        set_aside=tuple(sorted(aside)),
        because=tuple(aside[row] for row in sorted(aside)),
    )


def missing_shares(index: DatasetIndex) -> dict[str, float]:
    """Which parts are drawn from the training images, and what share of them each gets."""
    present = {image.split for image in index.images}
    small = sum(image.split != "test" for image in index.images) < FOLDS_BELOW
    shares = {}
    if "test" not in present:
        shares["test"] = SMALL_TEST_SHARE if small else TEST_SHARE
    own_folds = any(image.fold is not None for image in index.images)
    if "val" not in present and not small and not own_folds:
        shares["val"] = VAL_SHARE
    return shares


def lacking_groups(index: DatasetIndex, groups: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Classes with too few groups: label to (groups that training images can be drawn from, groups needed).

    Each part that is drawn needs one, and so does training; where folds take the place of a validation split,
    training needs two.
    """
    present = {image.split for image in index.images}
    shares = missing_shares(index)
    folds = "val" not in present and "val" not in shares
    needed = len(shares) + (2 if folds else 1)
    taken = {groups[row] for row, image in enumerate(index.images) if image.split in ("val", "test")}
    held: dict[int, set[int]] = defaultdict(set)
    for row, image in enumerate(index.images):
        if groups[row] not in taken:
            held[image.label].add(groups[row])
    labels = range(len(index.classes))
    return {label: (len(held[label]), needed) for label in labels if len(held[label]) < needed}


def require_groups(index: DatasetIndex, groups: Sequence[int]) -> None:
    """Raise ``DataError`` where ``lacking_groups`` finds a class."""
    for label, (have, needed) in lacking_groups(index, groups).items():
        name = index.classes[label]
        if not have:
            raise DataError(
                f"Class {name} has no pictures left to train on, as all of them belong together with validation or "
                "test pictures: add other pictures of it or remove its folders."
            )
        joined, finer = "--group-by joins", "group by something finer"
        if any(image.group is not None for image in index.images):
            joined = f"{joined} or the source puts into a group"
            finer = f"{finer} (of a table, --group-column names another column, or none)"
        raise DataError(
            f"Class {name} has {have} group{'s' if have > 1 else ''} of pictures, but {needed} are needed to train, "
            f"choose and test on, where those that look alike or that {joined} are one group: add other pictures of "
            f"it, {finer}, or say --drop-small-classes."
        )


def crossing(index: DatasetIndex, groups: Sequence[int]) -> dict[int, int]:
    """What crosses the user's own split folders.

    Training images that belong together with val or test images, and val images that do with test images, each with the
    row of such an image: an equal picture if there is one, else one that looks alike, else any of the group.
    """
    parts = {name: _rows_in(index, name) for name in ("train", "val", "test")}
    aside: dict[int, int] = {}
    alike = {*index.lookalikes, *((later, first) for first, later in index.lookalikes)}
    contents = [image.sha256 for image in index.images]
    for name, stronger in (("train", ("test", "val")), ("val", ("test",))):
        others: dict[int, list[int]] = defaultdict(list)
        for row in (row for part in stronger for row in parts[part]):
            others[groups[row]].append(row)
        for row in parts[name]:
            ranked = [
                (contents[other] != contents[row], (row, other) not in alike, other)
                for other in others.get(groups[row], ())
            ]
            if ranked:
                aside[row] = min(ranked)[2]
    return aside


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


def stratified_folds(labels: Sequence[int], groups: Sequence[int], n_folds: int, seed: int) -> list[Fold]:
    """``n_folds`` folds of a pool in which every position validates exactly once; groups stay together.

    ``labels`` and ``groups`` are those of the pool's images; the folds hold positions in it. Every class is spread as
    evenly as its groups allow, and a class with two groups or more is in every fold's training part. Equal arguments
    give equal folds. Where there are fewer groups than ``n_folds``, there are as many folds as groups.
    """
    hands = deal_stratified(labels, groups, min(n_folds, len(set(groups))), (seed, _CROSS_STREAM))
    return folds_of(hands, len(labels))


def folds_of(hands: Sequence[Sequence[int]], count: int) -> list[Fold]:
    """The folds that validate on each of ``hands`` in turn and train on the rest of ``count`` positions."""
    everything = range(count)
    folds = []
    for hand in hands:
        inside = set(hand)
        folds.append(Fold(tuple(place for place in everything if place not in inside), tuple(hand)))
    return folds


FEWEST_TO_PAIR = 4
"""Folds of the user's own below which two of them together are more than is left to train on."""


def folds_of_two(hands: Sequence[Sequence[int]], labels: Sequence[int], n_folds: int, seed: int) -> list[Fold]:
    """At most ``n_folds`` folds of a pool, no two alike, that each validate on two of ``hands`` together.

    ``hands`` are the user's own folds, which stay whole. So these are the divisions that differ from those on which
    each of them validates alone. A pair is left out whose rest has no image of a class. There are none with fewer than
    ``FEWEST_TO_PAIR`` hands. Equal arguments give equal folds.
    """
    if len(hands) < FEWEST_TO_PAIR:
        return []
    pairs = list(combinations(range(len(hands)), 2))
    generator = np.random.default_rng((seed, _FOLD_STREAM))
    shuffled = [pairs[place] for place in generator.permutation(len(pairs))]
    folds = folds_of([sorted((*hands[one], *hands[other])) for one, other in shuffled], len(labels))
    classes = set(labels)
    return [fold for fold in folds if {labels[place] for place in fold.train} == classes][:n_folds]


def imbalance(labels: Sequence[int]) -> float:
    """Images of the largest class for each image of the smallest; classes without images don't count."""
    counts = Counter(labels).values()
    return max(counts) / min(counts)


def _rows_in(index: DatasetIndex, name: str) -> tuple[int, ...]:
    """The rows of a folder; without split folders all are for training, and the rest is drawn from them."""
    return tuple(row for row, image in enumerate(index.images) if (image.split or "train") == name)


def _draw(
    index: DatasetIndex, groups: Sequence[int], rows: Sequence[int], shares: Sequence[float], seed: int
) -> list[tuple[int, ...]]:
    """Parts of ``rows``, one for each share and the rest."""
    if not shares:
        return [tuple(rows)]
    labels = index.labels
    drawn = draw_stratified([labels[row] for row in rows], [groups[row] for row in rows], shares, (seed, _SPLIT_STREAM))
    parts = [tuple(rows[place] for place in part) for part in drawn]
    for part in parts[:-1]:
        _require_all_classes(index, part, "each", 1)
    return parts


def _require_all_classes(index: DatasetIndex, rows: Sequence[int], part: str, fewest: int) -> None:
    held = Counter(index.labels[row] for row in rows)
    absent = [name for label, name in enumerate(index.classes) if held[label] < fewest]
    if absent:
        raise DataError(
            f"Class {absent[0]} has too few different pictures for {part} part of the split, those that belong "
            "together counting once: add pictures or remove the class folder."
        )
