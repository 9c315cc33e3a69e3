"""The line that says what a data set holds: nothing is counted as kept that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tlsearch.data.groups import group_images
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.data.totals import totals

MakeDataset = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    return make_dataset(tmp_path, classes=("a", "b"), per_class=10, size=90, splits=("train", "test"))


def test_a_plain_data_set(root: Path) -> None:
    index = scan(root)
    assert totals(index, group_images(index)) == "2 classes, 40 images"


def test_what_is_set_aside_is_not_kept_together(root: Path) -> None:
    Image.open(root / "test" / "a" / "003.png").save(root / "train" / "a" / "again.jpg", quality=80)
    Image.open(root / "train" / "b" / "004.png").save(root / "train" / "b" / "again.jpg", quality=80)
    (root / "train" / "a" / "broken.png").touch()
    index = scan(root)
    parts = split(index, 0)
    text = totals(index, parts.groups)
    assert text == "2 classes, 42 images (1 set aside, 2 in 1 group kept together), 1 file not used"
    assert len(parts.train) + len(parts.val) + len(parts.test) == 42 - 1


def test_groups_by_name_are_groups(root: Path) -> None:
    index = scan(root)
    groups = group_images(index, r"^test/(\w)|^train")
    assert totals(index, groups) == "2 classes, 40 images (20 in 2 groups kept together)"
