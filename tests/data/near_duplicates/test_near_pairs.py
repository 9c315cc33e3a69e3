"""Near-duplicates are found without a look at every pair, and are those that a look at every pair finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.images.near_duplicates import pairs_of, pairs_of_all, stored
from tlsearch.data.near_duplicates import near_pairs as module
from tlsearch.data.near_duplicates.fingerprint import SHAPE, ImageFingerprint
from tlsearch.data.near_duplicates.near_pairs import Hashes, Nearness, bits_apart, near_pairs

NEARNESS = Nearness(bits=4, crop_bits=14, crop_colours=14.0)


def clustered(seed: int, clusters: int, count: int, small: float, most_flips: int = 16) -> list[ImageFingerprint]:
    """Looks around a few: hashes with some bits flipped, colours and thumbnails changed a little; a share is small."""
    rng = np.random.default_rng(seed)
    hashes = [int.from_bytes(rng.bytes(8), "big") for _ in range(clusters)]
    colours = rng.uniform(20, 235, (clusters, 21))
    pictures = [picture(rng) for _ in range(clusters)]
    looks = []
    for number in rng.integers(clusters, size=count):
        flips = sum(1 << int(bit) for bit in rng.choice(64, rng.integers(most_flips + 1), replace=False))
        noise = rng.normal(0, rng.choice([0, 3, 12, 40]), SHAPE)
        look = ImageFingerprint(
            hash=hashes[number] ^ flips,
            thumbnail=np.rint(pictures[number] + noise).clip(0, 255).astype(np.uint8).tobytes(),
            colours=tuple((colours[number] + rng.choice([0, 5, 9]) * rng.uniform(-1, 1, 21)).tolist()),
            small=bool(rng.random() < small),
        )
        looks.append(look)
    return looks


def picture(rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Shapes with some detail, 0..255."""
    coarse, fine = (Image.fromarray(rng.integers(0, 256, size).astype(np.uint8)) for size in ((7, 8), (40, 40)))
    shapes, detail = (np.asarray(part.resize(SHAPE[::-1], Image.Resampling.BICUBIC)) for part in (coarse, fine))
    return 0.75 * shapes + 0.25 * detail


def random_hashes(count: int, *, small: bool, colour: float = 0) -> list[ImageFingerprint]:
    """Looks of one thumbnail, with hashes that have nothing to do with each other and colours up to ``colour``."""
    rng = np.random.default_rng(5)
    thumbnail = bytes(range(256)) * 18
    return [
        ImageFingerprint(
            hash=int.from_bytes(rng.bytes(8), "big"),
            thumbnail=thumbnail,
            colours=tuple(rng.uniform(0, colour, 21).tolist()),
            small=small,
        )
        for _ in range(count)
    ]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs of hashes were compared, call by call."""
    counts: list[int] = []

    def count(ones: Hashes, others: Hashes) -> Hashes:
        apart = bits_apart(ones, others)
        counts.append(apart.size)
        return apart.astype(np.uint64)

    monkeypatch.setattr(module, "bits_apart", count)
    return counts


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    clusters=st.integers(1, 40),
    count=st.integers(0, 60),
    small=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_pairs_are_those_of_a_look_at_every_pair(seed: int, clusters: int, count: int, small: float) -> None:
    looks = clustered(seed, clusters, count, small)
    assert pairs_of(looks) == pairs_of_all(looks)


@pytest.mark.parametrize("blocks", [(64, 1024), (3, 5)])
def test_both_rules_find_pairs_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch, blocks: tuple[int, int]) -> None:
    monkeypatch.setattr(module, "_ROWS", blocks[0])
    monkeypatch.setattr(module, "_COLUMNS", blocks[1])
    looks = clustered(seed=1, clusters=8, count=120, small=0.3, most_flips=8)
    found = pairs_of(looks)
    assert found == pairs_of_all(looks)
    bits = np.array([(looks[one].hash ^ looks[other].hash).bit_count() for one, other in found])
    assert min((bits <= 4).sum(), (bits > 4).sum()) > 30


@pytest.mark.parametrize("small", [False, True])
def test_each_near_pair_comes_once(small: bool) -> None:
    """All of 300 equal hashes, which share every part, and colours of which all are near."""
    look = random_hashes(1, small=small)[0]
    with stored([look] * 300) as looks:
        portions = list(near_pairs(looks, np.arange(1, 300), NEARNESS))
    ones, others = (np.concatenate(side) for side in zip(*portions, strict=True))
    assert len(ones) == len(set(zip(ones.tolist(), others.tolist(), strict=True))) == 299 * 298 / 2
    assert (ones < others).all()
    assert max(len(portion) for portion, _ in portions) <= 64 * 1024


def test_small_pictures_with_different_hashes_are_hardly_compared(compared: list[int]) -> None:
    count = 20_000
    with stored(random_hashes(count, small=True)) as looks:
        list(near_pairs(looks, np.arange(count), NEARNESS))
    assert sum(compared) < count * (count - 1) / 2 / 20


def test_pictures_of_different_colours_are_hardly_compared(compared: list[int]) -> None:
    """The colours lie within 200, and of each 14 on either side are compared: every seventh pair."""
    count = 20_000
    with stored(random_hashes(count, small=False, colour=200)) as looks:
        list(near_pairs(looks, np.arange(count), NEARNESS))
    assert sum(compared) < count * (count - 1) / 2 / 5


def test_the_colour_that_spreads_pictures_most_is_the_one_they_are_put_in_order_by(compared: list[int]) -> None:
    count = 10_000
    looks = [
        ImageFingerprint(
            hash=look.hash, thumbnail=look.thumbnail, colours=(9.0, 9.0, 9.0, number % 250) + (9.0,) * 17, small=False
        )
        for number, look in enumerate(random_hashes(count, small=False))
    ]
    with stored(looks) as store:
        list(near_pairs(store, np.arange(count), NEARNESS))
    assert sum(compared) < count * (count - 1) / 2 / 5
