"""Three ways to make a picture a square."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tlsearch.data.images.rgb import PADDING, to_square


@pytest.fixture
def wide() -> Image.Image:
    """Twice as wide as high: red, then green in the middle half, then blue."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :20, 0] = pixels[:, 20:60, 1] = pixels[:, 60:, 2] = 255
    return Image.fromarray(pixels)


def test_squashing_keeps_everything_and_gives_up_the_aspect_ratio(wide: Image.Image) -> None:
    square = to_square(wide, 40)
    assert [tuple(square[20, column]) for column in (3, 20, 37)] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_padding_keeps_both(wide: Image.Image) -> None:
    square = to_square(wide, 40, "pad")
    assert tuple(square[2, 20]) == tuple(square[37, 20]) == PADDING
    assert [tuple(square[20, column]) for column in (3, 20, 37)] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_cropping_keeps_the_middle(wide: Image.Image) -> None:
    square = to_square(wide, 40, "crop")
    assert (square[5:35, 2:38] == (0, 255, 0)).all()


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
def test_a_square_comes_out_the_same_in_all_ways(resize: str) -> None:
    image = Image.effect_noise((50, 50), 40).convert("RGB")
    assert (to_square(image, 20, resize) == to_square(image, 20)).all()
