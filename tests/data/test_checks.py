"""Findings: their kinds, counts and files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tlsearch.data.checks import Finding, check
from tlsearch.data.index import scan
from tlsearch.data.split import split

MakeDataset = Callable[..., Path]


def by_kind(findings: list[Finding]) -> dict[str, Finding]:
    result = {finding.kind: finding for finding in findings}
    assert len(result) == len(findings)
    return result


def test_a_good_data_set_gives_no_findings(tmp_path: Path, make_dataset: MakeDataset) -> None:
    index = scan(make_dataset(tmp_path, classes=("a", "b"), per_class=70, size=40))
    assert check(index, split(index, 0)) == []


def test_every_finding(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b", "c"), per_class=18, size=40)
    for number in range(60):
        Image.new("RGB", (40, 40), (number * 4, 9, 9)).save(root / "c" / f"plain{number:02}.png")
    shutil.copy(root / "a" / "000.png", root / "b" / "copy.png")
    shutil.copy(root / "b" / "001.png", root / "b" / "again.png")
    Image.radial_gradient("L").resize((90, 31)).save(root / "b" / "flat.png")
    (root / "a" / "broken.jpg").write_text("no picture")
    index = scan(root)
    found = by_kind(check(index, split(index, 0)))
    assert found["skipped"].message == "1 file set aside"
    assert found["skipped"].files[0].startswith("a/broken.jpg: it is not a JPEG")
    assert found["conflicting_labels"].message == "2 images with equal content under different labels"
    assert found["conflicting_labels"].files == ("a/000.png", "b/copy.png")
    assert found["duplicates"].files == ("b/001.png", "b/again.png")
    assert found["tiny_classes"].message == "1 class with fewer than 20 images: a (18)"
    assert found["imbalance"].message == (
        "classes are imbalanced 4.3 to 1 (c 78, a 18): always answering c would be right for 66.7%"
    )
    assert found["constant"].message == "60 images of a single colour"
    assert found["small_images"].files == ("b/flat.png",)
    assert found["few_test_images"].message == "2 classes with fewer than 10 test images: a (2), b (4)"
    severities = [finding.severity for finding in check(index, split(index, 0))]
    assert severities == ["warning"] * 6 + ["info"] * 2
    assert "few_test_images" not in by_kind(check(index))


@pytest.mark.parametrize(("largest", "reported"), [(60, False), (61, True)])
def test_imbalance_is_reported_above_three(
    tmp_path: Path, make_dataset: MakeDataset, largest: int, reported: bool
) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=20, size=40)
    more = make_dataset(tmp_path / "more", classes=("a",), per_class=largest - 20, size=40, seed=1)
    for path in (more / "a").iterdir():
        path.rename(root / "a" / f"more{path.name}")
    assert ("imbalance" in by_kind(check(scan(root)))) is reported


def test_copies_across_the_folders_of_the_user(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=20, size=40, splits=("train", "test"))
    shutil.copy(root / "test" / "a" / "003.png", root / "train" / "a" / "copy.png")
    found = by_kind(check(scan(root)))
    assert found["crossing_duplicates"].severity == "warning"
    assert found["crossing_duplicates"].files == ("test/a/003.png", "train/a/copy.png")
    assert found["crossing_duplicates"].message.startswith("2 images with equal content in different split")
