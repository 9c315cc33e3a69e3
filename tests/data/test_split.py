"""Splits and folds: shares, classes, groups that stay together, and the user's own folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tlsearch.data.index import DatasetIndex, ImageRecord
from tlsearch.data.split import FOLDS_BELOW, Split, imbalance, resampled_folds, split, stratified_folds
from tlsearch.data.stratify import draw_stratified
from tlsearch.data.survey import scan
from tlsearch.errors import DataError


def index_of(labels: list[int], content: list[str] | None = None, parts: list[str] | None = None) -> DatasetIndex:
    """An index without files: image i has ``content[i]``, by default its own, and lies in ``parts[i]``."""
    images = tuple(
        ImageRecord(
            path=f"{row}.png",
            label=label,
            sha256=content[row] if content else str(row),
            width=9,
            height=9,
            split=parts[row] if parts else None,
        )
        for row, label in enumerate(labels)
    )
    return DatasetIndex(
        root=Path("root"), classes=tuple(f"c{k}" for k in range(max(labels) + 1)), images=images, skipped=()
    )


def check_parts(index: DatasetIndex, parts: Split) -> None:
    """Every row once, sorted, no group in two parts, and every class in every part."""
    named = tuple(part for part in (parts.train, parts.val, parts.test) if part or part is parts.test)
    assert sorted(sum(named, ()) + parts.set_aside) == list(range(len(index.images)))
    for part in named:
        assert list(part) == sorted(part)
        assert {index.labels[row] for row in part} == set(range(len(index.classes)))
    owner: dict[int, int] = {}
    for number, part in enumerate(named):
        for row in part:
            assert owner.setdefault(parts.groups[row], number) == number


def test_a_seeded_split_is_70_15_15_in_every_class() -> None:
    index = index_of([0] * 400 + [1] * 160 + [2] * 80)
    parts = split(index, 0)
    check_parts(index, parts)
    assert (len(parts.train), len(parts.val), len(parts.test)) == (448, 96, 96)
    for part, share in ((parts.train, 0.7), (parts.val, 0.15), (parts.test, 0.15)):
        held = Counter(index.labels[row] for row in part)
        assert held == {0: round(400 * share), 1: round(160 * share), 2: round(80 * share)}
    assert parts.source == "seeded"
    assert parts.set_aside == ()


@pytest.mark.parametrize(("count", "sizes"), [(599, (449, 0, 150)), (600, (420, 90, 90))])
def test_few_images_have_a_larger_test_part_and_no_validation_part(count: int, sizes: tuple[int, int, int]) -> None:
    assert FOLDS_BELOW == 600
    index = index_of([row % 2 for row in range(count)])
    parts = split(index, 0)
    check_parts(index, parts)
    assert (len(parts.train), len(parts.val), len(parts.test)) == sizes


def test_totals_are_right_where_classes_do_not_divide() -> None:
    """62 images of each of 10 classes: 9.3 of each are to be tested, so three give 10 and seven give 9."""
    index = index_of([label for label in range(10) for _ in range(62)])
    parts = split(index, 3)
    check_parts(index, parts)
    assert (len(parts.train), len(parts.val), len(parts.test)) == (434, 93, 93)
    assert sorted(Counter(index.labels[row] for row in parts.test).values()) == [9] * 7 + [10] * 3


def test_the_seed_decides() -> None:
    index = index_of([0] * 30 + [1] * 30)
    assert split(index, 0) == split(index, 0)
    assert len({split(index, seed).test for seed in range(5)}) == 5


@pytest.mark.parametrize(("others", "training"), [(200, 3), (800, 2)])
def test_the_smallest_classes_are_in_every_part(others: int, training: int) -> None:
    index = index_of([0] * 4 + [1] * others)
    parts = split(index, 0)
    check_parts(index, parts)
    assert Counter(index.labels[row] for row in parts.train)[0] == training


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("repeat", [1, 12])
def test_copies_stay_together(seed: int, repeat: int) -> None:
    """Pairs and groups of 15 among 60 images of two classes, once and twelve times."""
    content = [f"a{row // 2}" for row in range(30)] + ["same"] * 15 + [f"b{row}" for row in range(15)]
    content = [f"{text} {number}" for number in range(repeat) for text in content]
    index = index_of(([0] * 30 + [1] * 30) * repeat, content)
    parts = split(index, seed)
    check_parts(index, parts)
    assert parts.groups[0] == parts.groups[1] == 0
    assert parts.groups[30:45] == (30,) * 15
    if repeat == 1:
        assert set(range(30, 45)) <= set(parts.train)
    assert abs(len(parts.test) - (15 if repeat == 1 else 108)) <= 1


def test_copies_under_two_labels_stay_together() -> None:
    content = ["same", *map(str, range(1, 20)), "same", *map(str, range(21, 40))]
    index = index_of([0] * 20 + [1] * 20, content)
    for seed in range(10):
        check_parts(index, split(index, seed))


def test_a_class_of_copies_only_is_an_error() -> None:
    index = index_of([0] * 20 + [1] * 4, [*map(str, range(20)), "x", "x", "y", "y"])
    with pytest.raises(DataError, match=r"Class c1 has 2 groups of pictures, but 3 are needed .*: add other"):
        split(index, 0)


def test_groups_of_several_classes_are_spread_evenly() -> None:
    """Each of 40 patients has two pictures of every class but the last, which only every fourth has."""
    names = [(patient, label) for patient in range(40) for label in (0, 0, 1, 1, 2)[: 5 if patient % 4 == 0 else 4]]
    index = DatasetIndex(
        root=Path("root"),
        classes=("a", "b", "c"),
        images=tuple(
            ImageRecord(path=f"c{k}/p{p:02}-{n}.png", label=k, sha256=str(n), width=9, height=9)
            for n, (p, k) in enumerate(names)
        ),
        skipped=(),
    )
    for seed in range(5):
        parts = split(index, seed, r"p(\d\d)")
        check_parts(index, parts)
        assert len(set(parts.groups)) == 40
        assert Counter(index.labels[row] for row in parts.test) in ({0: 20, 1: 20, 2: 2}, {0: 20, 1: 20, 2: 3})


def test_folders_of_the_user_are_kept() -> None:
    where = (["train"] * 6 + ["val"] * 2 + ["test"] * 2) * 2
    index = index_of([0] * 10 + [1] * 10, parts=where)
    parts = split(index, 0)
    check_parts(index, parts)
    assert parts.source == "folders"
    assert parts.train == (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15)
    assert parts.val == (6, 7, 16, 17)
    assert parts.test == (8, 9, 18, 19)


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (("train", "test"), {"train": 40, "val": 0, "test": 40}),
        (("train", "val"), {"train": 30, "val": 40, "test": 10}),
        (("train",), {"train": 60, "val": 0, "test": 20}),
        (("train", "test"), {"train": 510, "val": 90, "test": 600}),
        (("train", "val"), {"train": 510, "val": 600, "test": 90}),
        (("train",), {"train": 840, "val": 180, "test": 180}),
    ],
)
def test_missing_folders_are_drawn_from_training(present: tuple[str, ...], expected: dict[str, int]) -> None:
    half = sum(expected.values()) // 2
    where = [present[row % len(present)] for row in range(2 * half)]
    index = index_of([0] * half + [1] * half, parts=where)
    parts = split(index, 0)
    check_parts(index, parts)
    assert {name: len(getattr(parts, name)) for name in expected} == expected
    for name in present:
        if name != "train":
            assert {where[row] for row in getattr(parts, name)} == {name}
    assert {where[row] for row in parts.train} == {"train"}


def test_copies_across_folders_leave_training_or_validation() -> None:
    where = (["train"] * 6 + ["val"] * 2 + ["test"] * 2) * 2
    content = [*map(str, range(20))]
    content[0] = content[8]  # train and test
    content[11] = content[17]  # train and val
    content[6] = content[9]  # val and test
    parts = split(index_of([0] * 10 + [1] * 10, content, where), 0)
    assert parts.set_aside == (0, 6, 11)
    assert parts.because == (8, 9, 17)
    assert parts.train == (1, 2, 3, 4, 5, 10, 12, 13, 14, 15)
    assert parts.val == (7, 16, 17)
    assert parts.test == (8, 9, 18, 19)


def test_training_emptied_by_copies_is_an_error() -> None:
    where = ["train", "train", "val", "test", "train", "train", "val", "test"]
    content = ["x", "x", "y", "x", "1", "2", "3", "4"]
    with pytest.raises(DataError, match="Class c0 has no pictures left to train on"):
        split(index_of([0] * 4 + [1] * 4, content, where), 0)


@pytest.mark.parametrize("group", [15, 20])
def test_a_class_of_one_group_can_neither_be_tested_nor_validated(group: int) -> None:
    """Two groups would do for training and testing, but the folds of the training part need one more."""
    content = [*map(str, range(20)), *["x"] * group, *map(str, range(20 + group, 40))]
    index = index_of([0] * 20 + [1] * 20, content)
    if group == 15:
        check_parts(index, split(index, 0))
    else:
        with pytest.raises(DataError, match="Class c1 has 1 group of pictures, but 3 are needed"):
            split(index, 0)


def test_every_position_validates_exactly_once() -> None:
    labels = [0] * 53 + [1] * 22 + [2] * 3
    groups = [row // 2 for row in range(78)]
    folds = stratified_folds(labels, groups, 5, seed=1)
    assert folds == stratified_folds(labels, groups, 5, seed=1)
    assert folds != stratified_folds(labels, groups, 5, seed=2)
    assert sorted(place for fold in folds for place in fold.val) == list(range(78))
    for fold in folds:
        assert sorted(fold.train + fold.val) == list(range(78))
        assert {groups[place] for place in fold.val}.isdisjoint(groups[place] for place in fold.train)
        held = Counter(labels[place] for place in fold.val)
        assert 14 <= len(fold.val) <= 17
        assert 9 <= held[0] <= 12
        assert 4 <= held[1] <= 6
        assert {labels[place] for place in fold.train} == {0, 1, 2}


def test_folds_of_single_images_are_as_even_as_can_be() -> None:
    labels = [label for label in range(9) for _ in range(7 + label)]
    for fold in stratified_folds(labels, range(len(labels)), 5, seed=0):
        assert len(fold.val) in (19, 20)
        for label, count in Counter(labels[place] for place in fold.val).items():
            assert count in ((7 + label) // 5, (7 + label) // 5 + 1)


def test_a_class_of_two_groups_is_in_every_training_part() -> None:
    labels = [0] * 30 + [1] * 12
    groups = [*range(30), *[30] * 9, *[31] * 3]
    for seed in range(5):
        for fold in stratified_folds(labels, groups, 5, seed):
            assert {labels[place] for place in fold.train} == {0, 1}


def test_there_are_no_more_folds_than_groups() -> None:
    folds = stratified_folds([0, 1] * 6, [0, 0, 1, 1, 2, 2] * 2, 5, seed=0)
    assert [len(fold.val) for fold in folds] == [4, 4, 4]


def test_folds_are_stratified_grouped_and_independent_of_their_number() -> None:
    labels = [0] * 40 + [1] * 20
    groups = [row // 2 for row in range(60)]
    folds = resampled_folds(labels, groups, 4, 0.2, seed=1)
    assert folds[:2] == resampled_folds(labels, groups, 2, 0.2, seed=1)
    assert folds != resampled_folds(labels, groups, 4, 0.2, seed=2)
    assert len({fold.val for fold in folds}) == 4
    for fold in folds:
        assert sorted(fold.train + fold.val) == list(range(60))
        assert Counter(labels[place] for place in fold.val) == {0: 8, 1: 4}
        assert {groups[place] for place in fold.val}.isdisjoint(groups[place] for place in fold.train)


def test_a_class_of_one_group_is_trained_on_in_every_fold() -> None:
    labels = [0] * 10 + [1] * 2
    for fold in resampled_folds(labels, [*range(10), 10, 10], 3, 0.2, seed=0):
        assert {10, 11} <= set(fold.train)
        assert len(fold.val) == 2


def test_too_large_groups_leave_room_for_the_parts_that_follow() -> None:
    """Groups of 1, 1 and 18: each part gets one, the largest stays in the rest."""
    groups = [0, 1, *[2] * 18]
    for seed in range(5):
        first, second, rest = draw_stratified([0] * 20, groups, (0.15, 0.15), (seed,))
        assert sorted(first + second) == [0, 1]
        assert rest == list(range(2, 20))


def test_imbalance_is_largest_to_smallest() -> None:
    assert imbalance([0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2]) == 3.0
    assert imbalance([5, 5]) == 1.0


def test_a_class_with_a_single_training_picture_is_named(make_dataset: Callable[..., Path], tmp_path: Path) -> None:
    root = make_dataset(tmp_path, classes=("ash", "birch"), per_class=50, size=8, splits=("train", "val", "test"))
    for path in sorted((root / "train" / "birch").iterdir())[1:]:
        path.unlink()
    with pytest.raises(DataError, match=r"^Class birch has too few different pictures for the training part"):
        split(scan(root), seed=0)
