"""That a row gets the image it means and no other: numbers of rows, equal names, texts that are divided, few labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.helpers.readers.tables import FOUR, ROWS, Case, plant, read, say, told
from tlsearch.errors import DataError
from tlsearch_plugins.readers.tables.texts import as_meant

# Images are called 0 to 9. Rows name 7, 0, 5 and 2 of them, in this order; dogs are even.
NUMBERED = " ".join(f"{number}.jpg" for number in range(10))
MEANT = {"7.jpg": "cat", "0.jpg": "dog", "5.jpg": "cat", "2.jpg": "dog"}


def table_of(header: str, row: str, again: int = 1) -> str:
    """A table of the images in ``MEANT``, the rows of which are numbered from 0."""
    images = [(int(name.partition(".")[0]), label) for name, label in MEANT.items()] * again
    rows = [row.format(row=number, image=image, label=label) for number, (image, label) in enumerate(images)]
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (",image,label", "{row},{image}.jpg,{label}"),
        (",image,label", "{row},{image},{label}"),
        (",photo_file,label", "{row},{image}.jpg,{label}"),
        (",frame,label", "{row},{image},{label}"),
        ("Unnamed: 0,filename,label", "{row},{image}.jpg,{label}"),
        ("__index_level_0__,frame,label", "{row},{image},{label}"),
        ("index,frame,label", "{row},{image},{label}"),
        ("id,filename,label", "{row},{image}.jpg,{label}"),
        ("id,image,label", "{row},{image},{label}"),
        ("number,what,label", "{row},{image}.jpg,{label}"),
    ],
)
@pytest.mark.parametrize("again", [1, 2])
def test_numbers_of_rows_are_no_names_of_images(tmp_path: Path, header: str, row: str, again: int) -> None:
    reading = read(plant(tmp_path, Case(table_of(header, row, again), {}, images=NUMBERED)))
    assert {item.path: say(item) for item in reading.items} == MEANT


def test_a_column_of_numbers_that_may_count_anything_is_no_name_where_another_is_called_like_images(
    tmp_path: Path,
) -> None:
    table = table_of("id,age,label", "{image},{row},{label}")
    reading = read(plant(tmp_path, Case(table, {}, images=NUMBERED)))
    assert {item.path: say(item) for item in reading.items} == MEANT


@pytest.mark.parametrize("header", ["n,frame,label", "frame,n,label"])
def test_two_columns_that_name_different_images_are_asked_about(tmp_path: Path, header: str) -> None:
    source = plant(tmp_path, Case(table_of(header, "{row},{image},{label}"), {}, images=NUMBERED))
    one, other, _ = header.split(",")
    with pytest.raises(DataError, match=rf"Several columns of labels.csv can name the images \({one}, {other}\)"):
        read(source)
    chosen = read(source, columns={"image": other})
    assert {item.path: say(item) for item in chosen.items} == MEANT


def test_two_columns_that_name_the_same_images_are_not(tmp_path: Path) -> None:
    table = table_of("short,long,label", "{image}.jpg,pets/{image}.jpg,{label}")
    reading = read(plant(tmp_path, Case(table, {}, images=NUMBERED)))
    assert {item.path: say(item) for item in reading.items} == MEANT


def test_numbers_of_rows_do_not_stand_in_for_images_that_are_not_there(tmp_path: Path) -> None:
    table = table_of(",filename,label", "{row},IMG_{image}.jpg,{label}")
    with pytest.raises(DataError, match=r"None of the images in 'filename' of labels\.csv, such as 'IMG_7\.jpg'"):
        read(plant(tmp_path, Case(table, {}, images=NUMBERED)))


def test_columns_of_labels_that_are_called_like_images_are_no_row(tmp_path: Path) -> None:
    table = "file,0,1\n0.jpg,1,0\n1.jpg,1,0\n2.jpg,0,1\n3.jpg,0,1\n"
    reading = read(plant(tmp_path, Case(table, {}, images=NUMBERED)))
    assert {item.path: say(item) for item in reading.items} == {
        "0.jpg": "0",
        "1.jpg": "0",
        "2.jpg": "1",
        "3.jpg": "1",
    }


# The images of each part are numbered from 1, and 2.jpg of training is lost.
LOST = "train/1.jpg train/3.jpg train/4.jpg test/1.jpg test/2.jpg test/3.jpg"
OTHERS = {"train/1.jpg": "cat", "train/3.jpg": "dog", "train/4.jpg": "dog"}


@pytest.mark.parametrize("name", ["train.csv", "labels.csv"])
@pytest.mark.parametrize("ending", ["", ".jpg", ".png"])
def test_an_image_that_is_lost_is_not_the_one_of_its_name_in_another_part(
    tmp_path: Path, name: str, ending: str
) -> None:
    table = "id,label\n" + ROWS.replace(".jpg", ending)
    reading = read(plant(tmp_path, Case(table, {}, images=LOST, name=name, source=".")))
    assert {item.path: say(item) for item in reading.items} == OTHERS
    assert f"2{ending}: the table names it, but there is no such file" in told(reading)
    assert "test: the table names none of its images (3 images)" in told(reading)


def test_a_split_of_the_training_folder_beside_a_folder_of_other_images(tmp_path: Path) -> None:
    """Whoever divides the images in ``train`` does not mean those of the same names that wait in ``test``."""
    table = "id,label,split\n1,cat,train\n2,cat,test\n3,dog,train\n4,dog,test\n"
    images = " ".join((*(f"train/{name}" for name in FOUR), "test/1.jpg", "test/2.jpg"))
    source = plant(tmp_path, Case(table, {}, images=images))
    reading = read(source)
    expected = {"train/1.jpg": "train:cat", "train/3.jpg": "train:dog", "train/4.jpg": "test:dog"}
    assert {item.path: say(item) for item in reading.items} == expected
    assert "2: several files can be meant: test/2.jpg, train/2.jpg" in told(reading)
    named = read(source, exclude=("test",)).items
    assert [say(item) for item in named] == ["train:cat", "test:cat", "train:dog", "test:dog"]


def test_an_image_of_the_test_is_used_though_one_of_its_name_in_training_is_lost(tmp_path: Path) -> None:
    rows = "".join(f"{number}.jpg,{label},test\n" for number, label in ((1, "dog"), (2, "cat"), (3, "cat")))
    table = "file,label,split\n" + ROWS.replace("\n", ",train\n") + rows
    reading = read(plant(tmp_path, Case(table, {}, images=LOST)))
    expected = {path: f"train:{label}" for path, label in OTHERS.items()}
    expected |= {"test/1.jpg": "test:dog", "test/2.jpg": "test:cat", "test/3.jpg": "test:cat"}
    assert {item.path: say(item) for item in reading.items} == expected


@pytest.mark.parametrize("folder", ["train/", "set/train/"])
def test_a_name_with_a_part_is_not_an_image_of_another_part(tmp_path: Path, folder: str) -> None:
    """Whoever has loaded a part of a data set has the table of all of it."""
    table = "file,label\n" + "".join(f"{folder}{row}\n" for row in ROWS.split())
    table += "".join(f"{folder.replace('train', 'val')}{number}.jpg,owl\n" for number in range(1, 4))
    images = " ".join(f"train/{name}" for name in FOUR)
    reading = read(plant(tmp_path, Case(table, {}, images=images, source=".")))
    assert {item.path: say(item) for item in reading.items} == FOUR
    assert "the table names files that are not there in 3 rows" in reading.notes


@pytest.mark.parametrize("folder", ["masks", "thumbnails", "ground_truth"])
@pytest.mark.parametrize("beside", ["images/", "pets/", ""])
@pytest.mark.parametrize("named", ["{}", "{}.jpg"])
def test_a_mask_or_a_thumbnail_is_not_the_image_of_its_name(
    tmp_path: Path, folder: str, beside: str, named: str
) -> None:
    images = " ".join((*(f"{beside}{name}" for name in FOUR if name != "2.jpg"), *(f"{folder}/{n}" for n in FOUR)))
    table = "file,label\n" + "".join(f"{named.format(row[0])},{row[6:]}\n" for row in ROWS.split())
    reading = read(plant(tmp_path, Case(table, {}, images=images, source=".")))
    assert {item.file.relative_to(tmp_path).as_posix(): say(item) for item in reading.items} == {
        f"{beside}{name}": label for name, label in FOUR.items() if name != "2.jpg"
    }
    assert "the table names files that are not there in 1 row" in reading.notes


def test_images_in_a_folder_that_is_called_like_masks_are_found(tmp_path: Path) -> None:
    images = "mask/1.jpg mask/2.jpg face/3.jpg face/4.jpg"
    reading = read(plant(tmp_path, Case("file,label\n" + ROWS, {}, images=images)))
    assert {item.path.rpartition("/")[2]: say(item) for item in reading.items} == FOUR


def test_an_absolute_path_of_an_image_that_is_lost_means_no_other(tmp_path: Path) -> None:
    folders = ("train", "train", "test", "test")
    rows = [f"{tmp_path}/{folder}/{row}" for folder, row in zip(folders, ROWS.split(), strict=True)]
    case = Case("file,label\n" + "\n".join(rows), {}, images="test/1.jpg test/3.jpg test/4.jpg train/7.jpg")
    reading = read(plant(tmp_path, case))
    assert {item.path: say(item) for item in reading.items} == {"3.jpg": "dog", "4.jpg": "dog"}


def test_names_with_folders_that_are_called_otherwise_here_are_found(tmp_path: Path) -> None:
    table = "file,label\n" + "".join(f"old/test/{row}\n" for row in ROWS.split())
    reading = read(plant(tmp_path, Case(table, {}, images=" ".join(f"images/{name}" for name in FOUR), source=".")))
    assert {item.path: say(item) for item in reading.items} == FOUR


def test_names_that_are_in_one_part_only_are_found_there(tmp_path: Path) -> None:
    images = "train/1.jpg train/2.jpg test/3.jpg test/4.jpg"
    reading = read(plant(tmp_path, Case("file,label\n" + ROWS, {}, images=images, source=".")))
    assert {item.path: say(item) for item in reading.items} == {
        "train/1.jpg": "train:cat",
        "train/2.jpg": "train:cat",
        "test/3.jpg": "test:dog",
        "test/4.jpg": "test:dog",
    }


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("file,label\n1.jpg,cat\n2.jpg,cat, black\n3.jpg,dog\n4.jpg,dog\n", "row 3 has 3 fields where others have 2"),
        ("1.jpg;cat\n2.jpg;cat\n3.jpg;dog; old; grey\n4.jpg;dog\n", "row 3 has 4 fields where others have 2"),
    ],
)
def test_a_text_that_its_separator_divides_is_not_cut_off(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(DataError, match=f"{words}; put texts with separators in quotation marks"):
        read(plant(tmp_path, Case(table, {})))


@pytest.mark.parametrize(
    "table",
    [
        "file,label\n" + ROWS.replace("\n", ",\n"),
        "file,label,\n" + ROWS.replace("cat\n", "cat,a note\n").replace("dog\n", "dog,\n"),
        '"file","label"\n'
        + "".join(f'"{number}","{row}"\n' for number, row in enumerate(ROWS.split()))
        .replace(",cat", '","cat')
        .replace(",dog", '","dog'),
    ],
)
def test_rows_that_are_longer_than_the_names_of_columns_are_read_where_nothing_is_lost(
    tmp_path: Path, table: str
) -> None:
    reading = read(plant(tmp_path, Case(table, {})))
    assert {item.path: say(item) for item in reading.items} == FOUR


@pytest.mark.parametrize(
    ("header", "rows", "label"),
    [
        ("file,animal", {"train": "acabcb", "test": "abc"}, "{}"),
        ("file,a,b", {"train": "ababab", "test": "aaa"}, "{a:d},{b:d}"),
    ],
)
def test_tables_of_parts_with_the_same_columns_are_read_alike(
    tmp_path: Path, header: str, rows: Mapping[str, str], label: str
) -> None:
    """Few rows of a test do not show by themselves which column is the label."""
    expected = {}
    for part, labels in rows.items():
        table = header + "\n"
        for number, name in enumerate(labels):
            table += f"{part}{number}.jpg,{label.format(name, a=name == 'a', b=name == 'b')}\n"
            expected[f"{part}/{part}{number}.jpg"] = f"{part}:{name}"
        images = " ".join(f"{part}/{part}{number}.jpg" for number in range(len(labels)))
        source = plant(tmp_path, Case(table, {}, images=images, name=f"{part}.csv", source="."))
    assert {item.path: say(item) for item in read(source).items} == expected


def test_one_text_in_all_rows_of_a_test_is_no_label(tmp_path: Path) -> None:
    plant(tmp_path, Case("file,animal\n5.jpg,a\n6.jpg,a\n", {}, images="test/5.jpg test/6.jpg", name="test.csv"))
    table = "file,animal\n" + ROWS
    images = " ".join(f"train/{name}" for name in FOUR)
    reading = read(plant(tmp_path, Case(table, {}, images=images, name="train.csv", source=".")))
    assert {item.path: say(item) for item in reading.items} == {f"train/{name}": label for name, label in FOUR.items()}
    assert "test.csv is not used" in told(reading)


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["[1, 2]", "[1]", ""], ["1\x1f2", "1", ""]),
        (["[1 2]", "[3]"], ["1\x1f2", "3"]),
        (["[1.0, 2.]", "[]"], ["1\x1f2", ""]),
        (["[0, 1]", "[1, 0]"], ["[0, 1]", "[1, 0]"]),
        (["[0]", "[1]"], ["0", "1"]),
        (["[1.5]", "[2]"], ["[1.5]", "[2]"]),
        (["[1, 2", "[1]"], ["[1, 2", "[1]"]),
    ],
)
def test_lists_of_numbers_are_lists(texts: list[str], meant: list[str]) -> None:
    assert list(as_meant(texts)) == meant
