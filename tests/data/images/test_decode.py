"""Every mode, orientation and kind of damage: what reading one file gives."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlsearch.data.images.decode import (
    ImageError,
    calm_pillow,
    load_rgb,
    read_picture,
    read_square,
    shrink,
    to_square,
)
from tlsearch.errors import DataError

ORIENTATION = 0x0112


@pytest.fixture
def photo() -> Image.Image:
    """A 60 x 40 picture without symmetry and without sharp edges, which JPEG would blur."""
    rows, columns = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([rows * 6, columns * 4, rows + columns], -1).astype(np.uint8))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(load_rgb(path)).astype(int)


@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        (".png", {}, 0),
        (".bmp", {}, 0),
        (".tiff", {}, 0),
        (".tif", {"compression": "tiff_lzw"}, 0),
        (".webp", {"lossless": True}, 0),
        (".jpg", {"quality": 95, "subsampling": 0}, 6),
        (".jpg", {"quality": 95, "subsampling": 0, "progressive": True}, 6),
    ],
)
def test_formats_give_the_pixels_back(
    tmp_path: Path, photo: Image.Image, suffix: str, options: dict[str, Any], tolerance: int
) -> None:
    path = tmp_path / f"a picture ä{suffix}"
    photo.save(path, **options)
    image = load_rgb(path)
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert np.abs(pixels(path) - np.asarray(photo).astype(int)).max() <= tolerance


def test_first_frame_of_a_moving_gif(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (pixels(tmp_path / "a.gif") == [255, 0, 0]).all()


def test_first_page_of_a_tiff_and_of_an_mpo(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    for name, kind in (("a.tif", "TIFF"), ("b.jpg", "MPO")):
        pages[0].save(tmp_path / name, format=kind, save_all=True, append_images=pages[1:])
        assert (pixels(tmp_path / name) == 255).all()


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (100, 255), (100, 100, 100)),
        ("LA", (100, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (0, 100, 200, 51), (204, 224, 244)),  # 255 * .8 + colour * .2
        ("I;16", 0, (0, 0, 0)),
        ("I;16", 65535, (255, 255, 255)),
        ("I;16", 25700, (100, 100, 100)),  # 100 * 257
        ("I;16", 300, (1, 1, 1)),  # clipping would give 255
    ],
)
def test_modes_become_rgb(tmp_path: Path, mode: str, colour: object, expected: tuple[int, ...]) -> None:
    path = tmp_path / "a.png"
    Image.new(mode, (5, 4), colour).save(path)  # type: ignore[arg-type]  # the colour belongs to the mode
    assert (pixels(path) == expected).all()


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("CMYK", (255, 0, 0, 0), (0, 255, 255)),
        ("F", 0.4, (102, 102, 102)),  # in 0..1
        ("I", 40000, (156, 156, 156)),  # 40000 * 255 / 65535 = 155.6
    ],
)
def test_modes_of_tiff_become_rgb(tmp_path: Path, mode: str, colour: object, expected: tuple[int, ...]) -> None:
    path = tmp_path / "a.tif"
    Image.new(mode, (5, 4), colour).save(path)  # type: ignore[arg-type]  # the colour belongs to the mode
    assert (pixels(path) == expected).all()


def test_cmyk_jpeg(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(pixels(tmp_path / "a.jpg") - [0, 255, 255]).max() <= 3


def test_a_wide_range_of_floats_is_stretched(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-100.0, 0.0, 300.0]], np.float32)).save(tmp_path / "a.tif")
    assert pixels(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 64, 255]  # 100 / 400 * 255 = 63.75


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, np.nan]], np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="not finite"):
        load_rgb(tmp_path / "a.tif")


def test_palette_with_and_without_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 10, 20, 0, 90, 0])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "clear.png", transparency=0)
    image.save(tmp_path / "bytes.png", transparency=b"\x00\xff")
    assert pixels(tmp_path / "plain.png").tolist() == [[[200, 10, 20], [0, 90, 0]]]
    for name in ("clear.png", "bytes.png"):
        assert pixels(tmp_path / name).tolist() == [[[255, 255, 255], [0, 90, 0]]]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, photo: Image.Image, suffix: str, orientation: int) -> None:
    """What is stored is the upright picture turned backwards, so reading it gives the upright one again."""
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = photo if undo is None else photo.transpose(undo)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"a{suffix}"
    stored.save(path, exif=exif, quality=95)
    assert np.abs(pixels(path) - np.asarray(photo).astype(int)).max() <= 12
    picture = read_picture(path, 16)
    assert (picture.width, picture.height) == (60, 40)


def test_broken_exif_does_not_cost_the_picture(tmp_path: Path, photo: Image.Image) -> None:
    path = tmp_path / "a.jpg"
    photo.save(path, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff", quality=95)
    with calm_pillow():
        assert load_rgb(path).size == (60, 40)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".gif", ".tif"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str, part: float) -> None:
    rng = np.random.default_rng(0)
    whole = tmp_path / f"whole{suffix}"
    Image.fromarray(rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)).save(whole)
    data = whole.read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * part)])
    with calm_pillow(), pytest.raises(ImageError) as caught:
        read_picture(path, 16)
    assert caught.value.reason.startswith("it is ")
    assert read_picture(whole, 16).square.shape == (16, 16, 3)


def test_no_pictures_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(ImageError, match="it is empty"):
        read_square(tmp_path / "empty.jpg", 16)
    with pytest.raises(ImageError, match="it is a text file"):
        read_square(tmp_path / "text.jpg", 16)
    with pytest.raises(ImageError, match=r"missing\.jpg .*no such file or directory.*: repair it or leave"):
        read_square(tmp_path / "missing.jpg", 16)
    assert issubclass(ImageError, DataError)
    assert ImageError.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(tmp_path: Path, photo: Image.Image) -> None:
    path = tmp_path / "a.png"
    photo.save(path)
    path.chmod(0)
    with pytest.raises(ImageError, match="permission denied"):
        read_square(path, 16)


def test_a_format_that_is_not_read_is_refused(tmp_path: Path, photo: Image.Image) -> None:
    photo.save(tmp_path / "a.png", format="TGA")
    with pytest.raises(ImageError, match="not a JPEG"):
        read_square(tmp_path / "a.png", 16)


def test_what_reading_a_picture_gives(tmp_path: Path, photo: Image.Image) -> None:
    path = tmp_path / "a.png"
    photo.save(path)
    picture = read_picture(path, 20)
    assert picture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (picture.width, picture.height, picture.constant) == (60, 40, False)
    assert picture.square.dtype == np.uint8
    assert (picture.square == to_square(photo, 20)).all()
    Image.new("RGB", (9, 9), "teal").save(path)
    assert read_picture(path, 20).constant


def test_the_whole_picture_is_squeezed_to_a_square() -> None:
    """Left half black, right half white, twice as wide as high: the border stays in the middle."""
    wide = np.zeros((16, 32, 3), np.uint8)
    wide[:, 16:] = 255
    square = to_square(Image.fromarray(wide), 8)
    assert square.shape == (8, 8, 3)
    assert (square[:, :3] == 0).all()
    assert (square[:, 5:] == 255).all()


def test_resizing_is_antialiased() -> None:
    """Stripes of one pixel become an even grey; without a filter they would stay black or white."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    inside = to_square(Image.fromarray(stripes), 16)[:, 1:-1].astype(int)
    assert np.abs(inside - 128).max() <= 2


