"""Test images in a folder of their own, beside the data set."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.sources import survey_of, with_test
from tlsearch.data.checks import check
from tlsearch.data.images.decode import read_square
from tlsearch.data.images.pixels import decode_all, open_pixels
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.errors import DataError, UsageError

MakeDataset = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    return make_dataset(tmp_path, classes=("a", "b"), per_class=8, size=32)


@pytest.fixture
def fresh(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    return make_dataset(tmp_path / "new", classes=("a", "b"), per_class=5, size=32, seed=1)


def test_its_images_are_the_test_split(root: Path, fresh: Path) -> None:
    index = scan(root, reading=with_test(fresh))
    parts = split(index, 0)
    assert [index.images[row].path for row in parts.test] == [f"test/{c}/{n:03}.png" for c in "ab" for n in range(5)]
    assert [index.file(row) for row in parts.test] == [fresh / c / f"{n:03}.png" for c in "ab" for n in range(5)]
    assert [index.file(row) for row in parts.train] == [root / c / f"{n:03}.png" for c in "ab" for n in range(8)]
    assert parts.val == ()
    assert index.counts == {"a": 13, "b": 13}


def test_pixels_come_from_both_folders(tmp_path: Path, root: Path, fresh: Path) -> None:
    index = decode_all(survey_of(root, test=fresh), 32, tmp_path / "all.npy")
    stored = open_pixels(tmp_path / "all.npy")
    assert index.images == scan(root, reading=with_test(fresh)).images
    for row in range(len(index.images)):
        assert (stored[row] == read_square(index.file(row), 32)).all()


def test_the_fingerprint_does_not_depend_on_where_the_folders_lie(tmp_path: Path, root: Path, fresh: Path) -> None:
    first = scan(root, reading=with_test(fresh)).fingerprint
    assert first != scan(root).fingerprint
    moved = Path(shutil.move(root, tmp_path / "elsewhere"))
    assert scan(moved, reading=with_test(Path(shutil.move(fresh, tmp_path / "more")))).fingerprint == first
    (tmp_path / "one").mkdir()
    shutil.move(moved, tmp_path / "one" / "train")
    shutil.move(tmp_path / "more", tmp_path / "one" / "test")
    inside = scan(tmp_path / "one")
    assert [image.path for image in inside.images if image.split == "test"] == [
        f"test/{c}/{n:03}.png" for c in "ab" for n in range(5)
    ]


def test_enough_images_have_a_validation_part(tmp_path: Path, make_dataset: MakeDataset, fresh: Path) -> None:
    root = make_dataset(tmp_path / "large", classes=("a", "b"), per_class=300, size=8)
    parts = split(scan(root, reading=with_test(fresh)), 0)
    assert (len(parts.val), len(parts.test)) == (90, 10)


def test_a_training_copy_of_a_test_image_is_set_aside_and_named(root: Path, fresh: Path) -> None:
    shutil.copy(fresh / "b" / "002.png", root / "b" / "copy.png")
    index = scan(root, reading=with_test(fresh))
    parts = split(index, 0)
    assert [index.images[row].path for row in parts.set_aside] == ["b/copy.png"]
    assert [index.images[row].path for row in parts.because] == ["test/b/002.png"]
    found = {finding.kind: finding for finding in check(index, parts)}
    assert found["crossing_duplicates"].files == ("b/copy.png: equals test/b/002.png",)


def test_a_broken_test_image_is_named(root: Path, fresh: Path) -> None:
    (fresh / "a" / "002.png").write_bytes(b"")
    assert [(item.path, item.reason) for item in scan(root, reading=with_test(fresh)).skipped] == [
        ("test/a/002.png", "it is empty")
    ]


def test_a_class_that_the_test_folder_lacks_is_said(root: Path, fresh: Path) -> None:
    shutil.rmtree(fresh / "b")
    index = scan(root, reading=with_test(fresh))
    assert index.reading is not None
    assert index.reading.notes == ("no test images of b",)


def test_a_class_that_only_the_test_folder_has_is_refused(root: Path, fresh: Path) -> None:
    shutil.rmtree(root / "b")
    with pytest.raises(DataError, match=r"one class to train on \(a\), and test holds others \(b\)"):
        scan(root, reading=with_test(fresh))


def test_a_fresh_without_images(tmp_path: Path, root: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no image"):
        survey_of(root, test=tmp_path / "empty")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "empty" / "1.png")
    with pytest.raises(DataError, match=r"The images in .*empty lie in no class folder"):
        survey_of(root, test=tmp_path / "empty")
    with pytest.raises(DataError, match="nowhere does not exist"):
        survey_of(root, test=tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["test", "Testing"])
def test_two_freshs_are_one_too_many(tmp_path: Path, make_dataset: MakeDataset, fresh: Path, name: str) -> None:
    root = make_dataset(tmp_path / "own", classes=("a", "b"), per_class=4, size=32, splits=("train", name))
    with pytest.raises(UsageError, match="has a test folder of its own: leave out --test"):
        survey_of(root, test=fresh)


def test_an_unlabelled_fresh_does_not_count(tmp_path: Path, make_dataset: MakeDataset, fresh: Path) -> None:
    root = make_dataset(tmp_path / "own", classes=("a", "b"), per_class=4, size=32, splits=("train",))
    (root / "test").mkdir()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(root / "test" / "1.png")
    index = scan(root, reading=with_test(fresh))
    assert sum(image.split == "test" for image in index.images) == 10


@pytest.mark.parametrize("inner", [".", ".."])
def test_the_folders_must_not_lie_in_each_other(root: Path, inner: str) -> None:
    with pytest.raises(UsageError, match="lie in each other"):
        survey_of(root, test=root / inner)
