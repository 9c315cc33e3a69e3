"""Which files the names in a table mean: absolute paths, equal names in the folders of parts, odd letters."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.readers.tables import FOUR, IMAGES, ROWS, Case, plant, read, say, told
from tlsearch.errors import DataError
from tlsearch.folders.walk import walk
from tlsearch_plugins.readers.tables.reader import TableReader
from tlsearch_plugins.readers.tables.texts import clean

CLASSES = ("cat", "dog", "owl")


def rows_of(top: Path, per_class: int) -> str:
    """A table sorted by class, with the absolute paths of images that it writes below ``top``."""
    rows = ["path,label"]
    for label in CLASSES:
        for number in range(per_class):
            file = top / label / f"{number:03}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"\xff\xd8\xff")
            rows.append(f"{file},{label}")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("table", ["far/labels.csv", "near/labels.csv", "labels.csv"])
def test_absolute_paths_of_a_table_that_is_sorted_by_class(tmp_path: Path, table: str) -> None:
    rows = rows_of(tmp_path / "near" / "set", 60)
    reading = read(plant(tmp_path, Case(rows, {}, images="", name=table)))
    assert {item.path: say(item) for item in reading.items} == {
        f"{label}/{number:03}.jpg": label for label in CLASSES for number in range(60)
    }
    assert reading.notes == ()


def test_folders_far_from_each_other_are_looked_into_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for image in ("one/deep/er/cat/1.jpg", "two/dog/2.jpg", "two/dog/more/3.jpg", "other/4.jpg"):
        plant(tmp_path, Case("", {}, images=image, name="empty"))
    listed: list[str] = []
    scandir = os.scandir

    def watched(path: Any = ".") -> Any:
        listed.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watched)
    paths = [tmp_path / name for name in ("one/deep/er/cat/1.jpg", "two/dog/2.jpg", "two/dog/more/3.jpg")]
    table = "file,label\n" + "".join(f"{path},{path.parts[-2]}\n" for path in paths)
    (tmp_path / "table").mkdir()
    reading = read(plant(tmp_path / "table", Case(table, {}, images="")))
    assert {item.path: say(item) for item in reading.items} == {
        "one/deep/er/cat/1.jpg": "cat",
        "two/dog/2.jpg": "dog",
        "two/dog/more/3.jpg": "more",
    }
    assert str(tmp_path) not in listed
    assert str(tmp_path / "other") not in listed


def test_a_walk_to_some_folders_is_the_walk_without_the_others(tmp_path: Path) -> None:
    plant(tmp_path, Case("", {}, images="a/b/1.jpg a/c/2.jpg a/3.jpg d/4.jpg", name="empty"))
    (tmp_path / "a/b/up").symlink_to(tmp_path)
    some = walk(tmp_path, [tmp_path / "a/b", tmp_path / "d"]).root
    assert [str(file.relative_to(tmp_path)) for file in some.all_files()] == ["a/b/1.jpg", "d/4.jpg"]
    assert [folder.relative for folder in some.folders[0].folders] == ["a/b"]
    assert [entry.path.name for entry in some.all_refused()] == ["up"]
    assert list(walk(tmp_path, [tmp_path]).root.all_files()) == list(walk(tmp_path).root.all_files())


PARTS = "id,label,split\n1,cat,train\n2,dog,train\n3,cat,train\n1,dog,test\n2,cat,test\n"


@pytest.mark.parametrize("ending", ["", ".jpg"])
def test_equal_names_in_the_folders_of_parts_are_those_of_the_part(tmp_path: Path, ending: str) -> None:
    table = PARTS.replace(",cat", f"{ending},cat").replace(",dog", f"{ending},dog")
    images = "train/1.jpg train/2.jpg train/3.jpg test/1.jpg test/2.jpg"
    reading = read(plant(tmp_path, Case(table, {}, images=images)))
    assert {item.path: say(item) for item in reading.items} == {
        "train/1.jpg": "train:cat",
        "train/2.jpg": "train:dog",
        "train/3.jpg": "train:cat",
        "test/1.jpg": "test:dog",
        "test/2.jpg": "test:cat",
    }
    assert reading.skipped == ()


def test_boxes_of_equal_names_are_those_of_the_part(tmp_path: Path) -> None:
    rows = "1.jpg,cat,train,0,0,5,5\n2.jpg,dog,train,0,0,6,6\n1.jpg,dog,test,1,1,9,9\n"
    table = f"file,label,split,xmin,ymin,xmax,ymax\n{rows}"
    reading = read(plant(tmp_path, Case(table, {}, images="train/1.jpg train/2.jpg test/1.jpg")))
    edges = {item.path: [(box.x_min, box.x_max) for box in item.boxes] for item in reading.items}
    assert edges == {"train/1.jpg": [(0, 5)], "train/2.jpg": [(0, 6)], "test/1.jpg": [(1, 9)]}


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_letters_that_are_not_seen(tmp_path: Path, ending: str) -> None:
    """Spaces without a width do not make a class; what joins letters is part of a name, whatever the table is."""
    joined, family = "می\u200cشود.jpg", "👨\u200d👩"
    rows = [(joined, family), ("2.jpg", "\ufeffcat\u200b"), ("3.jpg", "cat "), ("4.jpg", family)]
    if ending == ".csv":
        table = "file,label\n" + "".join(f"{file},{label}\n" for file, label in rows)
    else:
        table = "".join(json.dumps({"file": file, "label": label}) + "\n" for file, label in rows)
    reading = read(plant(tmp_path, Case(table, {}, images=f"{joined} 2.jpg 3.jpg 4.jpg", name=f"labels{ending}")))
    assert {item.path: say(item) for item in reading.items} == {
        joined: family,
        "2.jpg": "cat",
        "3.jpg": "cat",
        "4.jpg": family,
    }


def test_what_no_text_holds_is_taken_away() -> None:
    assert clean(" \ufeff \u200b cafe\u0301\x00\x1f\ud800 \u2060") == "café"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1251"])
def test_an_encoding_that_is_guessed_is_told(tmp_path: Path, encoding: str) -> None:
    word = "кот" if encoding == "cp1251" else "Kätzchen"
    reading = read(plant(tmp_path, Case(f"file,label\n{ROWS.replace('cat', word)}".encode(encoding), {})))
    guessed = encoding.startswith("cp125")
    assert ("labels.csv is not in UTF-8 and is read as Windows-1252, with texts such as " in told(reading)) == guessed
    label = word if encoding != "cp1251" else word.encode(encoding).decode("cp1252")
    assert say(reading.items[0]) == label
    assert (repr(label) in told(reading)) == guessed


@pytest.mark.parametrize("missing", ["N/A", "n/a", "NA", "NaN", ""])
def test_labels_that_are_not_there(tmp_path: Path, missing: str) -> None:
    table = f"file,label\n{ROWS}5.jpg,{missing}\n"
    reading = read(plant(tmp_path, Case(table, {}, images=f"{IMAGES} 5.jpg")))
    assert {item.path: say(item) for item in reading.items} == FOUR
    assert "the table has no label in 1 row" in reading.notes


def test_rows_that_are_too_short_have_empty_cells(tmp_path: Path) -> None:
    table = "file,label,patient\n1.jpg,cat,p\n2.jpg,cat,p\n3.jpg,dog,q\n4.jpg,dog\n5.jpg\n"
    reading = read(plant(tmp_path, Case(table, {}, images=f"{IMAGES} 5.jpg")))
    assert [(say(item), item.group) for item in reading.items] == [
        *(("cat", "p"), ("cat", "p"), ("dog", "q"), ("dog", None)),
    ]


def test_names_with_percent_signs_as_in_addresses(tmp_path: Path) -> None:
    table = "file,label\n/data/my%20photo%201.jpg,cat\n100%25.jpg,cat\n50%.jpg,dog\n4%2B.jpg,dog\n"
    images = "my%20photo%201.jpg 100%25.jpg 50%.jpg 4+.jpg 4%2B.jpg"
    reading = read(plant(tmp_path, Case(table, {}, images=images)))
    assert {item.path: say(item) for item in reading.items} == {
        "my photo 1.jpg": "cat",
        "100%25.jpg": "cat",
        "50%.jpg": "dog",
        "4%2B.jpg": "dog",
    }


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("['cat']", "['cat']", "['dog']", '["dog"]'), ["cat", "cat", "dog", "dog"]),
        (("['cat']", "['cat', 'dog']", "['dog' 'cat']", "[]"), ["cat", "cat+dog", "cat+dog"]),
        (("[cat]", "[cat]", "['dog']", "['dog']"), ["[cat]", "[cat]", "['dog']", "['dog']"]),
        (('["it\'s"]', "['a \"b\"']", "['dog']", "['dog']"), ["it's", 'a "b"', "dog", "dog"]),
        (("[1]", "[1, 2]", "[2]", "[2]"), ["1", "1+2", "2", "2"]),
    ],
)
def test_lists_that_a_program_wrote_as_texts(tmp_path: Path, cells: tuple[str, ...], said: list[str]) -> None:
    rows = "".join(f"{number}.jpg\t{cell}\n" for number, cell in enumerate(cells, 1))
    reading = read(plant(tmp_path, Case(f"file\tlabels\n{rows}", {}, name="labels.tsv")))
    assert [say(item) for item in reading.items] == said
    assert "\x1f" not in told(reading)


def test_json_of_one_piece_is_refused_with_a_way_out(tmp_path: Path) -> None:
    source = plant(tmp_path, Case('[{"file": "1.jpg", "label": "cat"}]', {}, name="labels.json"))
    with pytest.raises(DataError, match=r"is JSON of one piece: write an object a line .* \.jsonl, or save a table"):
        read(source)


def test_a_label_is_of_one_line(tmp_path: Path) -> None:
    table = 'file,label\n1.jpg,"golden\n retriever"\n2.jpg,golden retriever\n3.jpg,"a\r\nb"\n4.jpg,a b\n'
    reading = read(plant(tmp_path, Case(table, {})))
    assert [say(item) for item in reading.items] == ["golden retriever"] * 2 + ["a b"] * 2


@pytest.mark.parametrize("strange", ["0", "0,5", "3.2 kg", "-1"])
def test_a_column_of_weights_that_is_not_used_is_told(tmp_path: Path, strange: str) -> None:
    rows = f'1.jpg,cat,1\n2.jpg,cat,"{strange}"\n3.jpg,dog,2\n4.jpg,dog,\n'
    reading = read(plant(tmp_path, Case(f"file,label,weight\n{rows}", {})))
    assert {item.weight for item in reading.items} == {1.0}
    assert reading.notes == (f"'weight' of labels.csv is not used: it holds {strange!r}, which is no weight above 0",)


@pytest.mark.parametrize(("name", "is_read"), [("sample_labels.csv", True), ("sample_submission.csv", False)])
def test_a_sample_of_labels_is_no_sample_of_answers(tmp_path: Path, name: str, is_read: bool) -> None:
    source = plant(tmp_path, Case("file,label\n" + ROWS, {}, name=name, source="."))
    assert TableReader().accepts(source) is is_read


def test_a_list_of_classes_above_the_tables_of_parts(tmp_path: Path) -> None:
    plant(tmp_path, Case("number,name\n70,cat\n71,dog\n", {}, images="", name="classes.csv"))
    for part in ("train", "test"):
        table = "filename, cat, dog\n1.jpg, 1, 0\n2.jpg, 0, 1\n"
        plant(tmp_path / part, Case(table, {}, images="1.jpg 2.jpg", name="_classes.csv"))
    assert {item.path: say(item) for item in read(str(tmp_path)).items} == {
        "train/1.jpg": "train:cat",
        "train/2.jpg": "train:dog",
        "test/1.jpg": "test:cat",
        "test/2.jpg": "test:dog",
    }


def test_tables_that_name_no_image_at_any_level_are_refused(tmp_path: Path) -> None:
    plant(tmp_path, Case("number,name\n70,cat\n71,dog\n", {}, name="classes.csv"))
    source = plant(tmp_path, Case("a,b\nx,y\n", {}, images="more/5.jpg", name="more/other.csv", source="."))
    with pytest.raises(DataError, match=r"None of the images in 'name' of classes.csv, such as 'cat', is in"):
        read(source)
