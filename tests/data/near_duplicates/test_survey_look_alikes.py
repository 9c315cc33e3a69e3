"""What a survey makes of pictures that look alike: pairs of rows of unequal content, in the index."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.near_duplicates import pairs_of
from tests.helpers.images.sources import survey_of
from tlsearch.data import survey as module
from tlsearch.data.images.decode import read_picture
from tlsearch.data.images.pixels import decode_all
from tlsearch.data.index import ImageOptions
from tlsearch.data.near_duplicates.find import find_near_duplicates
from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.data.survey import scan
from tlsearch.types import BoolArray, IntArray

MakeDataset = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    """Two classes of 12 pictures: some were copied, some encoded again, and some of either copied once more."""
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=12, size=80)
    for name in ("a/001", "a/004", "b/002"):
        with Image.open(root / f"{name}.png") as image:
            image.convert("RGB").save(root / f"{name}-again.jpg", quality=95)
    for source, copy in (("a/001.png", "a/000-copy.png"), ("a/001-again.jpg", "b/again.jpg"), ("b/005.png", "b/0.png")):
        shutil.copy(root / source, root / copy)
    return root


def test_every_two_of_unequal_content_that_look_alike_are_a_pair(root: Path) -> None:
    index = scan(root)
    looks = [read_picture(file, 64).look for file in index.files]
    sums = [image.sha256 for image in index.images]
    expected = [(one, other) for one, other in pairs_of(looks) if sums[one] != sums[other]]
    assert index.lookalikes == tuple(expected)
    paths = [image.path for image in index.images]
    assert {(paths[one], paths[other]) for one, other in expected} == {
        ("a/000-copy.png", "a/001-again.jpg"),
        ("a/000-copy.png", "b/again.jpg"),
        ("a/001-again.jpg", "a/001.png"),
        ("a/001.png", "b/again.jpg"),
        ("a/004-again.jpg", "a/004.png"),
        ("b/002-again.jpg", "b/002.png"),
    }


def test_of_copies_only_the_first_is_compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[IntArray] = []
    left_out: list[int] = []

    def spy(
        looks: FingerprintStore, copies: list[int], classes: IntArray, settled: Callable[[IntArray], BoolArray]
    ) -> IntArray:
        left_out.extend(copies)
        found.append(find_near_duplicates(looks, copies, classes, settled))
        return found[0]

    monkeypatch.setattr(module, "find_near_duplicates", spy)
    index = scan(root)
    assert [index.images[row].path for row in left_out] == ["a/001.png", "b/005.png", "b/again.jpg"]
    assert len(found[0]) == 3
    assert not np.isin(found[0], left_out).any()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def test_thumbnails_are_in_the_folder_of_the_pixels_or_in_a_temporary_one(
    tmp_path: Path, root: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Path | None] = []
    real = tempfile.TemporaryFile

    def spy(dir: Path) -> object:
        used.append(dir)
        return real(dir=dir)

    monkeypatch.setattr(tempfile, "TemporaryFile", spy)
    scan(root)
    decode_all(survey_of(root), 16, tmp_path / "store" / "all.npy")
    assert used == [temporary, tmp_path / "store"]
    assert [file.name for file in (tmp_path / "store").iterdir()] == ["all.npy"]


@pytest.mark.parametrize("look_alikes", ["exact", "off"])
def test_nothing_is_kept_where_nobody_asks_for_pairs(
    root: Path, monkeypatch: pytest.MonkeyPatch, look_alikes: str
) -> None:
    monkeypatch.delattr(module, "FingerprintStore")
    index = scan(root, options=ImageOptions(look_alikes="exact" if look_alikes == "exact" else "off"))
    assert index.lookalikes == ()
    assert len(index.images) == 30
