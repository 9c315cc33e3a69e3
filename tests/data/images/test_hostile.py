"""Thousands of damaged files, and folders that set traps: each is decoded or set aside with a reason."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.mutants import DAMAGES, Mutant, healthy, mutants
from tlsearch.data.images.decode import DecodedImage, ImageError, calm_pillow, read_picture
from tlsearch.data.survey import scan

MakeDataset = Callable[..., Path]

MUTANTS = 5_000
MOST_SECONDS = 10.0
"""For one file of some kilobytes; a decoder that hangs takes for ever, a slow machine under load does not."""


@pytest.mark.parametrize(("origin", "data"), healthy().items(), ids=healthy())
def test_what_is_damaged_below_is_sound_before(tmp_path: Path, origin: str, data: bytes) -> None:
    path = tmp_path / origin
    path.write_bytes(data)
    assert read_picture(path, 32).square.std() > 5


def test_damage_is_damage_and_the_same_every_time() -> None:
    first, again = list(mutants(700, seed=1)), list(mutants(700, seed=1))
    assert first == again
    assert first != list(mutants(700, seed=2))
    kinds = {mutant.damage for mutant in first if not mutant.damage.startswith("cut at")}
    assert len(kinds) == len(DAMAGES)


@pytest.mark.parametrize("part", range(5))
def test_a_damaged_file_is_decoded_or_set_aside_with_a_reason(tmp_path: Path, part: int) -> None:
    decoded: list[tuple[Mutant, DecodedImage]] = []
    refused: list[tuple[Mutant, ImageError]] = []
    slow = []
    path = tmp_path / "picture.jpg"  # the wrong ending for most: endings decide nothing
    with calm_pillow():
        for mutant in mutants(MUTANTS // 5, seed=part):
            path.write_bytes(mutant.data)
            started = time.monotonic()
            try:
                decoded.append((mutant, read_picture(path, 32, name="class/picture.jpg")))
            except ImageError as error:
                refused.append((mutant, error))
            if time.monotonic() - started > MOST_SECONDS:
                slow.append(mutant)
    assert slow == []
    assert len(decoded) + len(refused) == MUTANTS // 5
    assert len(decoded) > 50
    assert len(refused) > 200
    for mutant, refusal in refused:
        assert refusal.reason.strip(), mutant
        assert "\n" not in refusal.reason, mutant
        assert str(refusal).startswith("The picture class/picture.jpg cannot be used ("), mutant
    for mutant, picture in decoded:
        assert picture.square.shape == (32, 32, 3), mutant
        assert picture.square.dtype == np.uint8, mutant


NAMES = (
    "with spaces  and\ttab.png",
    "new\nline.png",
    "quotes'\"`.png",
    "-rf.png",
    "<script>alert(1)</script>".replace("/", "\u2215") + ".png",
    "emoji \U0001f984\u200d\U0001f308.png",
    "combining e\u0301.png",
    "right to left \u202e.png",
    "%s %n {0} {{}}.png",
    "n" * 251 + ".png",
    "no ending",
    "upper.PNG",
)


def test_names_and_places_that_set_traps(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=16)
    rng = np.random.default_rng(0)
    for name in NAMES:
        pixels = Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8))
        pixels.save(root / "a" / name, "PNG")
    (root / "b" / "folder.jpg").mkdir()
    shutil.copy(root / "b" / "000.png", root / "b" / "folder.jpg" / "inside.png")
    (root / "a" / "up").symlink_to(root)
    (root / "b" / "one").symlink_to(root / "b" / "two")
    (root / "b" / "two").symlink_to(root / "b" / "one")
    os.mkfifo(root / "a" / "pipe.png")
    index = scan(root)
    found = {image.path for image in index.images if image.label == 0}
    assert {f"a/{name}" for name in NAMES} <= found
    assert "b/folder.jpg/inside.png" in {image.path for image in index.images}
    reasons = {skipped.path: skipped.reason for skipped in index.skipped}
    assert reasons["a/up"] == "the symbolic link leads in a circle"
    assert reasons["a/pipe.png"] == "it is not a regular file"
    assert reasons["b/one"] == reasons["b/two"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_what_may_not_be_read_is_set_aside(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=5, size=16)
    (root / "a" / "000.png").chmod(0)
    assert {s.path: s.reason for s in scan(root).skipped} == {"a/000.png": "it cannot be opened: permission denied"}


def test_sizes_at_the_ends(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=16)
    Image.new("RGB", (20_000, 30), "red").save(root / "a" / "wide.png")
    Image.new("RGB", (1, 1), "blue").save(root / "a" / "point.png")
    Image.new("RGB", (1, 3_000), "green").save(root / "b" / "tall.png")
    Image.new("1", (20_000, 20_000)).save(root / "b" / "bomb.png")
    index = scan(root)
    (skipped,) = index.skipped
    assert skipped.path == "b/bomb.png"
    assert skipped.reason.startswith("it has 400,000,000 pixels, which need 2.4 GB of memory")
    assert len(index.images) == 11
