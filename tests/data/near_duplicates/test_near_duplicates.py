"""ImageFingerprint-alikes: photographs that were encoded again, resized or slightly cropped, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.near_duplicates import pairs_of, stored
from tlsearch.data.images.decode import load_rgb, read_picture
from tlsearch.data.images.parallel import map_files
from tlsearch.data.near_duplicates import rules
from tlsearch.data.near_duplicates.align import compare_aligned, correlate
from tlsearch.data.near_duplicates.find import find_near_duplicates
from tlsearch.data.near_duplicates.fingerprint import SHAPE, ImageFingerprint, image_fingerprint
from tlsearch.data.survey import scan

ROOT = Path(__file__).parents[3]
PHOTOGRAPHS = ROOT / "examples" / "clothing"
MORE = ROOT.parent / "shared" / "data" / "clothing"


def encoded(picture: Image.Image, quality: int = 85) -> Image.Image:
    """The picture after it was written as a JPEG and read again."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


def cropped(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """The picture without these per cents of its width and height."""
    width, height = picture.size
    start, upper = round(left * width / 100), round(top * height / 100)
    end, lower = round(width - right * width / 100), round(height - bottom * height / 100)
    return encoded(picture.crop((start, upper, end, lower)))


def shrunk(picture: Image.Image) -> Image.Image:
    return encoded(picture.resize((round(0.7 * picture.width), round(0.7 * picture.height))))


CHANGES: dict[str, tuple[Callable[[Image.Image], Image.Image], float]] = {
    "encoded again": (lambda picture: encoded(picture, 50), 1.0),
    "resized": (shrunk, 1.0),
    "cropped by 1 %": (lambda picture: cropped(picture, 1, 1, 1, 1), 0.96),
    "cropped by 2 %": (lambda picture: cropped(picture, 2, 2, 2, 2), 0.96),
    "cropped by 3 %": (lambda picture: cropped(picture, 3, 3, 3, 3), 0.94),
    "cropped unevenly": (lambda picture: cropped(picture, 3, 0, 1, 2), 0.96),
    "everything": (lambda picture: encoded(shrunk(cropped(picture, 1, 3, 2, 1)), 50), 0.94),
}
"""What is done to a photograph, and the share of photographs that must be found again afterwards."""


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    """Every third of the photographs of the example."""
    return [load_rgb(path) for path in sorted(PHOTOGRAPHS.glob("*/*.jpg"))[::3]]


@pytest.mark.parametrize("change", CHANGES)
def test_photographs_are_found_again(photographs: list[Image.Image], change: str) -> None:
    alter, share = CHANGES[change]
    count = len(photographs)
    looks = [image_fingerprint(picture) for picture in photographs] + [
        image_fingerprint(alter(picture)) for picture in photographs
    ]
    pairs = pairs_of(looks)
    assert {(one, other - count) for one, other in pairs} <= {(row, row) for row in range(count)}
    assert count == 100
    assert len(pairs) >= share * count


def test_the_first_rule_alone_would_not_find_crops(
    photographs: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "compare_aligned", lambda ones, others: (np.zeros(len(ones)), np.zeros(len(ones))))
    looks = [
        look
        for picture in photographs
        for look in (image_fingerprint(picture), image_fingerprint(cropped(picture, 2, 2, 2, 2)))
    ]
    assert len(pairs_of(looks)) < 20


def test_no_two_photographs_of_the_example_look_alike() -> None:
    index = scan(PHOTOGRAPHS)
    assert len(index.images) == 300
    assert index.lookalikes == ()


@pytest.mark.skipif(not MORE.is_dir(), reason="needs the larger data set beside the checkout")
def test_two_of_many_photographs_look_alike() -> None:
    """One picture lies there under two labels; shirts before the same wall stay apart."""
    files = [file for name in ("shorts", "skirt", "t-shirt") for file in sorted((MORE / "train" / name).iterdir())]
    looks = list(map_files(lambda file: read_picture(file, 64).look, files))
    assert len(looks) > 1000
    assert [(files[a].parent.name, files[b].parent.name) for a, b in pairs_of(looks)] == [("shorts", "skirt")]


def test_a_shirt_of_another_colour_is_another_shirt(photographs: list[Image.Image]) -> None:
    """Equal in all but the colour of a third of the picture."""
    picture = photographs[0].resize((160, 160))
    other = picture.copy()
    other.paste(Image.new("RGB", (90, 90), (30, 90, 200)), (35, 35), Image.linear_gradient("L").resize((90, 90)))
    assert pairs_of([image_fingerprint(picture), image_fingerprint(other)]) == []
    assert pairs_of([image_fingerprint(picture), image_fingerprint(picture)]) == [(0, 1)]


def test_pictures_of_one_colour_look_like_nothing() -> None:
    plain = [image_fingerprint(Image.new("RGB", (90, 90), (shade, shade, shade))) for shade in (0, 0, 90, 255, 255)]
    assert pairs_of(plain) == []


def test_among_none_or_one_there_is_no_pair() -> None:
    picture = image_fingerprint(Image.effect_noise((90, 90), 90).convert("RGB"))
    assert pairs_of([picture, picture]) == [(0, 1)]
    assert pairs_of([picture]) == []
    assert pairs_of([]) == []


def test_what_is_left_out_is_in_no_pair() -> None:
    picture = image_fingerprint(Image.effect_noise((90, 90), 90).convert("RGB"))
    with stored([picture] * 4) as looks:
        assert find_near_duplicates(looks, left_out=[1]).tolist() == [[0, 2], [0, 3], [2, 3]]


def test_small_pictures_need_equal_hashes_and_thumbnails() -> None:
    """No crop is undone: they have too little detail to tell a crop from another picture."""
    noise = Image.effect_noise((50, 50), 90).convert("RGB")
    assert pairs_of([image_fingerprint(noise), image_fingerprint(encoded(noise, 95))]) == [(0, 1)]
    assert pairs_of([image_fingerprint(noise), image_fingerprint(noise.crop((2, 2, 50, 50)))]) == []


def test_every_pair_is_found_among_many() -> None:
    """Against the rule applied to every pair, with hashes that differ in up to six bits and equal thumbnails."""
    rng = np.random.default_rng(0)
    thumbnail = rng.integers(0, 256, SHAPE).astype(np.uint8).tobytes()
    hashes = [int(rng.integers(2**63)) for _ in range(60)]
    for number in range(800):
        flips = [1 << int(bit) for bit in rng.integers(0, 64, rng.integers(0, 6))]
        base = hashes[number % 60]
        for flip in flips:
            base ^= flip
        hashes.append(base)
    looks = [ImageFingerprint(hash=value, thumbnail=thumbnail, colours=(100.0,) * 21, small=True) for value in hashes]
    expected = [
        (one, other)
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if (hashes[one] ^ hashes[other]).bit_count() <= 4
    ]
    assert len(expected) > 500
    assert pairs_of(looks) == expected


def test_a_crop_is_undone() -> None:
    """Alignment raises the likeness of a picture and its crop to nearly 1, and not that of two pictures."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (2, 24, 24)).astype(np.uint8)
    whole, other = (Image.fromarray(picture).resize((720, 640), Image.Resampling.BICUBIC) for picture in coarse)
    crop = whole.crop((14, 6, 700, 634))
    one, changed, another = (
        np.asarray(picture.resize(SHAPE[::-1], Image.Resampling.BOX), np.float32)[None]
        for picture in (whole, crop, other)
    )
    assert correlate(one, changed)[0] < 0.95
    agreement, detail = compare_aligned(one, changed)
    assert agreement[0] > 0.995
    assert detail[0] > 0.95
    assert compare_aligned(one, another)[0][0] == 0
    assert compare_aligned(one, one * 0.5)[0][0] < 0.9  # the values count, not only how they vary
