"""Archives give what the folder gives that they were made of."""

from __future__ import annotations

import os
import shutil
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import MakeDataset
from tests.helpers.readers.archives import FORMATS, options, zip_with
from tlsearch.cli.main import cli
from tlsearch.data.sources import read_source
from tlsearch.data.survey import scan
from tlsearch.errors import DataError, UsageError
from tlsearch_plugins.readers.remote import unpack
from tlsearch_plugins.readers.remote.archives import stem_of


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in a folder"])
def test_an_archive_gives_what_its_folder_gives(
    tmp_path: Path, make_dataset: MakeDataset, kind: str, wrapped: bool
) -> None:
    root = make_dataset(tmp_path, per_class=4, size=24, splits=("train", "test"))
    base = {"root_dir": root.parent, "base_dir": root.name} if wrapped else {"root_dir": root}
    archive = shutil.make_archive(str(tmp_path / "pets"), kind, **base)
    assert archive.endswith(f"pets{FORMATS[kind]}")

    index = scan(archive, reading=options(tmp_path))

    assert index.fingerprint == scan(root).fingerprint
    assert index.reading is not None
    assert index.reading.understood[0] == f"unpacked pets{FORMATS[kind]} (24 files)"
    assert not index.reading.passed_over


def test_an_archive_is_unpacked_once_and_anew_when_it_changes(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, per_class=4, size=24)
    archive = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", root))
    first = read_source(archive, options(tmp_path))
    before = {item.file: item.file.stat().st_mtime_ns for item in first.items}
    assert read_source(archive, options(tmp_path)).items == first.items
    assert {item.file: item.file.stat().st_mtime_ns for item in first.items} == before

    first.items[0].file.unlink()  # as a program that tidies up does
    assert read_source(archive, options(tmp_path)).items == first.items
    assert first.items[0].file.is_file()

    shutil.copytree(root / "ash", root / "oak")
    shutil.make_archive(str(tmp_path / "pets"), "zip", root)
    assert len(read_source(archive, options(tmp_path)).items) == len(first.items) + 4


TWO_WAYS = {
    "folders": (
        ("cats/a", "cats/b", "dogs/c", "dogs/d"),
        "",
        "the classes are cats, dogs (--layout classes), or the classes are a, b, c, d (--layout subfolders).",
    ),
    "a table": (
        ("north", "south"),
        "file,kind\nnorth/0.jpg,x\nnorth/1.jpg,y\nsouth/0.jpg,x\nsouth/1.jpg,y\n",
        "the table labels.csv says the labels, x, y (--label-column 'kind'), or the names of the folders do, north, "
        "south (--exclude 'labels.csv').",
    ),
}


@pytest.mark.parametrize("name", TWO_WAYS)
def test_an_archive_of_what_can_be_read_in_two_ways(tmp_path: Path, name: str) -> None:
    folders, table, readings = TWO_WAYS[name]
    members = {f"{folder}/{number}.jpg": b"\xff\xd8\xff" for folder in folders for number in (0, 1)}
    archive = zip_with(tmp_path / "pets.zip", members | ({"labels.csv": table.encode()} if table else {}))
    with pytest.raises(DataError) as caught:
        read_source(archive, options(tmp_path))
    assert str(caught.value) == f"{archive} can be read in two ways: {readings}"


def test_options_of_tables_name_the_archive(tmp_path: Path) -> None:
    members = {f"{label}/{number}.jpg": b"\xff\xd8\xff" for label in ("cat", "dog") for number in (0, 1)}
    archive = zip_with(tmp_path / "pets.zip", members)
    with pytest.raises(UsageError, match=f"--images is for tables, and the labels of {archive} are the names"):
        read_source(archive, replace(options(tmp_path), images=str(tmp_path)))


def test_an_archive_of_archives(tmp_path: Path) -> None:
    archive = zip_with(tmp_path / "pets.zip", {"pets/train.zip": b"PK", "pets/test.zip": b"PK", "pets/notes.txt": b"x"})
    with pytest.raises(DataError) as caught:
        scan(archive, reading=options(tmp_path))
    assert str(caught.value) == (
        f"{archive} holds no image that can be read: 2 files are each an archive of its own: unpack it, and name the "
        "folder that holds its images."
    )


def test_an_interrupted_unpacking_is_done_anew(
    tmp_path: Path, make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = shutil.make_archive(str(tmp_path / "pets"), "zip", make_dataset(tmp_path, per_class=4, size=24))
    taken = unpack.Allowance.take

    def interrupted(self: unpack.Allowance, size: int, files: int = 0) -> None:
        taken(self, size, files)
        if self._files > 5:
            os._exit(9)  # as a process that is killed

    monkeypatch.setattr(unpack.Allowance, "take", interrupted)
    if (child := os.fork()) == 0:
        read_source(archive, options(tmp_path))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = list((tmp_path / "cache").rglob("*.png"))
    assert len(left) == 5

    monkeypatch.setattr(unpack.Allowance, "take", taken)
    assert len(read_source(archive, options(tmp_path)).items) == 12


def test_two_at_once_are_safe(tmp_path: Path, make_dataset: MakeDataset) -> None:
    archive = shutil.make_archive(str(tmp_path / "pets"), "gztar", make_dataset(tmp_path, per_class=8, size=24))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(read_source(archive, options(tmp_path)).items)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [24] * 4


def test_names_of_other_systems_are_read(tmp_path: Path, make_dataset: MakeDataset) -> None:
    """Backslashes as on Windows, and UTF-8 that does not say so as on macOS, with what macOS adds."""
    root = make_dataset(tmp_path, classes=("ash", "bäume"), per_class=4, size=24)
    files = {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*.png")}
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path, content in files.items():
            member = zipfile.ZipInfo()
            member.filename = path.replace("/", "\\").replace("bäume", "baeume")
            opened.writestr(member, content)
        opened.writestr("__MACOSX/ash/._000.png", b"fork")
    archive.write_bytes(archive.read_bytes().replace(b"baeume", "bäume".encode()))
    index = scan(archive, reading=options(tmp_path))
    assert index.fingerprint == scan(root).fingerprint
    assert index.reading is not None
    assert index.reading.passed_over == {"__MACOSX": 1}


@pytest.mark.parametrize(
    ("name", "stem"), [("pets.zip", "pets"), ("a.b.TAR.GZ", "a.b"), ("x.tgz", "x"), (".zip", "images")]
)
def test_the_folder_is_called_like_the_archive(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_check_reads_an_archive_into_the_cache_folder(
    tmp_path: Path, make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "own"))
    archive = shutil.make_archive(str(tmp_path / "pets"), "zip", make_dataset(tmp_path, per_class=12, size=40))
    done = CliRunner().invoke(cli, ["check", archive])
    assert done.exit_code == 0, done.output
    assert "unpacked pets.zip (36 files)" in done.output
    assert (tmp_path / "own" / "sources").is_dir()
