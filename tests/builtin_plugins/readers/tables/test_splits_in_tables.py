"""Which columns of a table say a split: from the name of a column and its cells to what its owner means by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.readers.tables import FOUR, Case, plant, read, say, told
from tlsearch.errors import DataError
from tlsearch.plugin_api import Reading

FILES = [f"{number}.jpg" for number in range(1, 9)]
LABELS = ["cat", "dog"] * 4


def read_columns(root: Path, columns: dict[str, str], split: str | None = None) -> Reading:
    """A table of eight images of cat and dog, with more columns; each of their cells is said in turn."""
    cells: dict[str, Sequence[str]] = {name: texts.split() for name, texts in columns.items()}
    rows = [
        ",".join((file, label, *(cells[name][n % len(cells[name])].strip("-") for name in cells)))
        for n, (file, label) in enumerate(zip(FILES, LABELS, strict=True))
    ]
    chosen = {"label": "kind"} if split is None else {"label": "kind", "split": split}
    table = "\n".join([",".join(("file", "kind", *cells)), *rows])
    return read(plant(root, Case(table, {}, images=" ".join(FILES))), columns=chosen)


def places(reading: Reading) -> str:
    """The part or the fold of each image in turn."""
    return " ".join(item.split or item.fold or "-" for item in reading.items)


def _flag(yes: str, no: str) -> str:
    return f"{yes} {yes} {yes} {yes} {yes} {yes} {no} {no}"


TRAIN_TEST = "train train train train train train test test"
TRAIN_VAL = TRAIN_TEST.replace("test", "val")

MEANT: dict[str, tuple[dict[str, str], str]] = {
    "train, True and False": ({"train": _flag("True", "False")}, TRAIN_TEST),
    "train, 1 and 0": ({"train": _flag("1", "0")}, TRAIN_TEST),
    "test": ({"test": _flag("0", "1")}, TRAIN_TEST),
    "in_train": ({"in_train": _flag("1", "0")}, TRAIN_TEST),
    "is_training_image": ({"is_training_image": _flag("1", "0")}, TRAIN_TEST),
    "test_set, yes and no": ({"test_set": _flag("no", "yes")}, TRAIN_TEST),
    "some rows are marked as training": ({"is_train": "1 1 1 1 1 1 - -"}, TRAIN_TEST),
    "some rows are marked as test": ({"test": "- - - - - - yes yes"}, TRAIN_TEST),
    "holdout": ({"holdout": _flag("0", "1")}, TRAIN_TEST),
    "validation": ({"validation": _flag("n", "y")}, TRAIN_VAL),
    "is_valid": ({"is_valid": _flag("False", "True")}, TRAIN_VAL),
    "train and test in two columns": ({"train": _flag("1", "0"), "test": _flag("0", "1")}, TRAIN_TEST),
    "words in a column of any name": ({"x": TRAIN_TEST}, TRAIN_TEST),
    "words in train_or_test": ({"train_or_test": TRAIN_TEST}, TRAIN_TEST),
    "words in tvt": ({"tvt": "train train train train val val test test"}, "train train train train val val test test"),
    "a contest": (
        {"Usage": "Training Training Training Training PublicTest PublicTest PrivateTest PrivateTest"},
        "train train train train val val test test",
    ),
    "numbers of folds": ({"fold": "0 0 0 0 1 1 1 1"}, "0 0 0 0 1 1 1 1"),
    "many numbers in a split": ({"split": "0 1 2 3"}, "0 1 2 3 0 1 2 3"),
    "named folds in a split": ({"split": "fold1 fold2"}, "fold1 fold2 fold1 fold2 fold1 fold2 fold1 fold2"),
    "a split beside folds": ({"fold": "1 2 3 4", "split": TRAIN_TEST}, TRAIN_TEST),
}


@pytest.mark.parametrize("name", MEANT)
def test_a_column_says_the_split_that_its_owner_means(tmp_path: Path, name: str) -> None:
    columns, expected = MEANT[name]
    reading = read_columns(tmp_path, columns)
    assert places(reading) == expected


@pytest.mark.parametrize("name", ["train", "in_train"])
def test_a_chosen_column_of_flags_is_read_by_its_name(tmp_path: Path, name: str) -> None:
    reading = read_columns(tmp_path, {name: _flag("1", "0")}, name)
    assert places(reading) == TRAIN_TEST


ASKED: dict[str, tuple[dict[str, str], str]] = {
    "1 and 0 in a split": ({"split": _flag("1", "0")}, r"'split' .* holds 0, 1, and it is not known .*column \(none"),
    "0, 1 and 2 in a partition": ({"partition": "0 0 0 0 0 1 2 2"}, "'partition' of labels.csv .* holds 0, 1, 2, and"),
    "1 and 0 in a set": ({"set": _flag("1", "0")}, "'set' .* holds 0, 1"),
    "numbers in train_test": ({"train_test": _flag("0", "1")}, "'train_test' .* holds 0, 1"),
    "rows that are valid": ({"valid": _flag("1", "0")}, "'valid' .* holds 0, 1"),
    "letters in a split": ({"split": "A B"}, "'split' .* holds A, B"),
    "a word that is not known": ({"data_split": "training held_out"}, "'data_split' .* 'held_out' beside 'training'"),
    "the same in a column of any name": ({"x": "train test extra"}, "'x' holds 'extra' beside 'test'"),
    "part of a contest": (
        {"Usage": "Training PrivateTest extra"},
        "'Usage' is called like a split and holds 'PrivateTest' beside 'Training'",
    ),
    "two columns that differ": (
        {"is_train": _flag("1", "0"), "is_valid": _flag("0", "1")},
        r"different parts of a split \(is_train, is_valid\): choose one with --split-column",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_column_that_may_be_a_split_is_asked_about(tmp_path: Path, name: str) -> None:
    columns, message = ASKED[name]
    with pytest.raises(DataError, match=message) as caught:
        read_columns(tmp_path, columns)
    assert "\n" not in str(caught.value)
    reading = read_columns(tmp_path, columns, "none")
    assert places(reading) == "- - - - - - - -"


def test_numbers_that_may_be_two_things_are_asked_about_where_their_column_is_chosen(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'half' of labels.csv holds 0, 1, and it is not known"):
        read_columns(tmp_path, {"half": _flag("1", "0")}, "half")


REMARKED = {
    "a set of letters": ({"set": "A B"}, "'set' of labels.csv is not used: it holds A, B, which are no parts"),
    "a test of something": ({"test": "PCR antigen"}, "'test' of labels.csv is not used: it holds PCR, antigen"),
    "folds beside a split": (
        {"fold": "1 2 3 4", "split": TRAIN_TEST},
        "'fold' of labels.csv is not used: 'split' says the split",
    ),
}


@pytest.mark.parametrize("name", REMARKED)
def test_a_column_that_is_called_like_a_split_is_not_passed_over_in_silence(tmp_path: Path, name: str) -> None:
    columns, note = REMARKED[name]
    assert note in told(read_columns(tmp_path, columns))


def test_a_label_called_train_is_no_split(tmp_path: Path) -> None:
    table = "file,bus,train,tram\n1.jpg,1,0,0\n2.jpg,0,1,0\n3.jpg,0,1,0\n4.jpg,0,0,1\n"
    reading = read(plant(tmp_path, Case(table, {})))
    assert [say(item) for item in reading.items] == ["bus", "train", "train", "tram"]


@pytest.mark.parametrize("ending", ["labels", "numbers"])
def test_tables_of_parts_over_class_folders_give_the_split(tmp_path: Path, ending: str) -> None:
    images = " ".join(f"images/{label}/{label}{n}.jpg" for label in ("cat", "dog") for n in range(8))
    for part, numbers in (("train", range(5)), ("test", range(5, 8))):
        said = {"labels": ("cat", "dog"), "numbers": (0, 1)}[ending]
        rows = [
            f"{label}/{label}{n}.jpg,{name}" for label, name in zip(("cat", "dog"), said, strict=True) for n in numbers
        ]
        table = "\n".join(["Filename,Label", *rows])
        source = plant(tmp_path, Case(table, {}, images=images, name=f"{part}.csv", source="."))
    reading = read(source)
    assert {item.path: say(item) for item in reading.items} == {
        f"{label}/{label}{n}.jpg": f"{'train' if n < 5 else 'test'}:{label}"
        for label in ("cat", "dog")
        for n in range(8)
    }


def test_tables_of_parts_give_the_labels_of_test_images_in_no_class_folders(tmp_path: Path) -> None:
    signs = {
        "Train": "Width,ClassId,Path\n"
        + "".join(f"{30 + n},{c},Train/{c}/{n}.png\n" for c in (0, 1) for n in range(4)),
        "Test": "Width,ClassId,Path\n30,1,Test/00.png\n31,0,Test/01.png\n30,1,Test/02.png\n31,0,Test/03.png\n",
        "Meta": "Path,ClassId\nMeta/0.png,0\nMeta/1.png,1\n",
    }
    images = {
        "Train": " ".join(f"Train/{c}/{n}.png" for c in (0, 1) for n in range(4)),
        "Test": "Test/00.png Test/01.png Test/02.png Test/03.png",
        "Meta": "Meta/0.png Meta/1.png",
    }
    for name, table in signs.items():
        source = plant(tmp_path, Case(table, {}, images=images[name], name=f"{name}.csv", source="."))
    reading = read(source)
    assert {item.path: say(item) for item in reading.items} == {
        **{f"Train/{c}/{n}.png": f"train:{c}" for c in (0, 1) for n in range(4)},
        **{f"Test/0{n}.png": f"test:{(n + 1) % 2}" for n in range(4)},
    }
    assert "have no labels" not in told(reading)
    assert "Meta.csv is not used" in told(reading)


def test_a_table_with_an_unclear_split_is_compared_with_the_folders(tmp_path: Path) -> None:
    images = "cat/1.jpg cat/2.jpg dog/3.jpg dog/4.jpg"
    same = "file,label,split\n1.jpg,cat,1\n2.jpg,cat,0\n3.jpg,dog,1\n4.jpg,dog,0\n"
    reading = read(plant(tmp_path, Case(same, {}, images=images, source=".")))
    assert "to use its split ('split') too, say --label-column 'label'" in told(reading)
    other = same.replace("2.jpg,cat", "2.jpg,dog")
    with pytest.raises(DataError, match=r"two ways: the table labels.csv says the labels, cat, dog"):
        read(plant(tmp_path, Case(other, {}, images=images, source=".")))


@pytest.mark.parametrize(
    ("images", "gives", "others"),
    [
        ("train/1.jpg train/2.jpg test/3.jpg test/4.jpg", "train train test test", ""),
        ("train/1.jpg extra/2.jpg train/3.jpg test/4.jpg", "train train train test", "1 image"),
        ("images/1.jpg images/2.jpg test/3.jpg images/4.jpg", "train train test train", "3 images"),
        ("batch1/1.jpg batch2/2.jpg val/3.jpg batch1/4.jpg", "train train val train", "3 images"),
        ("data/train/1.jpg data/test/2.jpg more/3.jpg more/4.jpg", "train test train train", "2 images"),
        ("val/1.jpg test/2.jpg val/3.jpg test/4.jpg", "None None None None", ""),
        ("test/1.jpg test/2.jpg test/3.jpg test/4.jpg", "None None None None", ""),
    ],
)
@pytest.mark.parametrize("source", ["labels.csv", "."])
def test_images_in_a_folder_of_test_images_are_not_trained_on(
    tmp_path: Path, images: str, gives: str, others: str, source: str
) -> None:
    rows = "".join(f"{path},{label}\n" for path, label in zip(images.split(), FOUR.values(), strict=True))
    reading = read(plant(tmp_path, Case("file,label\n" + rows, {}, images=images, source=source)))
    assert {item.file.name: str(item.split) for item in reading.items} == dict(zip(FOUR, gives.split(), strict=True))
    assert (f"other folders for training ({others})" in reading.understood[0]) == bool(others)


def test_folders_that_are_called_like_the_labels_of_their_images_are_no_parts(tmp_path: Path) -> None:
    rows = "test/1.jpg,test\ntest/2.jpg,test\ncontrol/3.jpg,control\ncontrol/4.jpg,control\n"
    images = "test/1.jpg test/2.jpg control/3.jpg control/4.jpg"
    reading = read(plant(tmp_path, Case("file,label\n" + rows, {}, images=images)))
    assert {item.split for item in reading.items} == {None}
