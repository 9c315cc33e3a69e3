"""Folds that the user brings: one is the test part, and trials are compared on the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tlsearch.data.index import ImageRecord
from tlsearch.data.source_parts import fold_names, hold_out_last, join_few, rows_by_fold, settle_parts
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.pipeline.scan import selection_folds


def records(*folds: str | None) -> list[ImageRecord]:
    return [
        ImageRecord(path=f"{n}.png", label=n % 2, sha256=str(n), width=9, height=9, fold=fold)
        for n, fold in enumerate(folds)
    ]


def test_numbers_count_as_numbers() -> None:
    assert fold_names(records("fold10", "fold2", "fold1", None)) == ["fold1", "fold2", "fold10"]


def test_the_last_fold_is_held_out_unless_there_is_a_test_part() -> None:
    held, said = hold_out_last(records("f1", "f1", "f2", "f2", "f3", "f3"))
    assert [image.split for image in held] == ["train"] * 4 + ["test"] * 2
    assert said == "the fold f3 is the test part; trials are compared on the folds f1, f2"
    tested = [*records("f1", "f2"), ImageRecord(path="t.png", label=0, sha256="t", width=9, height=9, split="test")]
    assert hold_out_last(tested) == (tuple(tested), None)
    assert hold_out_last(records("f1", "f1")) == (tuple(records("f1", "f1")), None)


def test_folds_that_lack_a_class_elsewhere_are_not_used() -> None:
    images = records("f1", "f1", "f2", "f2")
    assert rows_by_fold(images, range(4)) == [(0, 1), (2, 3)]
    assert rows_by_fold(images, [0, 2, 3]) is None  # without f2 there is no class 1
    assert rows_by_fold(records("f1", "f2", None, None), range(4)) is None


def test_folds_that_are_not_used_are_told() -> None:
    folds = ["f1", "f1", "f2", "f2", "f3", "f3"]
    assert settle_parts(records(*folds))[2] == ()
    _, understood, notes = settle_parts(records(*folds, None))
    assert understood == ("the fold f3 is the test part; trials are compared on folds of the rest",)
    assert notes == (
        "your folds are not those on which trials are compared, as 1 image for training has no fold: others are drawn "
        "in their place",
    )
    _, understood, notes = settle_parts(records("f1", "f2", "f3", "f2", "f1"))
    assert understood == ("the fold f3 is the test part; trials are compared on folds of the rest",)
    assert "as a class is in no other fold than f1" in notes[0]


def test_folders_of_folds_are_what_trials_are_compared_on(tmp_path: Path, make_dataset: Callable[..., Path]) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=32, splits=("fold1", "fold2", "fold3"))
    index = scan(root)
    parts = split(index, 0)
    assert {index.images[row].fold for row in parts.test} == {"fold3"}
    assert parts.val == ()
    folds = selection_folds(index, parts, 0)
    validated = [{index.images[parts.train[place]].fold for place in fold.val} for fold in folds]
    assert validated == [{"fold1"}, {"fold2"}]


def parts(train: int, val: int) -> list[ImageRecord]:
    return [
        ImageRecord(path=f"{n}.png", label=n % 2, sha256=str(n), width=9, height=9, split="val" if n < val else "train")
        for n in range(train + val)
    ]


def test_few_validation_images_join_training() -> None:
    joined, warning = join_few(parts(60, 16))
    assert {image.split for image in joined} == {"train"}
    assert str(warning).startswith("16 validation images are too few to choose by, as one of them is worth 6.2 points")


def test_enough_validation_images_stay_what_they_are() -> None:
    assert join_few(parts(60, 100)) == (tuple(parts(60, 100)), None)
    assert join_few(parts(60, 0)) == (tuple(parts(60, 0)), None)
