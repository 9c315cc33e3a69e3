"""Archives give what the folder gives that they were made of; what could do harm is refused with a sentence."""

from __future__ import annotations

import io
import os
import shutil
import struct
import tarfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import MakeDataset
from tlsearch.cli.main import cli
from tlsearch.data.sources import read_source
from tlsearch.data.survey import scan
from tlsearch.errors import DataError, UsageError
from tlsearch.plugin_api import ReadingOptions
from tlsearch_plugins.readers.remote import unpack
from tlsearch_plugins.readers.remote.archives import stem_of

FORMATS = {"zip": ".zip", "tar": ".tar", "gztar": ".tar.gz", "bztar": ".tar.bz2", "xztar": ".tar.xz"}


def options(folder: Path) -> ReadingOptions:
    return ReadingOptions(cache=folder / "cache")


def tar_with(file: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(file, "w") as opened:
        for member, content in members:
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return file


def zip_with(file: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", compression) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file


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


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def encrypted(file: Path) -> Path:
    """A zip file whose only member says that it is encrypted."""
    content = bytearray(zip_with(file, {"cat/1.png": b"secret"}).read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    file.write_bytes(content)
    return file


def link_in_zip(file: Path) -> Path:
    member = zipfile.ZipInfo("cat/1.png")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr(member, "/etc/passwd")
    return file


def unknown_compression(file: Path) -> Path:
    content = bytearray(zip_with(file, {"cat/1.png": b"x"}).read_bytes())
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + place] = 9  # Deflate64
    file.write_bytes(content)
    return file


def cut(file: Path, share: float) -> Path:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    return file


def tar_of_two(file: Path) -> Path:
    return tar_with(file, (tarfile.TarInfo("cat/1.png"), b"1" * 3000), (tarfile.TarInfo("dog/1.png"), b"2" * 3000))


def damaged_inside(file: Path) -> Path:
    """A tar file whose second header is no header."""
    content = bytearray(tar_of_two(file).read_bytes())
    place = content.index(b"dog/1.png")
    content[place : place + 100] = b"\xff" * 100
    file.write_bytes(content)
    return file


def compressed(file: Path, kind: str) -> Path:
    with tarfile.open(file, f"w:{kind}") as opened:  # type: ignore[call-overload]
        content = os.urandom(200_000)
        member = tarfile.TarInfo("cat/1.png")
        member.size = len(content)
        opened.addfile(member, io.BytesIO(content))
    return file


def with_bytes(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


HOSTILE: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "tar leads up": ("a.tar", lambda f: tar_with(f, (tarfile.TarInfo("cat/../../x.png"), b"x")), "leads out"),
    "tar is absolute": ("a.tar", lambda f: tar_with(f, (tarfile.TarInfo("/x.png"), b"x")), "leads out"),
    "tar link": ("a.tar", lambda f: tar_with(f, (link("cat", "/etc"), b"")), "a link or a device"),
    "tar hard link": ("a.tar", lambda f: tar_with(f, (link("c", "/x", tarfile.LNKTYPE), b"")), "a link or a device"),
    "tar device": ("a.tar", lambda f: tar_with(f, (link("cat", "", tarfile.CHRTYPE), b"")), "a link or a device"),
    "tar pipe": ("a.tar", lambda f: tar_with(f, (link("cat", "", tarfile.FIFOTYPE), b"")), "a link or a device"),
    "zip leads up": ("a.zip", lambda f: zip_with(f, {"../x.png": b"x"}), "leads out"),
    "zip leads up in the middle": ("a.zip", lambda f: zip_with(f, {"cat/../../x.png": b"x"}), "leads out"),
    "zip is absolute": ("a.zip", lambda f: zip_with(f, {"/etc/x.png": b"x"}), "leads out"),
    "zip with backslashes": ("a.zip", lambda f: zip_with(f, {"cat\\..\\..\\x.png": b"x"}), "leads out"),
    "zip with a drive": ("a.zip", lambda f: zip_with(f, {"C:\\x.png": b"x"}), "leads out"),
    "zip with a share": ("a.zip", lambda f: zip_with(f, {"\\\\host\\x.png": b"x"}), "leads out"),
    "zip folder leads up": ("a.zip", lambda f: zip_with(f, {"../cat/": b""}), "leads out"),
    "zip link": ("a.zip", link_in_zip, "a link or a device"),
    "zip is encrypted": ("a.zip", encrypted, "is encrypted: unpack it with its password"),
    "zip of an unknown kind": ("a.zip", unknown_compression, "compressed in a way that cannot be read here"),
    "zip broken off": ("a.zip", lambda f: cut(zip_with(f, {"cat/1.png": b"x" * 9000}), 0.5), "is broken"),
    "zip is empty": ("a.zip", lambda f: with_bytes(f, b""), "is broken"),
    "zip is a page": ("a.zip", lambda f: with_bytes(f, b"<html>" * 99), "is broken or no archive of its kind"),
    "tar is a page": ("a.tar", lambda f: with_bytes(f, b"<html>" * 999), "is broken or no archive of its kind"),
    "tar broken off in a file": ("a.tar", lambda f: cut(tar_of_two(f), 0.3), "is broken"),
    "tar broken off in a header": ("a.tar", lambda f: with_bytes(f, tar_of_two(f).read_bytes()[:3700]), "is broken"),
    "tar damaged inside": ("a.tar", damaged_inside, "is broken, as its end is missing"),
    "tar.gz broken off": ("a.tar.gz", lambda f: cut(compressed(f, "gz"), 0.7), "is broken"),
    "tar.bz2 broken off": ("a.tar.bz2", lambda f: cut(compressed(f, "bz2"), 0.7), "is broken"),
    "tar.xz broken off": ("a.tar.xz", lambda f: cut(compressed(f, "xz"), 0.7), "is broken"),
    "file and folder of one name": (
        "a.zip",
        lambda f: zip_with(f, {"cat": b"x", "cat/1.png": b"x"}),
        "a file and a folder of the same name",
    ),
    "a long name": ("a.zip", lambda f: zip_with(f, {"x" * 300 + ".png": b"x"}), "a name that is too long"),
    "another kind": ("a.7z", lambda f: with_bytes(f, b"7z"), "cannot be unpacked here: unpack it and name the folder"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_could_do_harm_or_is_broken_is_refused(tmp_path: Path, name: str) -> None:
    file, make, sentence = HOSTILE[name]
    archive = make(tmp_path / file)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataError, match=sentence) as caught:
        read_source(archive, options(tmp_path))
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert "/cache/" not in str(caught.value)
    assert sorted({*tmp_path.iterdir()} - {tmp_path / "cache"}) == before
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]


def test_a_bomb_is_refused_before_and_while_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "SMALL", 10_000)
    bomb = zip_with(tmp_path / "bomb.zip", {"cat/1.png": b"\0" * 3_000_000}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="100 times its own size or more, as no archive of images does"):
        read_source(bomb, options(tmp_path))
    with tarfile.open(tmp_path / "bomb.tgz", "w:gz") as opened:
        member = tarfile.TarInfo("cat/1.png")
        member.size = 10_000_000
        opened.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(DataError, match="100 times its own size"):
        read_source(tmp_path / "bomb.tgz", options(tmp_path))
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_a_zip_that_lies_about_sizes_gives_no_more_than_it_says(tmp_path: Path) -> None:
    content = zip_with(tmp_path / "a.zip", {"cat/1.png": b"\0" * 500_000}, zipfile.ZIP_DEFLATED).read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(struct.pack("<I", 500_000), struct.pack("<I", 5)))
    with pytest.raises(DataError, match="is broken"):
        read_source(tmp_path / "a.zip", options(tmp_path))


def test_what_does_not_fit_on_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zip_with(tmp_path / "a.zip", {"cat/1.png": b"\0" * 500_000})
    monkeypatch.setattr(unpack, "RESERVE", shutil.disk_usage(tmp_path).free - 1000)
    with pytest.raises(DataError, match=r"the 0\.0 GB that the disk of the cache folder can spare: make room, or"):
        read_source(archive, options(tmp_path))


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
