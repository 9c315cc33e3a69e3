"""Findings: their kinds, counts and files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.images.sources import with_test
from tlsearch.data.checks import check, no_split
from tlsearch.data.findings import KINDS, Finding
from tlsearch.data.groups import group_images
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.errors import DataError

MakeDataset = Callable[..., Path]


def by_kind(findings: list[Finding]) -> dict[str, Finding]:
    result = {finding.kind: finding for finding in findings}
    assert len(result) == len(findings)
    assert all(finding.severity == KINDS[finding.kind] for finding in findings)
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
    assert found["skipped"].message == "1 file not used"
    assert found["skipped"].files[0].startswith("a/broken.jpg: it is a text file")
    assert found["conflicting_labels"].message == "2 images with equal content under different labels"
    assert found["conflicting_labels"].files == ("a/000.png", "b/copy.png: equals a/000.png")
    assert found["duplicates"].files == ("b/001.png", "b/again.png: equals b/001.png")
    assert found["tiny_classes"].message == "1 class with fewer than 20 images: a (18)"
    assert found["imbalance"].message == (
        "classes are imbalanced 4.1 to 1 in training (c 58, a 14): always answering c would be right for 65.9%"
    )
    assert found["constant"].message == "60 images of a single colour"
    assert found["small_images"].files == ("b/flat.png",)
    assert found["few_test_images"].message == "2 classes with fewer than 10 test images: a (4), b (5)"
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


def test_few_and_many_are_counted_as_in_the_run(tmp_path: Path, make_dataset: MakeDataset) -> None:
    """The images of the user's test folder, and those set aside, are not there to learn from."""
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=21, size=40)
    test = make_dataset(tmp_path / "new", classes=("a", "b"), per_class=80, size=40, seed=1)
    for file in sorted((test / "b").iterdir())[5:]:
        file.unlink()
    index = scan(root, reading=with_test(test))
    assert set(by_kind(check(index, split(index, 0)))) == {"few_test_images"}  # 101 to 26 with the test images
    for number in range(16):
        shutil.copy(root / "b" / f"{number:03}.png", test / "b" / f"copy{number:02}.png")
    index = scan(root, reading=with_test(test))
    found = by_kind(check(index, split(index, 0)))
    assert found["tiny_classes"].message == "1 class with fewer than 20 images besides the test images: b (5)"
    assert found["imbalance"].message == (
        "classes are imbalanced 4.2 to 1 in training (a 21, b 5): always answering a would be right for 80.8%"
    )
    assert by_kind(check(index))["imbalance"] == found["imbalance"]


def test_nothing_left_to_train_on_is_no_imbalance(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=20, size=40)
    index = scan(root, reading=with_test(Path(shutil.copytree(root, tmp_path / "copy"))))
    found = by_kind(check(index))
    assert "imbalance" not in found
    assert found["tiny_classes"].message == "2 classes with fewer than 20 images besides the test images: a (0), b (0)"


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("Cat", "cat", "Cat and cat"),
        ("cat_1", "cat 1", "cat 1 and cat_1"),
        ("cat", "cat\u200b", "cat and 'cat\\u200b'"),
        ("cat", "\uff43\uff41\uff54", "cat and \uff43\uff41\uff54"),
        ("c++", "c#", ""),
        ("a.1", "a-2", ""),
        ("-", "_", ""),
    ],
)
def test_classes_that_differ_in_case_and_marks_only(
    tmp_path: Path, make_dataset: MakeDataset, one: str, other: str, said: str
) -> None:
    root = make_dataset(tmp_path, classes=(one, "dog", "other"), per_class=20, size=40)
    if (root / other).exists():
        pytest.skip("this file system takes Cat for cat")
    (root / "other").rename(root / other)
    found = by_kind(check(scan(root))).get("class_names")
    if not said:
        assert found is None
        return
    assert found is not None
    differ = "differ in upper and lower case, spaces, marks or forms of letters only"
    assert found.message == f"classes whose names {differ}: {said}"
    assert found.severity == "warning"


def test_copies_across_the_folders_of_the_user(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=20, size=40, splits=("train", "test"))
    shutil.copy(root / "test" / "a" / "003.png", root / "train" / "a" / "copy.png")
    found = by_kind(check(scan(root)))
    assert found["crossing_duplicates"].severity == "warning"
    assert found["crossing_duplicates"].files == ("train/a/copy.png: equals test/a/003.png",)
    assert found["crossing_duplicates"].message.startswith("1 image in training or validation set aside: equal to one")
    assert "duplicates" not in found


def test_look_alikes_are_kept_together_set_aside_or_doubted(tmp_path: Path, make_dataset: MakeDataset) -> None:
    """The same picture as a JPEG: of another class, in another folder, and in its own."""
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=20, size=90, splits=("train", "test"))
    for source, target in (
        ("train/a/001.png", "train/a/again.jpg"),
        ("train/a/002.png", "train/b/wrong.jpg"),
        ("train/b/003.png", "test/b/new.jpg"),
    ):
        Image.open(root / source).save(root / target, quality=60)
    index = scan(root)
    parts = split(index, 0)
    found = by_kind(check(index, parts))
    assert found["lookalikes"].files == ("train/a/001.png", "train/a/again.jpg: looks like train/a/001.png")
    assert found["conflicting_lookalikes"].files == ("train/a/002.png", "train/b/wrong.jpg: looks like train/a/002.png")
    assert found["crossing_lookalikes"].files == ("train/b/003.png: looks like test/b/new.jpg",)
    assert [index.images[row].path for row in parts.set_aside] == ["train/b/003.png"]
    assert "2 images that look alike within a class, kept together" in found["lookalikes"].message


def test_named_groups_are_counted_and_set_aside(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=20, size=40, splits=("train", "test"))
    for part, name in (("train", "000"), ("train", "001"), ("test", "000")):
        (root / part / "a" / f"{name}.png").rename(root / part / "a" / f"p7_{part}{name}.png")
    index = scan(root)
    groups = group_images(index, r"p(\d)_")
    found = by_kind(check(index, groups=groups))
    assert found["groups"].message == "3 images in 1 group of up to 3 belong together, 77 images stand alone"
    assert found["crossing_groups"].files == (
        "train/a/p7_train000.png: belongs together with test/a/p7_test000.png",
        "train/a/p7_train001.png: belongs together with test/a/p7_test000.png",
    )
    assert {finding.kind for finding in check(index)} == set()


def test_a_class_of_one_group_is_a_finding(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=20, size=40)
    for path in (root / "a").iterdir():
        path.rename(path.with_name(f"p1_{path.name}"))
    for path in (root / "b").iterdir():
        path.rename(path.with_name(f"p{path.stem}_.png"))
    index = scan(root)
    groups = group_images(index, r"p(\d+)_")
    with pytest.raises(DataError, match="Class a has 1 group of pictures, but 3 are needed") as caught:
        split(index, 0, r"p(\d+)_")
    finding = no_split(index, groups, str(caught.value))
    assert (finding.kind, finding.severity, finding.message) == ("no_split", "warning", str(caught.value))
    assert finding.files == ("a: 20 images, 1 group to draw from, 3 needed",)
