"""Archives that could do harm or are broken are refused with a sentence."""

from __future__ import annotations

import io
import os
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.readers.archives import options, tar_with, zip_with
from tlsearch.data.sources import read_source
from tlsearch.errors import DataError
from tlsearch_plugins.readers.remote import unpack


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
