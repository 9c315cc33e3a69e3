"""How tables are read: small tables as people have them, each with what it must give or the sentence of its refusal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from tests.helpers.readers.table_columns import TABLES_OF_COLUMNS
from tests.helpers.readers.table_folders import TABLES_IN_FOLDERS
from tests.helpers.readers.table_rows import TABLES_OF_ROWS
from tests.helpers.readers.tables import FOUR, IN_CLASSES, OTHERWISE, ROWS, Case, plant, read, say, told
from tlsearch.data.survey import scan
from tlsearch.errors import DataError, TlsearchError, UsageError
from tlsearch.plugin_api import ReadingOptions
from tlsearch_plugins.readers.tables.reader import TableReader

CASES = {**TABLES_OF_COLUMNS, **TABLES_OF_ROWS, **TABLES_IN_FOLDERS}


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_read_as_its_owner_means_it(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    reading = read(plant(tmp_path, case), **case.options)
    assert {item.path: say(item) for item in reading.items} == case.gives
    for words in case.says:
        assert words in told(reading)


REFUSED: dict[str, tuple[Case, str]] = {
    "an empty file": (Case("", {}), "labels.csv is empty: name a table"),
    "a header alone": (Case("file,label\n", {}), "labels.csv holds no rows"),
    "an archive": (
        Case(b"PK\x03\x04....", {}),
        "labels.csv is a ZIP archive, not a table of labels: download it again, or save",
    ),
    "a broken Parquet table": (Case(b"PAR1....", {}, name="labels.parquet"), "is a broken Parquet table: make or"),
    "bytes": (Case(bytes(range(256)), {}), "labels.csv is no table of text"),
    "a web page": (Case("<!doctype html><html>", {}), "is a web page, not a table of labels"),
    "a quotation mark that is open": (Case('file,label\n"1.jpg,cat\n2.jpg,dog\n', {}), "a quotation mark in row 2"),
    "a row that is too long": (
        Case("file,label\n" + "1.jpg,cat\n" * 300 + "2.jpg,a,b\n", {}),
        "row 302 has 3 fields where others have 2",
    ),
    "a line that is no JSON": (Case('{"a": 1}\n[]\n', {}, name="labels.jsonl"), r"Line 2 of .* is no JSON object"),
    "no images": (
        Case("file,label\n8.jpg,cat\n9.jpg,dog\n", {}),
        r"None of the images in 'file' of labels.csv, such as '8.jpg', is in .*: name the folder .* --images DIR",
    ),
    "few images": (
        Case("file,label\n1.jpg,cat\n7.jpg,dog\n8.jpg,dog\n", {}),
        r"Fewer than half of those in 'file' .* or use those that are there with --image-column 'file'",
    ),
    "no column of images": (
        Case("a,b\nx,y\nz,y\n", {}),
        r"No column of labels.csv \(a, b\) names images in .*--image-",
    ),
    "several labels": (
        Case("file,color,kind\n1.jpg,red,cat\n2.jpg,blue,cat\n3.jpg,red,dog\n4.jpg,blue,dog\n", {}),
        r"Several columns of labels.csv can be the label \(color, kind\): choose one with --label-column",
    ),
    "no label": (Case("file,age\n1.jpg,1\n2.jpg,2\n3.jpg,3\n4.jpg,4\n", {}), "has no column that can be the label"),
    "files alone": (Case("1.jpg\n2.jpg\n", {}), "has no column that can be the label"),
    "a column that is not there": (
        Case("file,label\n" + ROWS, {}, options={"columns": {"label": "lable"}}),
        "labels.csv has no column 'lable' for --label-column: did you mean 'label'",
    ),
    "a split that is none": (
        Case("file,label,half\n1.jpg,a,left\n2.jpg,b,right\n", {}, options={"columns": {"split": "half"}}),
        "'half' of labels.csv holds left, right, which is neither train",
    ),
    "weights that are none": (
        Case("file,label,w\n1.jpg,a,-1\n2.jpg,b,2\n", {}, options={"columns": {"weight": "w"}}),
        "'w' of labels.csv holds '-1', which is no weight above 0",
    ),
    "an image column without images": (
        Case("file,label\n8.jpg,cat\n", {}, options={"columns": {"image": "file"}}),
        r"None of the images in 'file' of labels.csv, such as '8.jpg', is in .* --images DIR",
    ),
    "names of several files": (
        Case("file,label\n1,cat\n2,dog\n", {}, images="a/1.jpg a/2.jpg b/1.jpg b/2.jpg"),
        "The names in column 'file' of labels.csv, such as 1, fit several files in .* --images DIR",
    ),
    "a folder that is not there": (
        Case("file,label\n" + ROWS, {}, options={"images": "nowhere"}),
        "The folder of --images, nowhere, does not exist",
    ),
    "no labels at all": (
        Case("file,label\n1.jpg,\n2.jpg,\n", {}, options={"columns": {"label": "label"}}),
        r"No row of labels.csv can be used \(its row has no label\)",
    ),
    "a spreadsheet": (Case(b"PK\x03\x04", {}, name="labels.xlsx"), "labels.xlsx is a spreadsheet: save it as CSV"),
    "folders of parts": (
        Case("file,label\n" + ROWS, {}, options={"parts": {"test": "new"}}),
        "--test is for folders of class folders, and .* is a table",
    ),
    "a table that disagrees with the folders": (
        Case(OTHERWISE, {}, images=IN_CLASSES, source="."),
        r"two ways: the table labels.csv says the labels, new, old \(--label-column 'age'\), or the names of the "
        r"folders do, cat, dog \(--exclude 'labels.csv'\)",
    ),
    "a table of some corrections of the folders": (
        Case("file,label\n1.jpg,cat\n2.jpg,dog\n3.jpg,dog\n4.jpg,dog\n", {}, images=IN_CLASSES, source="."),
        r"two ways: the table labels.csv says the labels, cat, dog \(--label-column 'label'\), or",
    ),
    "a table of several labels that disagrees with the folders": (
        Case(
            "file,age,light\n1.jpg,old,day\n2.jpg,new,day\n3.jpg,old,night\n4.jpg,new,day\n",
            {},
            images=IN_CLASSES,
            source=".",
        ),
        r"says the labels \(--label-column with one of age, light\), or the names",
    ),
    "columns of flags that disagree with the folders": (
        Case("file,a,b\n1.jpg,1,0\n2.jpg,0,1\n3.jpg,0,1\n4.jpg,1,0\n", {}, images=IN_CLASSES, source="."),
        r"says the labels, a, b \(--image-column 'file'\), or",
    ),
    "a table over folders of test images within training": (
        Case(
            "file,label\n1.jpg,x\n2.jpg,y\n3.jpg,y\n",
            {},
            images="train/a/1.jpg train/b/2.jpg train/test/a/3.jpg train/test/b/4.jpg",
            source=".",
        ),
        "--exclude 'train/test'",
    ),
    "two columns of one name": (
        Case("file,label,label\n1.jpg,cat,x\n2.jpg,dog,y\n", {}),
        "labels.csv has several columns called 'label': give each column a name of its own",
    ),
    "a fold below 0": (
        Case("file,label,fold\n1.jpg,cat,-1\n2.jpg,cat,0\n3.jpg,dog,1\n4.jpg,dog,0\n", {}),
        "'fold' of labels.csv holds the fold -1 in 1 row, which can mean .*: write the number of a fold, or leave",
    ),
    "addresses of images": (
        Case("url,label\nhttps://me:key@host/8.jpg,cat\nhttps://host/9.jpg,dog\n", {}),
        "'url' of labels.csv holds addresses of images, such as https://host/8.jpg, which are not downloaded: download",
    ),
    "a table that is not there": (Case("", {}, name="a.csv", source="b.csv"), "b.csv does not exist: name a table"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    case, message = REFUSED[name]
    with pytest.raises(UsageError, match=message) as caught:
        read(plant(tmp_path, case), **case.options)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_groups_and_weights_are_those_of_the_rows(tmp_path: Path) -> None:
    table = "file,label,patient,weight\n1.jpg,cat,p1,0.5\n2.jpg,cat,p1,\n3.jpg,dog,,2\n4.jpg,dog,p2,1\n"
    items = read(plant(tmp_path, Case(table, {}))).items
    assert [(item.group, item.weight) for item in items] == [("p1", 0.5), ("p1", 1.0), (None, 2.0), ("p2", 1.0)]


def test_absolute_paths(tmp_path: Path) -> None:
    far = tmp_path / "far"
    plant(far, Case("", {}))
    rows = "".join(f"{far / file},{label}\n" for file, label in FOUR.items())
    reading = read(plant(tmp_path / "near", Case("path,label\n" + rows, {}, images="")))
    assert {item.path: say(item) for item in reading.items} == FOUR
    assert reading.root == far


def test_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, Case("file,label\na/1.jpg,cat\nb/1.jpg,dog\n", {}, images="a/1.jpg b/1.jpg"))
    monkeypatch.chdir(tmp_path)
    assert {item.path: say(item) for item in read("labels.csv").items} == {"a/1.jpg": "cat", "b/1.jpg": "dog"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["cat", "cat", "dog", "dog"], FOUR),
        ([1.0, 1.0, 2.0, 2.0], {f"{n}.jpg": str((n + 1) // 2) for n in range(1, 5)}),
    ],
)
def test_parquet(tmp_path: Path, labels: list[Any], expected: dict[str, str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    plant(tmp_path, Case("", {}, name="empty"))
    parquet.write_table(pa.table({"file": list(FOUR), "label": labels}), tmp_path / "labels.parquet")
    reading = read(str(tmp_path / "labels.parquet"))
    assert {item.path: say(item) for item in reading.items} == expected


@pytest.mark.parametrize("more", [{}, {"number": [1]}, {"name": ["1.png"], "size": [20]}])
def test_parquet_that_holds_the_images_themselves(tmp_path: Path, more: dict[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"image": [{"bytes": b"x"}], "label": [1], **more}), tmp_path / "labels.parquet")
    with pytest.raises(DataError, match=r"holds the images themselves \(in 'image'\): save them as files"):
        read(str(tmp_path / "labels.parquet"))


MEASURED = (
    "file,species,group,weight\n1.jpg,cat,mammal,3000\n2.jpg,cat,mammal,4000\n3.jpg,hen,bird,9\n4.jpg,hen,bird,8\n"
)


def test_a_column_that_looks_like_groups_or_weights_can_be_none(tmp_path: Path) -> None:
    source = plant(tmp_path, Case(MEASURED, {}))
    assert {(item.group, item.weight) for item in read(source, columns={"group": "none"}).items} == {
        (None, weight) for weight in (3000.0, 4000.0, 9.0, 8.0)
    }
    assert {(item.group, item.weight) for item in read(source, columns={"weight": "None"}).items} == {
        ("mammal", 1.0),
        ("bird", 1.0),
    }


def test_weights_that_may_be_a_measure_are_told(tmp_path: Path) -> None:
    source = plant(tmp_path, Case(MEASURED, {}))
    note = "'weight' of labels.csv says how much each image counts in training, up to 4,000: if it is a measure, say"
    assert any(said.startswith(note) for said in read(source).notes)
    assert read(source, columns={"weight": "weight"}).notes == ()
    assert read(plant(tmp_path, Case(MEASURED.replace("000", ""), {}))).notes == ()


def test_images_of_several_labels_are_refused_with_their_number(tmp_path: Path) -> None:
    rows = "1.jpg,a|b\n2.jpg,b|a\n3.jpg,a\n4.jpg,b\n"
    source = plant(tmp_path, Case(f"file,label\n{rows}", {}))
    with pytest.raises(
        DataError, match=r"^2 of 4 images have several labels, such as 1.jpg \(a, b\), but .* choose one"
    ):
        scan(source)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@example(content=b'"', ending=".csv")
@example(content=b"1.jpg,a\n1.jpg,b\n", ending=".csv")
@example(content=b"\xff\xfea\x00\xff", ending=".csv")
@example(content=b"[" * 5000, ending=".jsonl")
@given(
    content=some.one_of(
        some.binary(max_size=80),
        some.text('1.jpg,;\t|"\n\r ab', max_size=60).map(str.encode),
        some.text(max_size=40).map(lambda text: f"file,label\n1.jpg,{text}\n2.jpg,b\n".encode(errors="replace")),
    ),
    ending=some.sampled_from([".csv", ".tsv", ".txt", ".jsonl", ".parquet"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, ending: str) -> None:
    source = plant(tmp_path, Case(content, {}, name=f"labels{ending}"))
    with suppress(TlsearchError):
        reading = TableReader().read(source, ReadingOptions())
        assert all(item.labels and "\\" not in item.path for item in reading.items)


@pytest.mark.parametrize("strange", ["extra", "PrivateTest", "hold out"])
def test_a_split_that_is_understood_in_part_is_refused(
    tmp_path: Path, make_dataset: Callable[..., Path], strange: str
) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=32)
    rows = ["file,label,split"]
    for label in "ab":
        rows += [f"{label}/{n:03}.png,{label},{part}" for n, part in enumerate(("train", "train", "test", strange))]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match=f"'split' is called like a split and holds {strange!r} beside"):
        scan(tmp_path / "labels.csv", reading=ReadingOptions(images=str(root)))
