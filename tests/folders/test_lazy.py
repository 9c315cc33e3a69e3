"""A folder one image at a time is the folder that is walked as a whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tlsearch.folders import lazy
from tlsearch.folders.content import type_of_file
from tlsearch.folders.lazy import count_images, iter_images
from tlsearch.folders.walk import Folder, Refused, walk


def is_image(file: Path) -> bool:
    kind = type_of_file(file)
    return kind is not None and kind.is_image


def walked(folder: Folder) -> Iterator[Path]:
    """What the walk of the whole has, files and folders by name; beside images also images without an ending."""
    more = [file for file in folder.files if file not in folder.images and is_image(file)] if folder.images else []
    entries: list[tuple[str, Path | Folder]] = [(file.name, file) for file in (*folder.images, *more)]
    entries += [(inner.name, inner) for inner in folder.folders]
    for _, entry in sorted(entries, key=lambda pair: pair[0]):
        if isinstance(entry, Folder):
            yield from walked(entry)
        else:
            yield entry


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Names that sort badly, junk, files without endings, links."""
    names = [
        "a.png", "a/b.png", "a-1.png", "a.d/c.png", "B.JPG", "é.png", "z/y/x.webp", "10.png", "9.png", "a b.png",
        "notes.txt", ".hidden.png", "Thumbs.db", "__MACOSX/a.png", "texts/notes.txt", "new\nline.png",
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "plain").mkdir()
    for number in range(3):
        Image.new("RGB", (3, 3)).save(tmp_path / "plain" / f"{number}", "PNG")
    (tmp_path / "plain" / "words").write_text("no image")
    for name in ("a/7f3c", "photo.jpg_large", "a/.hidden"):
        Image.new("RGB", (3, 3)).save(tmp_path / name, "PNG")
    (tmp_path / "a" / "index.html").write_text("<html>")
    (tmp_path / "a" / "b.png:Zone.Identifier").write_text("[ZoneTransfer]")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    (tmp_path / "z" / "up").symlink_to(tmp_path)
    return tmp_path


@pytest.mark.parametrize("chunk", [1, 2, 3, 10_000])
def test_it_finds_what_the_walk_finds_in_the_same_order(
    chunk: int, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lazy, "_CHUNK", chunk)
    found = list(iter_images(tree))
    assert found == list(walked(walk(tree).root))
    assert tree / "plain" / "2" in found
    assert tree / "linked" / "b.png" in found
    assert {tree / "a" / "7f3c", tree / "photo.jpg_large"} <= set(found)
    assert not {"index.html", "b.png:Zone.Identifier"} & {entry.name for entry in found if isinstance(entry, Path)}


def test_what_cannot_be_used_is_told_where_an_image_may_be_missing(tmp_path: Path) -> None:
    for name in ("gone.png", "gone", "gone.txt"):
        (tmp_path / name).symlink_to(tmp_path / "nothing")
    (tmp_path / "circle").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    found = [entry for entry in iter_images(tmp_path) if isinstance(entry, Refused)]
    assert [(entry.path.name, entry.reason) for entry in found] == [
        ("gone", "the symbolic link leads nowhere"),
        ("gone.png", "the symbolic link leads nowhere"),
        ("pipe.png", "it is not a regular file"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are always valid")
def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.png", "wb"):  # noqa: PTH123  # the name is bytes
        pass
    (entry,) = iter_images(tmp_path)
    assert isinstance(entry, Refused)
    assert entry.reason == "its name is not valid UTF-8"


def test_folders_are_opened_when_their_turn_comes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"x")
    found = iter_images(tmp_path)
    assert next(found) == tmp_path / "a" / "1.png"
    (tmp_path / "b" / "2.png").write_bytes(b"x")
    assert list(found) == [tmp_path / "b" / "1.png", tmp_path / "b" / "2.png"]


def test_counting_needs_no_file(tree: Path) -> None:
    for link in (tree / "linked", tree / "z" / "up"):
        link.unlink()
    found = sum(isinstance(entry, Path) for entry in iter_images(tree))
    # Whether a file without an ending is an image is not asked: two are none, and two beside images are.
    assert count_images(tree) == found + 2 - 2
    assert count_images(tree / "nowhere") == 0
