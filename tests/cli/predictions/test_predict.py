"""``tlsearch predict``: what is asked, the formats, files, ends."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tlsearch.cli.main import cli
from tlsearch.cli.predictions import destination, fields, parquet, table
from tlsearch.cli.predictions.fields import Field, Kind
from tlsearch.cli.predictions.lists import names_in
from tlsearch.predictor import Predictor

ROOT = Path(__file__).parents[3]


def tlsearch(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin, prog_name="tlsearch")


def answer(images: Any) -> Any:
    """The greener a picture, the more it is a newt."""
    green = images[..., 1].mean(axis=(1, 2)) / 255
    return np.stack([0.25 * (1 - green), 0.75 * (1 - green), green], axis=1)


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model folder, and two images with a file that is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")

    def load(folder: Path, max_pixels: int | None = None) -> Predictor:
        network = SimpleNamespace(predict_on_batch=answer)
        return Predictor(network, ("cat", "dog", "newt"), {"image_size": 8}, folder)

    monkeypatch.setattr("tlsearch.predictor.load", load)
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8), (0, 255, 0)).save("pictures/a,b.png")
    Image.new("RGB", (8, 8), (255, 0, 0)).save("pictures/red.png")
    Path("pictures/z.png").write_text("no picture")


ROWS = [("pictures/a,b.png", "newt"), ("pictures/red.png", "dog"), ("pictures/z.png", None)]


def read_rows(name: str) -> list[tuple[str, str | None]]:
    """Path and class of every row of a file."""
    file = Path(name)
    if file.suffix == ".parquet":
        from pyarrow import parquet as reading

        rows = reading.read_table(file).to_pylist()
    elif file.suffix == ".csv":
        rows = [{**row, "label": row["label"] or None} for row in csv.DictReader(io.StringIO(file.read_text()))]
    elif file.suffix == ".json":
        rows = json.loads(file.read_text())
    else:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [(row["path"], row["label"]) for row in rows]


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


SCRIPT = textwrap.dedent(
    """
    import sys, time
    from types import SimpleNamespace
    import numpy as np
    import tlsearch.predictor
    from tlsearch.cli.main import main
    from tlsearch.predictor import Predictor

    def answer(images):
        time.sleep(0.01)
        return np.full((len(images), 2), 0.5)

    def load(folder, max_pixels=None):
        return Predictor(SimpleNamespace(predict_on_batch=answer), ("cat", "dog"), {"image_size": 8}, folder)

    tlsearch.predictor.load = load
    main(sys.argv[1:])
    """
)
"""The command line with a network that takes its time."""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts ``tlsearch predict model`` on 2,000 images in a process of its own."""
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "many").mkdir()
    for number in range(2000):
        os.link("pictures/red.png", tmp_path / "many" / f"{number:04}.png")

    def run(*arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "script.py", "predict", "model", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        return subprocess.Popen(command, env=environment, **streams)

    return run


def test_a_reader_that_has_enough_ends_it_quietly(start: Start) -> None:
    process = start("many", "--format", "csv", "--batch-size", "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as stdout, process.stderr as stderr:
        assert stdout.readline().startswith(b"path,rank,label,probability,error,calibrated,prediction_set,")
        assert stdout.readline().startswith(b"many/0000.png,1,cat,0.5")
        stdout.close()
        assert stderr.read() == b""
    process.wait(60)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_an_interruption_leaves_what_was_printed_whole(form: str, start: Start) -> None:
    process = start("many", "--format", form, "--batch-size", "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as stdout, process.stderr as stderr:
        begun = stdout.readline() + stdout.readline()
        process.send_signal(signal.SIGINT)
        text, said = (begun + stdout.read()).decode(), stderr.read()
    process.wait(60)
    rows = json.loads(text) if form == "json" else list(csv.DictReader(io.StringIO(text)))
    assert [row["path"] for row in rows] == [f"many/{number:04}.png" for number in range(len(rows))]
    assert 0 < len(rows) < 2000
    assert text.endswith("]\n" if form == "json" else "\n")
    assert said.decode() == f"error: interrupted after {len(rows):,} image{'s' if len(rows) > 1 else ''}.\n"
    assert process.returncode == 130


@pytest.mark.parametrize("ending", ["parquet", "json", "csv"])
def test_an_interruption_leaves_a_part_under_a_name_that_says_so(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def interrupted(images: Any) -> Any:
        told.append(len(images))
        if len(told) == 3:
            signal.raise_signal(signal.SIGTERM)
        return answer(images)

    network = SimpleNamespace(predict_on_batch=interrupted)
    predictor = Predictor(network, ("cat", "dog", "newt"), {"image_size": 8}, Path("model"))
    monkeypatch.setattr("tlsearch.predictor.load", lambda *_: predictor)
    Path(f"out.{ending}").write_text("of yesterday")
    names = ["pictures/red.png", "pictures/z.png"] * 4
    result = tlsearch("predict", "model", *names, "--to", f"out.{ending}", "--batch-size", "2")
    assert result.exit_code == 130
    assert result.stderr == (f"error: interrupted after 4 images, 2 not read; they are in out.partial.{ending}.\n")
    assert [path for path, _ in read_rows(f"out.partial.{ending}")] == names[:4]
    assert Path(f"out.{ending}").read_text() == "of yesterday"
    assert len(list(Path.cwd().iterdir())) == 3


def test_a_terminal_sees_how_far_it_is_and_a_file_does_not(start: Start) -> None:
    main, other = pty.openpty()
    process = start("many", "--to", "out.csv", "--batch-size", "16", stderr=other)
    os.close(other)
    seen = b""
    while True:
        try:
            block = os.read(main, 4096)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        seen += block
    os.close(main)
    assert process.wait(60) == 0
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen).decode()
    assert re.search(r"\d+/2,000 images  [\d,.]+ a second", plain)
    assert plain.rstrip().endswith("out.csv: 2,000 images")
    process = start("many", "--to", "out.csv", "--batch-size", "64", stderr=subprocess.PIPE)
    assert process.communicate(timeout=60)[1] == b"out.csv: 2,000 images\n"


def test_the_name_of_a_part() -> None:
    assert destination.partial(Path("a/found.csv")) == Path("a/found.partial.csv")
    assert destination.partial(Path("found")) == Path("found.partial")