def test_a_single_pixel(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert (read_square(tmp_path / "a.png", 8) == [1, 2, 3]).all()


def test_the_right_size_is_left_alone(photo: Image.Image) -> None:
    square = photo.resize((24, 24))
    assert (to_square(square, 24) == np.asarray(square)).all()


def test_a_large_jpeg_read_at_reduced_scale_looks_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    rows, columns = np.mgrid[0:640, 0:960]
    waves = 128 + 100 * np.sin(rows / 40) * np.cos(columns / 50)
    Image.fromarray(np.stack([waves, rows / 3, columns / 4], -1).astype(np.uint8)).save(path, quality=95)
    picture = read_picture(path, 64)
    assert (picture.width, picture.height) == (960, 640)
    assert np.abs(picture.square.astype(int) - to_square(load_rgb(path), 64)).max() <= 4


def test_a_smaller_square_goes_through_the_base(tmp_path: Path, photo: Image.Image) -> None:
    path = tmp_path / "a.png"
    photo.save(path)
    assert (read_square(path, 16, base=32) == shrink(read_square(path, 32), 16)).all()
    assert (read_square(path, 32, base=32) == read_square(path, 32)).all()


def test_a_preview_in_a_raw_file_of_a_camera_is_not_taken_for_the_photograph(
    tmp_path: Path, photo: Image.Image
) -> None:
    """DNG, NEF and ARW are TIFF files whose first picture is a small one; the others are in its SubIFDs."""
    for name, tags in (("raw.nef", {254: 1, 330: 8}), ("page.tif", {254: 0}), ("small.tif", {254: 1}), ("a.tif", {})):
        photo.save(tmp_path / name, "TIFF", tiffinfo=tags)
    for name in ("page.tif", "small.tif", "a.tif"):
        assert read_picture(tmp_path / name, 8).square.shape == (8, 8, 3)
    for read in (lambda path: read_picture(path, 8), load_rgb, lambda path: read_square(path, 8)):
        with pytest.raises(ImageError, match=r"a RAW file of a camera, of which only a preview .*; export it as JPEG"):
            read(tmp_path / "raw.nef")
