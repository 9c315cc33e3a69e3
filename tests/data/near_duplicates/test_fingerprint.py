"""What is kept of a picture: its hash, its thumbnail and its colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlsearch.data.images.decode import read_picture
from tlsearch.data.images.rgb import LOOK_SIZE
from tlsearch.data.near_duplicates.fingerprint import COLOURS, SHAPE, image_fingerprint


def colours(picture: Image.Image) -> dict[str, float]:
    return dict(zip(COLOURS, image_fingerprint(picture).colours, strict=True))


def test_the_hash_says_where_a_cell_is_darker_than_the_next() -> None:
    ramp = np.tile(np.repeat(np.arange(9) * 20, 8), (64, 1)).astype(np.uint8)
    assert image_fingerprint(Image.fromarray(ramp).convert("RGB")).hash == 2**64 - 1
    assert image_fingerprint(Image.fromarray(ramp[:, ::-1]).convert("RGB")).hash == 0
    half = ramp.copy()
    half[32:] = 7
    assert image_fingerprint(Image.fromarray(half).convert("RGB")).hash == (2**32 - 1) << 32


def test_the_thumbnail_is_the_grey_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    look = image_fingerprint(Image.fromarray(pixels))
    thumbnail = np.frombuffer(look.thumbnail, np.uint8).reshape(SHAPE)
    assert np.abs(thumbnail - pixels @ [0.299, 0.587, 0.114]).max() <= 0.51
    assert not look.small


@pytest.mark.parametrize(("size", "small"), [((64, 64), False), ((300, 63), True), ((63, 300), True)])
def test_a_short_side_makes_a_picture_small(size: tuple[int, int], small: bool) -> None:
    assert image_fingerprint(Image.new("RGB", size, "red")).small is small


def test_colours_of_a_framed_picture() -> None:
    """A frame of a thirty-second part of the picture around a field that is half black."""
    picture = Image.new("RGB", (288, 256), (200, 40, 0))
    picture.paste((100, 60, 40), (8, 8, 280, 248))
    picture.paste((0, 0, 0), (8, 8, 144, 248))
    found = colours(picture)
    inside = (272 * 240) / (288 * 256)
    assert found["mean red over the picture"] == pytest.approx(200 * (1 - inside) + 50 * inside, abs=0.01)
    assert found["mean green at its border"] == pytest.approx(40)
    assert found["spread of green at its border"] == pytest.approx(0)
    assert found["spread of green over the picture"] > 25
    assert found["brightest blue over the picture"] == pytest.approx(40)
    assert found["share of red in its brightest colour"] == pytest.approx(200 / 300, abs=1e-4)
    assert sum(found[f"share of {c} in its mean colour"] for c in ("red", "green", "blue")) == pytest.approx(
        1, abs=1e-3
    )


def test_a_black_picture_has_colours_too() -> None:
    assert set(colours(Image.new("RGB", (80, 80))).values()) == {0.0}


@pytest.mark.parametrize(("kind", "size"), [("JPEG", (1200, 900)), ("JPEG", (2600, 2400)), ("PNG", (700, 650))])
def test_a_look_does_not_depend_on_the_size_asked_for(tmp_path: Path, kind: str, size: tuple[int, int]) -> None:
    coarse = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(tmp_path / "a", format=kind)
    looks = [read_picture(tmp_path / "a", asked).look for asked in (32, LOOK_SIZE, LOOK_SIZE + 1, 600)]
    assert looks == [looks[0]] * 4
