"""Any tree of folders is read or refused in one sentence; no image is lost, none of a test folder is trained on."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.readers.folders import read
from tlsearch.errors import TlsearchError
from tlsearch.folders.junk import junk_kind
from tlsearch.plugin_api import Reading, ReadingOptions
from tlsearch_plugins.readers.folders.names import part_and_rest
from tlsearch_plugins.readers.tables.reader import TableReader

NAMES = (
    *("train", "Training", "test", "testing", "val", "valid", "seg_train", "seg_test", "test_set", "pred"),
    *("cat", "dog", "Cat", "owl", "images", "masks", "fold1", "fold2", "batch1", "batch2", "2019", "2020", "1", "2"),
    *("@eaDir", ".hidden", "mlruns", "__MACOSX", "train cat", "cats_train", "cats_test", "dogs_train", "ü", "a b"),
)
FILES = ("1.jpg", "2.PNG", "three", "notes.txt", "Thumbs.db", ".DS_Store", "labels.csv", "clip.mp4")
CONTENT = {"three": b"\xff\xd8\xff\xe0", "notes.txt": b"hello", "clip.mp4": b"\0\0\0\x18ftypmp42"}

paths = st.tuples(
    st.lists(st.sampled_from(NAMES), max_size=4),
    st.lists(st.sampled_from(FILES), max_size=3, unique=True),
)
trees = st.lists(paths, max_size=14)


def plant(root: Path, tree: list[tuple[list[str], list[str]]]) -> None:
    for folders, files in tree:
        folder = root.joinpath(*folders)
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file).write_bytes(CONTENT.get(file, b"\xff\xd8\xff"))


def images(root: Path) -> set[Path]:
    """Every file that is an image by its ending or, in a folder without one, by content; what is junk left out."""
    found = set()
    for file in root.rglob("*"):
        parts = file.relative_to(root).parts
        if file.suffix.lower() in (".jpg", ".png") and not any(map(junk_kind, parts)):
            found.add(file)
    return found


def accounted(root: Path, reading: Reading, file: Path) -> bool:
    """Whether an image is used, or stands among what is left out, itself or by a folder above it."""
    names = {file.relative_to(base).as_posix() for base in (root, reading.root) if file.is_relative_to(base)}
    left_out = [entry.path for entry in reading.skipped]
    return any(name == path or name.startswith(f"{path}/") for name in names for path in left_out)


@settings(max_examples=400)
@given(trees)
def test_every_tree_is_read_or_refused(tree: list[tuple[list[str], list[str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        root.mkdir()
        plant(root, tree)
        said = ""
        try:
            reading = read(root)
        except TlsearchError as error:
            said = str(error)
        if said:
            assert "\n" not in said
            return
        used = {item.file for item in reading.items}
        assert len(used) == len({item.path for item in reading.items}) == len(reading.items)
        for file in images(root) - used:
            assert accounted(root, reading, file), file
        for item in reading.items:
            if item.split in (None, "train"):
                inner = item.file.relative_to(reading.root).parts[:-1]
                tests = [name for name in inner if part_and_rest(name) == ("test", ())]
                assert set(tests) <= item.labels, (item, tests)  # a class within training may be called so
                assert not tests or item.split == "train", (item, tests)


@settings(max_examples=200)
@given(trees, st.lists(st.sampled_from(("cat", "dog", "owl", "")), min_size=60, max_size=60), st.booleans())
def test_every_tree_with_a_table_is_read_or_refused(
    tree: list[tuple[list[str], list[str]]], labels: list[str], with_folders: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        root.mkdir()
        plant(root, [(folders, [file for file in files if file != "labels.csv"]) for folders, files in tree])
        found = sorted(images(root))
        by_file = dict(zip(found, labels * (1 + len(found) // 60), strict=False))
        rows = (f"{file.relative_to(root) if with_folders else file.name},{label}" for file, label in by_file.items())
        (root / "table.csv").write_text("\n".join(["image,label", *rows]), encoding="utf-8")
        said = ""
        try:
            reading = TableReader().read(str(root), ReadingOptions())
        except TlsearchError as error:
            said = str(error)
        if said:
            assert "\n" not in said
            return
        by_table = any(line.partition(": ")[2].startswith("image from ") for line in reading.understood)
        assert len({item.path for item in reading.items}) == len(reading.items)
        if by_table and with_folders:
            assert all(item.labels == {by_file[item.file]} for item in reading.items)
        if not by_table:  # then it says the same, or nothing, and that is said
            said = "\n".join((*reading.understood, *reading.notes))
            assert "table.csv is not used" in said or "table.csv says the same labels" in said
            pairs = {(by_file[item.file], item.labels) for item in reading.items if by_file.get(item.file)}
            agree = len({one for one, _ in pairs}) == len(pairs) == len({other for _, other in pairs})
            assert agree or not with_folders or len({one for one, _ in pairs}) < 2
