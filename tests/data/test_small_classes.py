"""Classes that are too small to be divided are left out where the user asks for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlsearch.data.images.pixels import decode_all, open_pixels
from tlsearch.data.index import ImageOptions
from tlsearch.data.sources import read_source
from tlsearch.data.split import split
from tlsearch.data.survey import scan, survey
from tlsearch.errors import DataError

DROP = ImageOptions(drop_small=True)


@pytest.fixture
def root(tmp_path: Path, make_dataset: Callable[..., Path]) -> Path:
    root = make_dataset(tmp_path, classes=("a", "b", "c", "d"), per_class=8, size=32)
    for number in range(5):  # three are left
        (root / "b" / f"{number:03}.png").unlink()
    for number in range(1, 8):  # copies of one picture
        shutil.copy(root / "d" / "000.png", root / "d" / f"{number:03}.png")
    return root


def test_the_refusal_names_the_option(root: Path) -> None:
    with pytest.raises(DataError, match=r"b \(3\) .* or say --drop-small-classes"):
        scan(root)


def test_small_classes_are_left_out_and_named(root: Path) -> None:
    index = scan(root, options=DROP)
    assert index.classes == ("a", "c")
    assert {image.label for image in index.images} == {0, 1}
    assert {entry.path[0] for entry in index.skipped} == {"b", "d"}
    assert index.reading is not None
    assert index.reading.notes == (
        "left out, for they are too small to be divided: b",
        "left out, for they are too small to be divided: d",
    )
    assert split(index, 0).train


def test_pixels_are_those_of_the_images_that_stay(root: Path, tmp_path: Path) -> None:
    index = decode_all(survey(read_source(root), options=DROP), 32, tmp_path / "some.npy")
    everything = tmp_path / "rest"
    shutil.copytree(root / "a", everything / "a")
    shutil.copytree(root / "c", everything / "c")
    decode_all(survey(read_source(everything)), 32, tmp_path / "rest.npy")
    assert [image.path[0] for image in index.images] == ["a"] * 8 + ["c"] * 8
    assert np.array_equal(open_pixels(tmp_path / "some.npy"), open_pixels(tmp_path / "rest.npy"))


def test_where_too_few_classes_would_be_left_they_are_refused_without_the_same_advice(
    tmp_path: Path, make_dataset: Callable[..., Path], root: Path
) -> None:
    all_small = make_dataset(tmp_path / "small", classes=("a", "b"), per_class=3, size=32)
    with pytest.raises(DataError, match=r"as all of them have too few .*, a \(3\), b \(3\): add images of these\.$"):
        scan(all_small, options=DROP)
    shutil.rmtree(root / "c")
    with pytest.raises(DataError, match=r"as all but a have too few images or groups of images, d \(8\): add"):
        scan(root, options=DROP)
