"""Classes of one fixed camera, alone and among photographs: what is kept together, and what is said."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.images.fixed_camera import save_shots, scene, shot
from tlsearch.data.checks import check
from tlsearch.data.groups import group_images
from tlsearch.data.index import DatasetIndex
from tlsearch.data.survey import scan

PHOTOGRAPHS = Path(__file__).parents[3] / "examples" / "clothing"
CLASSES = ("dress", "hat", "pants")
LEAKED = tuple(f"train/{name}/leaked.jpg" for name in CLASSES)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Split folders of 48 photographs, one of each of three classes also in the other folder, encoded again."""
    for name in CLASSES:
        files = sorted((PHOTOGRAPHS / name).glob("*.jpg"))[:16]
        for place, file in enumerate(files):
            target = tmp_path / ("test" if place < 5 else "train") / name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        with Image.open(files[0]) as image:
            image.convert("RGB").save(tmp_path / "train" / name / "leaked.jpg", quality=70)
    return tmp_path


def named(index: DatasetIndex, kind: str) -> list[str]:
    """The files of the findings of a kind, without what is said of them."""
    return [file.split(":")[0] for finding in check(index) if finding.kind == kind for file in finding.files]


def notes(index: DatasetIndex) -> str:
    return " ".join(finding.message for finding in check(index) if finding.kind == "reading")


def joined(index: DatasetIndex) -> set[str]:
    """The classes of the pictures that look alike and are kept together."""
    return {index.classes[index.labels[row]] for pair in index.lookalikes for row in pair}


def test_leaked_photographs_are_found_beside_a_class_of_a_fixed_camera(root: Path) -> None:
    save_shots(root / "train" / "belt", scene(1), 9)
    save_shots(root / "test" / "belt", scene(1), 4, first=9)
    index = scan(root)
    assert named(index, "crossing_lookalikes") == list(LEAKED)
    assert "most images of belt look alike: pictures that look alike are not kept together in this class" in notes(
        index
    )
    assert joined(index) == set(CLASSES)


def test_two_such_classes_are_both_named(root: Path) -> None:
    for number, name in enumerate(("belt", "ring")):
        save_shots(root / "train" / name, scene(number), 10)
        save_shots(root / "test" / name, scene(number), 4, first=10)
    index = scan(root)
    assert named(index, "crossing_lookalikes") == list(LEAKED)
    assert "most images of belt, ring look alike: pictures that look alike are not kept together in these" in notes(
        index
    )


def test_where_the_camera_took_most_images_only_copies_are_kept_together(root: Path) -> None:
    save_shots(root / "train" / "belt", scene(1), 45)
    save_shots(root / "test" / "belt", scene(1), 10, first=45)
    index = scan(root)
    assert index.lookalikes == ()
    assert named(index, "crossing_lookalikes") == []
    assert "most images of belt look alike: pictures that look alike are not kept together in any class" in notes(index)


def test_a_data_set_of_one_camera(tmp_path: Path) -> None:
    save_shots(tmp_path / "good", scene(1), 12)
    save_shots(tmp_path / "scratched", scene(1), 12, first=12)
    index = scan(tmp_path)
    assert index.lookalikes == ()
    assert "most images of good, scratched look alike: pictures that look" in notes(index)
    assert len(set(group_images(index))) == 24


def test_a_class_of_a_few_pictures_is_kept_together(root: Path) -> None:
    save_shots(root / "train" / "belt", scene(1), 7)
    index = scan(root)
    assert joined(index) == {*CLASSES, "belt"}
    assert "look alike" not in notes(index)


def test_copies_of_the_camera_s_pictures_stay_together(root: Path) -> None:
    save_shots(root / "train" / "belt", scene(1), 9)
    save_shots(root / "test" / "belt", scene(1), 4, first=9)
    shutil.copy(root / "test" / "belt" / "shot-9.png", root / "train" / "belt" / "copy.png")
    index = scan(root)
    assert named(index, "crossing_duplicates") == ["train/belt/copy.png"]
    assert named(index, "crossing_lookalikes") == list(LEAKED)
    groups = group_images(index)
    sizes = Counter(groups)
    belt = [sizes[group] for group, label in zip(groups, index.labels, strict=True) if index.classes[label] == "belt"]
    assert sorted(belt) == [1] * 12 + [2] * 2


def test_the_camera_s_picture_in_another_class_is_named_but_is_no_conflict(root: Path) -> None:
    save_shots(root / "train" / "belt", scene(1), 9)
    save_shots(root / "test" / "belt", scene(1), 4, first=9)
    shot(scene(1), 40).save(root / "train" / "hat" / "wrong.png")
    index = scan(root)
    assert notes(index).endswith("; 1 image of another class looks like them: train/hat/wrong.png")
    assert named(index, "conflicting_lookalikes") == []
    assert named(index, "crossing_lookalikes") == list(LEAKED)
