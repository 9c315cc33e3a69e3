"""``tlsearch predict``: what is asked, the formats, files."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from tests.helpers.predictions import ROWS, read_rows, tlsearch
from tlsearch.cli.predictions import fields, parquet, table
from tlsearch.cli.predictions.fields import Field, Kind
from tlsearch.cli.predictions.lists import names_in


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_a_file_has_the_format_of_its_ending(ending: str) -> None:
    result = tlsearch("predict", "model", "pictures", "--to", f"out.{ending}")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"out.{ending}: 3 images, 1 not read\n"
    assert read_rows(f"out.{ending}") == ROWS
    assert sorted(path.name for path in Path.cwd().iterdir()) == [f"out.{ending}", "pictures"]


def test_a_format_that_is_asked_for_counts_more_than_an_ending() -> None:
    assert tlsearch("predict", "model", "pictures", "--to", "out.txt", "--format", "jsonl").exit_code == 0
    assert read_rows("out.txt") == ROWS
    assert tlsearch("predict", "model", "pictures", "--to", "table.txt").exit_code == 0
    assert Path("table.txt").read_text().splitlines()[0].split() == ["image", "class", "probability"]


def test_parquet_has_types_and_groups_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet as reading

    monkeypatch.setattr(parquet, "GROUP", 2)
    assert tlsearch("predict", "model", "pictures", "--to", "out.parquet", "--top", "2").exit_code == 0
    file = reading.ParquetFile("out.parquet")
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [2, 1]
    red, broken = file.read().to_pylist()[1:]
    assert red["top"] == [{"label": "dog", "probability": 0.75}, {"label": "cat", "probability": 0.25}]
    assert (red["probability"], red["calibrated"], red["error"]) == (0.75, False, None)
    assert (broken["probability"], broken["top"]) == (None, [])
    assert "text file" in broken["error"]


def test_parquet_is_not_printed() -> None:
    result = tlsearch("predict", "model", "pictures", "--format", "parquet")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: --format parquet gives no text that can be printed: name a file with --to FILE.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No image is named: give images, folders or addresses"),
        (("pictures", "--to", "pictures"), "--to pictures is a folder: name a file in it"),
        (("pictures", "--to", "nowhere/out.csv"), "--to nowhere/out.csv cannot be written (No such file or directory)"),
        (("--files-from", "nowhere.txt"), "--files-from nowhere.txt cannot be read (No such file or directory)"),
        (("pictures", "--workers", "0"), "--workers is 0, but it must be a whole number from 1 to 256"),
        (("pictures", "--batch-size", "0"), "--batch-size is"),
        (("pictures", "--format", "xml"), "--format is 'xml', but it must be one of table, csv, json, jsonl, parquet"),
    ],
)
def test_mistakes_are_told_in_one_sentence(arguments: tuple[str, ...], words: str) -> None:
    result = tlsearch("predict", "model", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.jsonl", "out.parquet", "out.txt", "out"])
def test_predictions_are_replaced_and_nothing_else(name: str) -> None:
    for images in (["pictures/z.png"], ["pictures"], ["pictures", "--top", "2"]):
        assert tlsearch("predict", "model", *images, "--to", name).exit_code in (0, 1)
    Path(name).write_text("name,price\nmilk,2\n")
    refused = tlsearch("predict", "model", "pictures", "--to", name)
    assert refused.exit_code == 2
    assert f"--to {name} would replace {name}, which holds no predictions: name another file." in refused.stderr
    assert Path(name).read_text() == "name,price\nmilk,2\n"
    Path(name).write_text("")
    assert tlsearch("predict", "model", "pictures", "--to", name).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pictures/red.png", "--to", "pictures/red.png"), "has the name of an image: name a file that ends in .csv"),
        (("pictures", "--to", "new.jpg"), "has the name of an image"),
        (("pictures", "--to", "new.jpg", "--format", "csv"), "has the name of an image"),
        (("pictures", "--to", "new.zip", "--format", "csv"), "has the name of an archive"),
        (("--files-from", "list.txt", "--to", "list.txt"), "--to list.txt is read as list.txt as well: name another"),
        (("--files-from", "list.txt", "--to", "bare"), "--to bare would replace bare, which holds no predictions"),
        (("pictures", "--to", "model/labels.json"), "lies in the folder of the model"),
        (("pictures", "--to", "model/new.csv"), "lies in the folder of the model"),
        (("pictures", "--to", "a.xlsx"), "--to a.xlsx ends in .xlsx, which is no format of predictions: name a file"),
        (("pictures", "--to", "found.csv"), "would replace found.partial.csv, which holds no predictions"),
    ],
)
def test_no_file_of_somebody_else_is_replaced(arguments: tuple[str, ...], words: str) -> None:
    Path("model").mkdir()
    Path("model/labels.json").write_text("[]")
    Path("list.txt").write_text("pictures/red.png\n./bare\n")
    Path("bare").write_bytes(Path("pictures/red.png").read_bytes())
    Path("found.partial.csv").write_text("a,b\n")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = tlsearch("predict", "model", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_a_long_reason_does_not_widen_the_table() -> None:
    Path("pictures/long.zip").write_text("no archive")
    for command in (("predict", "model", "pictures", "pictures/long.zip", f"nowhere/{'x' * 30}"),):
        lines = tlsearch(*command, "--to", "out.txt").exit_code, Path("out.txt").read_text().splitlines()
        assert lines[0] == 0
        rule = next(line for line in lines[1] if set(line) <= {"-", "─"})
        assert len(rule) <= 38 + 2 + 60 + 2 + len("probability")
        assert "not read: " in "\n".join(lines[1])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_lists_of_images(end: bytes) -> None:
    names = ["pictures/red.png", "", "nowhere.png", "pictures/a,b.png"]
    text = end.join(name.encode() for name in names)
    Path("list").write_bytes(text)
    expected = [("pictures/red.png", "dog"), ("nowhere.png", None), ("pictures/a,b.png", "newt")]
    for arguments in (("--files-from", "list"), ("-",), ("--files-from", "-")):
        result = tlsearch("predict", "model", *arguments, "--format", "jsonl", stdin=text + end)
        assert result.exit_code == 0, result.output
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        assert [(row["path"], row["label"]) for row in rows] == expected
    mixed = tlsearch("predict", "model", "pictures/z.png", "--files-from", "list", "--format", "jsonl")
    assert [json.loads(line)["path"] for line in mixed.stdout.splitlines()] == [
        "pictures/z.png", *(name for name, _ in expected),
    ]  # fmt: skip


def test_a_list_that_cannot_be_read_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.predictor.load", lambda *_: pytest.fail("the model was loaded"))
    Path("list").write_text("pictures/red.png\n")
    for wrong, words in (("nowhere.txt", "(No such file or directory)"), ("pictures", "(Is a directory)")):
        lists = ("--files-from", "list", "--files-from", wrong)
        result = tlsearch("predict", "model", *lists, "--to", "out.csv")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"--files-from {wrong} cannot be read {words}: name a file that lists images." in result.stderr
        assert not Path("out.csv").exists()


def test_an_empty_list_names_nothing() -> None:
    result = tlsearch("predict", "model", "-", "--format", "json", stdin=b"\n")
    assert (result.exit_code, json.loads(result.stdout)) == (1, [])
    assert result.stderr == "error: No image is named in the list.\n"


def test_names_are_whole_whatever_blocks_they_come_in() -> None:
    class Dripping(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(3)

    names = ["one.png", "two words.png", "é.png"]
    assert list(names_in(Dripping("\n".join(names).encode()))) == names
    assert list(names_in(Dripping(b"a\0b c\0\0long name\0"))) == ["a", "b c", "long name"]
    assert list(names_in(io.BytesIO(b"\xef\xbb\xbfa.png\r\nb.png"))) == ["a.png", "b.png"]
    for form in ("utf-16-le", "utf-16-be"):  # as PowerShell writes it, with a mark
        wide = "\ufeffä 1.png\r\n😀.png\r\n".encode(form)
        assert list(names_in(io.BytesIO(wide))) == list(names_in(Dripping(wide))) == ["ä 1.png", "😀.png"]


def test_long_tables_are_printed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "PART", 2)
    lines = tlsearch("predict", "model", "pictures").stdout.splitlines()
    assert [number for number, line in enumerate(lines) if line.startswith("image")] == [0, 5]
    assert [line.split()[0] for line in lines if line.startswith("pictures/")] == [name for name, _ in ROWS]


def test_a_further_field_is_in_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a field needs is one entry."""
    letters = Field(
        name="letters",
        kind=Kind.TEXTS,
        of=lambda prediction: tuple(prediction.label) if prediction.label else None,
        heading="its letters",
    )
    for module in (fields, parquet, table, sys.modules["tlsearch.cli.predictions.text"]):
        for name in ("FIELDS", "FURTHER"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, (*getattr(module, name), letters))
    heading, _, newt, *_ = tlsearch("predict", "model", "pictures").stdout.splitlines()
    assert heading.split() == ["image", "class", "probability", "its", "letters"]
    assert newt.split() == ["pictures/a,b.png", "newt", "1.000", "n;", "e;", "w;", "t"]
    for ending, expected in (("csv", "d; o; g"), ("jsonl", ["d", "o", "g"]), ("parquet", ["d", "o", "g"])):
        tlsearch("predict", "model", "pictures/red.png", "--to", f"out.{ending}")
        if ending == "csv":
            (row,) = csv.DictReader(io.StringIO(Path("out.csv").read_text()))
        elif ending == "jsonl":
            row = json.loads(Path("out.jsonl").read_text())
        else:
            from pyarrow import parquet as reading

            (row,) = reading.read_table("out.parquet").to_pylist()
        assert row["letters"] == expected
