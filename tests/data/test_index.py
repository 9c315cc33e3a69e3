"""From a folder to an index: layouts, what is not used, and the errors that a person can fix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.sources import survey_of
from tlsearch.data.index import DatasetIndex
from tlsearch.data.survey import scan
from tlsearch.errors import DataError
from tlsearch.plugins.kinds.reader import ReadingOptions

MakeDataset = Callable[..., Path]


def reasons(index: DatasetIndex) -> dict[str, str]:
    return {item.path: item.reason for item in index.skipped}


def test_class_folders(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("b", "a"), per_class=5, size=20)
    index = scan(root)
    assert index.classes == ("a", "b")
    assert [image.path for image in index.images] == [f"{c}/{n:03}.png" for c in "ab" for n in range(5)]
    assert index.labels == (0,) * 5 + (1,) * 5
    assert index.counts == {"a": 5, "b": 5}
    assert index.median_short_side == 20
    assert not index.has_splits
    assert len({image.sha256 for image in index.images}) == 10
    assert index.skipped == ()


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Train", "VALID"), ("training", "validation")])
def test_split_folders(tmp_path: Path, make_dataset: MakeDataset, names: tuple[str, ...]) -> None:
    index = scan(make_dataset(tmp_path, classes=("a", "b"), per_class=50, size=16, splits=names))
    assert index.classes == ("a", "b")
    assert index.has_splits
    meant = {"train": "train", "training": "train", "test": "test"}
    for name in names:
        held = {image.split for image in index.images if image.path.startswith(f"{name}/")}
        assert held == {meant.get(name.lower(), "val")}


def test_a_class_called_train_is_a_class(tmp_path: Path, make_dataset: MakeDataset) -> None:
    index = scan(make_dataset(tmp_path, classes=("bus", "train"), per_class=4, size=16))
    assert index.classes == ("bus", "train")
    assert not index.has_splits


def test_nested_folders_unicode_and_symbolic_links(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("ä ö", "b"), per_class=4, size=16)
    (root / "b" / "deep er" / "still").mkdir(parents=True)
    shutil.move(root / "b" / "003.png", root / "b" / "deep er" / "still" / "ß.png")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Image.new("RGB", (8, 8), "red").save(elsewhere / "x.png")
    (root / "b" / "linked").symlink_to(elsewhere)
    (root / "b" / "loop").symlink_to(root / "b")
    (root / "b" / "nowhere.png").symlink_to(tmp_path / "missing")
    index = scan(root)
    assert {i.path for i in index.images if i.label == 0} == {
        "b/000.png",
        "b/001.png",
        "b/002.png",
        "b/deep er/still/ß.png",
        "b/linked/x.png",
    }
    assert index.classes == ("b", "ä ö")
    assert reasons(index) == {
        "b/loop": "the symbolic link leads in a circle",
        "b/nowhere.png": "the symbolic link leads nowhere",
    }


def test_what_is_no_picture_is_set_aside(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=5, size=32)
    (root / "README.md").write_text("ignored")
    (root / "loose.jpg").write_text("in no class")
    (root / "notes").mkdir()
    (root / "notes" / "a.txt").write_text("no class")
    (root / "a" / "labels.csv").write_text("x,y")
    (root / "a" / ".DS_Store").write_bytes(b"\0")
    (root / "a" / "Thumbs.db").write_bytes(b"\0")
    (root / "a" / "empty.jpg").touch()
    (root / "b" / "cut.png").write_bytes((root / "b" / "000.png").read_bytes()[:700])
    os.mkfifo(root / "b" / "pipe.jpg")
    index = scan(root)
    assert len(index.images) == 10
    found = reasons(index)
    assert found.pop("b/cut.png").startswith("it is broken: ")
    assert found == {
        "a/empty.jpg": "it is empty",
        "a/labels.csv": "it is a text file",
        "b/pipe.jpg": "it is not a regular file",
        "loose.jpg": "it lies in no class folder",
        "notes": "the folder holds no image",
    }


def test_a_name_that_is_not_utf8_is_set_aside(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=16)
    try:
        shutil.copy(root / "a" / "000.png", root / "a" / os.fsdecode(b"\xff.png"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert reasons(scan(root)) == {"a/?.png": "its name is not valid UTF-8"}


def test_the_survey_reads_headers_only(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=5, size=32)
    cut = root / "a" / "000.png"
    cut.write_bytes(cut.read_bytes()[:700])
    Image.new("RGB", (90, 30)).save(root / "b" / "wide.png")
    found = survey_of(root)
    assert found.images[0].path == "a/000.png"
    assert {(i.width, i.height) for i in found.images} == {(32, 32), (90, 30)}
    assert found.median_short_side == 32


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path / "one", classes=("a", "b"), per_class=4, size=16)
    first = scan(root).fingerprint
    assert first == scan(make_dataset(tmp_path / "two", classes=("a", "b"), per_class=4, size=16)).fingerprint
    assert len(first) == 64
    (root / "a" / "000.png").rename(root / "a" / "new.png")
    renamed = scan(root).fingerprint
    (root / "a" / "new.png").rename(root / "b" / "new.png")
    shutil.copy(root / "a" / "001.png", root / "a" / "009.png")
    moved = scan(root).fingerprint
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(root / "a" / "001.png")
    assert len({first, renamed, moved, scan(root).fingerprint}) == 4


def test_progress_counts_every_file(tmp_path: Path, make_dataset: MakeDataset) -> None:
    seen: list[tuple[int, int]] = []
    scan(
        make_dataset(tmp_path, classes=("a", "b"), per_class=40, size=8),
        lambda done, total: seen.append((done, total)),
    )
    assert seen == [(n, 80) for n in range(1, 81)]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist: name a folder"):
        scan(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is a file that no reader takes: name a folder"):
        scan(tmp_path / "file")


def test_no_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no JPEG, PNG"):
        scan(tmp_path)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="lie in no class folder: put those of each class"):
        scan(tmp_path)


def test_one_class(tmp_path: Path, make_dataset: MakeDataset) -> None:
    with pytest.raises(DataError, match=r"one class only \(a\)"):
        scan(make_dataset(tmp_path, classes=("a",), per_class=4, size=8))


def test_classes_that_are_too_small_are_named(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b", "c"), per_class=4, size=32)
    (root / "a" / "000.png").unlink()
    (root / "c" / "000.png").write_bytes((root / "c" / "000.png").read_bytes()[:700])
    with pytest.raises(DataError, match=r"but a \(3\) in .* has fewer: add images, remove the class folder, or"):
        survey_of(root)
    Image.new("RGB", (8, 8)).save(root / "a" / "000.png")
    assert survey_of(root).images
    with pytest.raises(DataError, match=r"but c \(3\) in .* has fewer \(1 file not used\): add"):
        scan(root)
    for name in ("b", "c"):
        (root / name / "000.png").unlink()
    with pytest.raises(DataError, match=r"b \(3\), c \(3\) in .* have fewer: add images, remove the class folders, or"):
        scan(root)


def test_an_empty_class_folder_with_a_broken_file_is_a_class(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b", "c"), per_class=4, size=8)
    for path in (root / "c").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"but c \(0\)"):
        scan(root)


def test_a_picture_beside_the_class_folders_leaves_the_layout(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=16, splits=("train", "test"))
    for part in ("train", "test"):
        Image.new("RGB", (8, 8)).save(root / part / "stray.png")
    index = scan(root)
    assert {image.split for image in index.images} == {"train", "test"}
    assert reasons(index) == dict.fromkeys(("train/stray.png", "test/stray.png"), "it lies in no class folder")


def test_classes_that_are_called_like_splits_are_asked_about(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("bus", "test", "train"), per_class=4, size=16)
    for inner in ("more", "notes", "empty"):  # one folder of pictures among them is no class folder
        (root / "train" / inner).mkdir()
    (root / "train" / "000.png").rename(root / "train" / "more" / "000.png")
    (root / "train" / "notes" / "a.txt").touch()
    with pytest.raises(DataError, match="test is a class beside bus"):
        scan(root)
    index = scan(root, reading=ReadingOptions(layout="classes"))
    assert (index.classes, index.has_splits) == (("bus", "test", "train"), False)


def test_a_class_without_test_images(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b", "c"), per_class=4, size=8, splits=("train", "test"))
    shutil.rmtree(root / "test" / "b")
    index = scan(root)
    assert index.classes == ("a", "b", "c")
    assert index.reading is not None
    assert index.reading.notes == ("no test images of b",)


def test_a_class_without_training_images(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b", "c"), per_class=4, size=8, splits=("train", "test"))
    shutil.rmtree(root / "train" / "b")
    index = scan(root)
    assert index.classes == ("a", "c")
    assert reasons(index)["test/b"].startswith("training has no class of this name")


def test_two_folders_for_one_split(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=8, splits=("train", "val", "valid"))
    with pytest.raises(DataError, match=r"val and valid in .* both mean the val split: merge them"):
        scan(root)


def test_split_folders_without_train(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=8, splits=("test", "val"))
    with pytest.raises(DataError, match="none called train that holds class folders"):
        scan(root)


def test_a_test_folder_without_classes_takes_no_part(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=8, splits=("train",))
    (root / "test").mkdir()
    Image.new("RGB", (8, 8)).save(root / "test" / "1.png")
    (root / "extra").mkdir()
    index = scan(root)
    assert {image.split for image in index.images} == {"train"}
    assert reasons(index) == {
        "extra": "the folder holds no image",
        "test": "its images have no labels: they lie in no class folder (1 image)",
    }
