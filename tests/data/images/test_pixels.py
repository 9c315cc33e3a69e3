"""The memory-mapped pixels: rows in the order of the index, bit for bit what prediction reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.sources import survey_of
from tlsearch.data.images import decode, pixels
from tlsearch.data.images.decode import read_square
from tlsearch.data.images.pixels import decode_all, open_pixels, select_rows, smaller
from tlsearch.data.images.rgb import PLAIN, Decoding
from tlsearch.data.survey import scan
from tlsearch.errors import DataError

MakeDataset = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    return make_dataset(tmp_path, classes=("a", "b"), per_class=6, size=40)


def test_rows_follow_the_index(tmp_path: Path, root: Path) -> None:
    file = tmp_path / "store" / "base.npy"
    index = decode_all(survey_of(root), 32, file)
    stored = open_pixels(file)
    assert stored.shape == (12, 32, 32, 3)
    assert stored.dtype == np.uint8
    assert not stored.flags.writeable
    for row, image in enumerate(index.images):
        assert (stored[row] == read_square(root / image.path, 32)).all()
    assert index.fingerprint == scan(root).fingerprint
    assert index.images == scan(root).images


def test_a_broken_file_has_no_row(tmp_path: Path, root: Path) -> None:
    cut = root / "a" / "002.png"
    cut.write_bytes(cut.read_bytes()[:700])
    index = decode_all(survey_of(root), 32, tmp_path / "base.npy")
    stored = open_pixels(tmp_path / "base.npy")
    assert [item.path for item in index.skipped] == ["a/002.png"]
    assert len(stored) == len(index.images) == 11
    for row, image in enumerate(index.images):
        assert (stored[row] == read_square(root / image.path, 32)).all()
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["base.npy"]


def test_nothing_is_left_behind_after_an_error(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=40)
    cut = root / "a" / "002.png"
    cut.write_bytes(cut.read_bytes()[:700])
    found = survey_of(root)
    with pytest.raises(DataError, match=r"a \(3\)"):
        decode_all(found, 32, tmp_path / "store" / "base.npy")
    assert list((tmp_path / "store").iterdir()) == []


def test_the_number_of_threads_changes_nothing(tmp_path: Path, root: Path) -> None:
    found = survey_of(root)
    files = [tmp_path / f"{workers}.npy" for workers in (1, 4)]
    indexes = [decode_all(found, 24, file, workers=n) for n, file in zip((1, 4), files, strict=True)]
    assert indexes[0] == indexes[1]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_every_file_is_decoded_once(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def spy(image: Image.Image, name: str, decoding: Decoding = PLAIN) -> Image.Image:
        decoded.append(name)
        return image.convert("RGB")

    monkeypatch.setattr(decode, "_decode", spy)
    found = survey_of(root)
    assert decoded == []
    index = decode_all(found, 16, tmp_path / "base.npy")
    assert sorted(decoded) == [image.path for image in index.images]


@pytest.mark.parametrize("chunk_bytes", [1, 2000, 10**9])
def test_rows_are_selected_in_the_order_asked(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(pixels, "_CHUNK_BYTES", chunk_bytes)
    decode_all(survey_of(root), 16, tmp_path / "base.npy")
    rows = [7, 0, 3, 11, 4]
    select_rows(tmp_path / "base.npy", rows, tmp_path / "pool.npy")
    assert (open_pixels(tmp_path / "pool.npy") == open_pixels(tmp_path / "base.npy")[rows]).all()


def test_smaller_squares_are_those_of_the_predictor(tmp_path: Path, root: Path) -> None:
    index = decode_all(survey_of(root), 32, tmp_path / "base.npy")
    stored = open_pixels(tmp_path / "base.npy")
    rows = [10, 2]
    small = smaller(stored, rows, 20)
    assert small.shape == (2, 20, 20, 3)
    for place, row in enumerate(rows):
        assert (small[place] == read_square(root / index.images[row].path, 20, base=32)).all()
    assert (smaller(stored, rows, 32) == stored[rows]).all()
