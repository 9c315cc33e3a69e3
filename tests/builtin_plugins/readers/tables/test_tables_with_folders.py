"""Tables beside class folders, in the folders of parts, beside lists and beside each other."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.readers.tables import ROWS, Case, plant, read, say, told
from tlsearch.data.survey import scan
from tlsearch.errors import DataError
from tlsearch.plugin_api import ReadingOptions
from tlsearch_plugins.readers.folders.reader import FolderReader
from tlsearch_plugins.readers.tables.reader import TableReader


def test_lists_beside_a_table_are_named(tmp_path: Path) -> None:
    (tmp_path / "test_list.txt").write_text("1.jpg")
    reading = read(plant(tmp_path, Case("file,label\n" + ROWS, {}, source=".")))
    assert reading.notes[-1].startswith("not read: test_list.txt; ")


def test_tables_of_parts(tmp_path: Path) -> None:
    for part, rows in {"train": "1,cat\n2,dog\n", "val": "3,cat\n", "test": "4,dog\n"}.items():
        source = plant(tmp_path, Case(f"image,label\n{rows}", {}, name=f"{part}.csv", source="."))
    plant(tmp_path, Case("id,label\n1,cat\n2,cat\n", {}, name="sample_submission.csv"))
    reading = read(source)
    assert [say(item) for item in reading.items] == ["train:cat", "train:dog", "val:cat", "test:dog"]
    assert len(reading.understood) == 3


def test_a_table_of_test_images_without_labels_is_not_used(tmp_path: Path) -> None:
    plant(tmp_path, Case("id\n3\n4\n", {}, images="train/1.jpg train/2.jpg test/3.jpg test/4.jpg", name="test.csv"))
    reading = read(plant(tmp_path, Case("id,label\n1,cat\n2,dog\n", {}, images="", name="train.csv", source=".")))
    assert {item.path: say(item) for item in reading.items} == {"train/1.jpg": "cat", "train/2.jpg": "dog"}
    assert "test.csv is not used" in told(reading)


def test_metadata_in_the_folders_of_parts(tmp_path: Path) -> None:
    for part in ("train", "validation", "test"):
        table = "file_name,label\n1.jpg,cat\n2.jpg,dog\n"
        images = f"{part}/1.jpg {part}/2.jpg"
        source = plant(tmp_path, Case(table, {}, images=images, name=f"{part}/metadata.csv", source="."))
    expected = {f"{f}/{n}.jpg": f"{p}:{c}" for f, p in PARTS.items() for n, c in ((1, "cat"), (2, "dog"))}
    assert {item.path: say(item) for item in read(source).items} == expected


PARTS = {"train": "train", "validation": "val", "test": "test"}


def test_several_tables_of_the_same_images_are_asked_about(tmp_path: Path) -> None:
    plant(tmp_path, Case("file,label\n" + ROWS, {}, name="one.csv"))
    source = plant(tmp_path, Case("file,label\n" + ROWS, {}, name="two.csv", source="."))
    with pytest.raises(
        DataError, match=r"several tables of its images \(one.csv, two.csv\): name one of them, such as"
    ):
        read(source)


@pytest.mark.parametrize(
    "images",
    [
        "cat/1.jpg dog/1.jpg",
        "train/cat/1.jpg train/dog/1.jpg test/cat/1.jpg test/dog/1.jpg",
        "a/b/cat/1.jpg a/b/dog/1.jpg",
    ],
)
def test_class_folders_are_read_as_without_a_table_that_tells_nothing_of_them(tmp_path: Path, images: str) -> None:
    source = plant(tmp_path, Case("file,label\n1.jpg,cat\n", {}, images=images, source="."))
    assert read(source).items == FolderReader().read(source, ReadingOptions()).items


@pytest.mark.parametrize("name", ["images", "notes.md", "labels", "data.zip"])
def test_other_sources_are_left_to_others(tmp_path: Path, name: str) -> None:
    assert not TableReader().accepts(str(tmp_path / name))


@pytest.mark.parametrize("splits", [(), ("train", "test")])
@pytest.mark.parametrize("beside", [True, False])
def test_a_table_over_class_folders_gives_what_the_folders_give(
    tmp_path: Path, make_dataset: Callable[..., Path], splits: tuple[str, ...], beside: bool
) -> None:
    root = make_dataset(
        tmp_path, classes=("ash", "birch"), per_class=4, size=20, **({"splits": splits} if splits else {})
    )
    table = (root.parent if beside else root) / "labels.csv"
    files = sorted(root.rglob("*.png"))
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label"])
        writer.writerows([file.relative_to(root).as_posix(), file.parent.name] for file in files)
    by_table, by_folders = scan(table), scan(root)
    assert by_table.fingerprint == by_folders.fingerprint
    assert by_table.images == by_folders.images
    assert by_table.root == by_folders.root


def test_labels_that_are_exchanged_with_the_folders_are_asked_about(tmp_path: Path) -> None:
    table = "file,label\ncat/1.jpg,dog\ncat/2.jpg,dog\ndog/3.jpg,cat\ndog/4.jpg,cat\n"
    images = "cat/1.jpg cat/2.jpg dog/3.jpg dog/4.jpg"
    with pytest.raises(DataError, match=r"can be read in two ways: the table labels\.csv says the labels, cat, dog"):
        read(plant(tmp_path, Case(table, {}, images=images, source=".")))


def test_one_table_of_several_that_says_other_labels_is_asked_about(tmp_path: Path) -> None:
    for part in ("train", "test"):
        images = [f"{part}/{label}/{number}.jpg" for label in ("cat", "dog") for number in range(3)]
        labels = {path: path.split("/")[1] for path in images} | {"train/cat/1.jpg": "dog"}
        table = "file,label\n" + "".join(f"{path},{labels[path]}\n" for path in images)
        source = plant(tmp_path, Case(table, {}, images=" ".join(images), name=f"{part}.csv", source="."))
    with pytest.raises(DataError, match=r"can be read in two ways: the table train\.csv .* \(--exclude 'train\.csv'\)"):
        read(source)
    assert "weather.csv is not used" in _with_a_table_of_the_weather(tmp_path / "other")


def _with_a_table_of_the_weather(root: Path) -> str:
    images = "cat/1.jpg cat/2.jpg dog/3.jpg dog/4.jpg"
    plant(root, Case("file,label\n" + ROWS, {}, images=images))
    rows = "".join(f"{number}.jpg,{('wet', 'dry')[number % 2]}\n" for number in range(1, 5))
    return told(read(plant(root, Case("file,label\n" + rows, {}, images="", name="weather.csv", source="."))))


def test_classes_of_a_word_and_a_number_are_compared_with_a_table(tmp_path: Path) -> None:
    table = "file,label\nowl/1.jpg,owl\nowl/2.jpg,1\n1/3.jpg,1\n1/4.jpg,1\n"
    case = Case(table, {}, images="owl/1.jpg owl/2.jpg 1/3.jpg 1/4.jpg", source=".")
    with pytest.raises(DataError, match=r"can be read in two ways: the table labels\.csv says the labels"):
        read(plant(tmp_path, case))


@pytest.mark.parametrize("splits", [(), ("train", "test")])
def test_a_table_that_names_some_images_of_the_folders_is_told(tmp_path: Path, splits: tuple[str, ...]) -> None:
    """Whoever took images out of a table may want them out of training too; test images are none of its business."""
    below = "train/" if splits else ""
    images = [f"{below}{label}/{number}.jpg" for label in ("cat", "dog") for number in range(4)]
    others = [path.replace("train/", "test/") for path in images] if splits else []
    rows = "".join(f"{path},{path.split('/')[-2]}\n" for path in images if not path.endswith("3.jpg"))
    name = "train.csv" if splits else "labels.csv"
    case = Case("file,label\n" + rows, {}, images=" ".join((*images, *others)), name=name, source=".")
    reading = read(plant(tmp_path, case))
    assert len(reading.items) == len(images) + len(others)
    assert (
        f"{name} says the labels of 6 of 8 images, and all of them are used: to use only those, say --label-column "
        "'label'" in reading.notes
    )
