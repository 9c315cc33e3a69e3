"""``tlsearch predict`` with odd names of classes and files, odd lists, and outputs that are no files."""

from __future__ import annotations

import csv
import io
import os
import stat
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.helpers.predictions import ROWS, answer, tlsearch
from tlsearch.cli.predictions import lists
from tlsearch.cli.predictions.lists import asked_images, names_in
from tlsearch.errors import UsageError
from tlsearch.predictor import Predictor

ODD = ("a\rb", 'c\n"d",', "läufer; 走者")
"""Names of classes."""


@pytest.fixture
def odd_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(folder: Path, max_pixels: int | None = None) -> Predictor:
        return Predictor(SimpleNamespace(predict_on_batch=answer), ODD, {"image_size": 8}, folder)

    monkeypatch.setattr("tlsearch.predictor.load", load)


@pytest.mark.usefixtures("odd_classes")
def test_every_reader_of_csv_finds_odd_names_as_they_are() -> None:
    Path("pictures/x\ry.png").write_bytes(Path("pictures/red.png").read_bytes())
    assert tlsearch("predict", "model", "pictures", "--top", "3", "--to", "out.csv").exit_code == 0
    with Path("out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["path"] for row in rows} == {*(path for path, _ in ROWS), "pictures/x\ry.png"}
    assert {row["label"] for row in rows if row["label"]} == set(ODD)
    assert b"\r\n" not in Path("out.csv").read_bytes()


def test_a_device_or_a_pipe_stays_what_it_is() -> None:
    os.mkfifo("pipe")
    os.mkfifo("found.partial.csv")
    for to, named in (("pipe", "pipe"), ("found.csv", "found.partial.csv")):
        refused = tlsearch("predict", "model", "pictures", "--to", to)
        assert refused.exit_code == 2
        assert f"--to {to} would replace {named}, which is a device or a pipe and no file" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
        assert stat.S_ISFIFO(Path(named).stat().st_mode)
    assert not Path("found.csv").exists()


def test_a_name_that_no_file_can_have_is_told_in_one_sentence() -> None:
    refused = tlsearch("predict", "model", "pictures", "--to", f"{'x' * 300}.csv")
    assert refused.exit_code == 2
    assert "it must be a path that the system can follow (File name too long)." in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_what_ends_the_names_of_a_list_is_known_once_a_name_has_ended() -> None:
    """A pipe gives what was written, as by a program that writes a name and then its end."""
    for end in (b"\0", b"\n"):
        parts = [b"\xef\xbb", b"\xbfone", b" name.png", end, b"a.png" + end]
        assert list(names_in(_Parts(parts))) == ["one name.png", "a.png"]
    assert list(names_in(_Parts([b"only.png"]))) == ["only.png"]
    assert list(names_in(_Parts([]))) == []


class _Parts(io.BytesIO):
    """A stream that gives these parts, one at a time."""

    def __init__(self, parts: list[bytes]) -> None:
        super().__init__()
        self._parts = iter(parts)

    def read1(self, size: int | None = -1) -> bytes:
        return next(self._parts, b"")


def test_a_standard_input_that_is_closed_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "sys", SimpleNamespace(stdin=None))
    for images, files in ((["-"], []), ([], [Path("-")])):
        with pytest.raises(UsageError, match=r"^Standard input is closed: name images, or a file that lists them"):
            list(asked_images(images, files))


def test_a_name_in_an_archive_does_not_command_the_terminal() -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("\x1b]0;owned\x07\x1b[31mred.png", Path("pictures/red.png").read_bytes())
    shown = tlsearch("predict", "model", "a.zip", "pictures")
    assert shown.exit_code == 0
    assert "\x1b" not in shown.output
    assert "a.zip/\\x1b]0;owned\\x07\\x1b[31mred.png" in shown.stdout
    heading, *rows = (line for line in shown.stdout.splitlines() if "red.png" in line or "probability" in line)
    assert {row.index("dog") for row in rows} == {heading.index("class")}
