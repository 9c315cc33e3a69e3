"""Synthetic images: the same again, all different, none taken for a copy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.synthetic_images import draw_image, write_images
from tests.helpers.images.near_duplicates import pairs_of
from tlsearch.data.near_duplicates.fingerprint import image_fingerprint


def test_images_are_all_different_and_the_same_again(tmp_path: Path) -> None:
    for name in "ab":
        write_images(tmp_path / name, {"train": 21, "test": 10}, 48, 3)
    files = sorted(file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*.jpg"))
    assert len(files) == 31
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
    assert len({(tmp_path / "a" / file).read_bytes() for file in files}) == 31
    assert len(list((tmp_path / "a" / "train" / "class0").iterdir())) == 3
    with pytest.raises(ValueError, match="each of the 10 classes"):
        write_images(tmp_path / "c", {"": 9}, 48, 3)


def test_no_image_is_taken_for_a_copy_of_another() -> None:
    looks = [image_fingerprint(draw_image(n % 10, 64, np.random.default_rng(n))) for n in range(400)]
    assert pairs_of(looks) == []
    assert pairs_of([*looks, looks[7]]) == [(7, 400)]
