"""The way back from the square that a network sees to the original picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlsearch.data.images.decode import load_rgb, read_square
from tlsearch.data.images.placement import PictureSize, Placement, picture_size, settled
from tlsearch.data.images.rgb import RESIZES, Decoding, to_square
from tlsearch.folders.boxes.box import AnnotatedBox

SIZES = [(400, 300), (300, 400), (640, 200), (90, 333), (256, 256), (101, 57)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_thing_is_where_it_was_seen(tmp_path: Path, size: tuple[int, int], resize: str, ending: str) -> None:
    """A white rectangle in a black picture, found in the square and taken back: a pixel is lost at most."""
    width, height = size
    short = min(size)
    edges = np.array([width / 2 - short / 4, height / 2 - short / 8, width / 2 + short / 3, height / 2 + short / 4])
    left, upper, right, lower = edges.round().astype(int)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[upper:lower, left:right] = 255
    file = tmp_path / f"a.{ending}"
    Image.fromarray(pixels).save(file)
    side = 128
    square = read_square(file, side, decoding=Decoding(resize=resize))[..., 0]
    thing = square >= 190  # the padding is not as bright
    columns, rows = np.flatnonzero(thing.any(axis=0)), np.flatnonzero(thing.any(axis=1))
    shares = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / side
    found = Placement.of(picture_size(file), side, resize).to_original(shares)
    pixel = max(size) / side  # of the square, in pixels of the original
    np.testing.assert_allclose(found, [left, upper, right, lower], atol=1 + pixel)
    middle = Placement.of(picture_size(file), side, resize).to_original((shares[:2] + shares[2:]) / 2)
    np.testing.assert_allclose(middle, [(left + right) / 2, (upper + lower) / 2], atol=1 + pixel)


def test_the_whole_square_is_the_whole_picture_or_its_middle_or_more() -> None:
    whole, size = np.array([0.0, 0.0, 1.0, 1.0]), PictureSize(400, 300)
    assert Placement.of(size, 100, "squash").to_original(whole).tolist() == [0, 0, 400, 300]
    assert Placement.of(size, 100, "crop").to_original(whole).tolist() == [50, 0, 350, 300]
    left, upper, right, lower = Placement.of(size, 100, "pad").to_original(whole)
    assert (left, right) == (0, 400)
    assert (upper, lower) == pytest.approx((-48, 352))  # 75 rows of 100, 12 of them above


@pytest.mark.parametrize(("width", "height"), [(3000, 5), (5, 3000)])
def test_a_picture_that_padding_leaves_nothing_of_has_a_place(width: int, height: int) -> None:
    square = to_square(Image.new("RGB", (width, height), "red"), 96, "pad")
    assert len(np.unique(square.reshape(-1, 3), axis=0)) == 1  # padding alone
    found = Placement.of(PictureSize(width, height), 96, "pad").to_original(np.array([0.0, 0.0, 1.0, 1.0]))
    assert np.isfinite(found).all()
    assert sorted(found[2:] - found[:2]) == pytest.approx([96 * 5, 3000])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_the_size_is_that_of_the_picture_as_it_is_looked_at(tmp_path: Path, orientation: int, ending: str) -> None:
    file = tmp_path / f"a.{ending}"
    exif = Image.Exif()
    exif[274] = orientation
    Image.new("RGB", (60, 40)).save(file, exif=exif)
    width, height = (40, 60) if orientation > 4 else (60, 40)
    assert picture_size(file) == PictureSize(width, height, orientation)
    assert load_rgb(file).size == (width, height)


def test_usable_boxes_are_kept_beside_others() -> None:
    inside = AnnotatedBox(x_min=1, y_min=1, x_max=5, y_max=5)
    outside = AnnotatedBox(x_min=100, y_min=1, x_max=105, y_max=5)
    boxes, faults = settled([inside, outside], PictureSize(10, 10))
    assert [box.corners for box in boxes] == [(1, 1, 5, 5)]
    assert faults == ("a box lies outside its picture",)
