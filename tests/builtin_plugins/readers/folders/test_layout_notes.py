"""What of a tree is left out, and what its owner is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.readers.folders import CAT_DOG, plant, read, summary
from tlsearch.data.survey import scan
from tlsearch.errors import DataError, UsageError
from tlsearch.folders.walk import files_of


def test_the_working_directory_is_read_as_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, CAT_DOG)
    monkeypatch.chdir(tmp_path)
    assert [item.path for item in read(Path()).items] == [item.path for item in read(tmp_path).items]


def test_the_training_folder_is_not_named_for_another_part(tmp_path: Path) -> None:
    root = plant(tmp_path, ("robo/train/a", "robo/train/b", "robo/test/a", "robo/test/b"))
    with pytest.raises(UsageError, match=r"--test names the training folder .*robo/train, .* --train DIR"):
        read(root, parts={"test": "robo/train"})
    both = read(root, parts={"test": "robo/train", "train": "robo/test"})
    assert summary(both) == {
        **{f"robo/train/{name}": f"test:{name}" for name in "ab"},
        **{f"robo/test/{name}": f"train:{name}" for name in "ab"},
    }


def test_other_classes_in_a_folder_that_was_named(tmp_path: Path) -> None:
    root = plant(tmp_path, ("set/a", "set/b", "more/c", "more/d"))
    with pytest.raises(DataError, match=r"The classes of val .* \(c, d\) are none of those .*, or leave out --val\."):
        read(root / "set", parts={"val": str(root / "more")})


def test_lists_that_are_not_read_are_named(tmp_path: Path) -> None:
    tree = ("images/cat", "images/dog", "images/train.txt", "meta/test.txt", "labels.json", "README.txt", "notes.json")
    (note,) = read(plant(tmp_path, (*tree, "metadata.xlsx", "notes.xlsx"))).notes
    lists = "labels.json, metadata.xlsx, test.txt, train.txt"
    assert note.startswith(f"not read: {lists}; what such a list says can stand in a table")


def test_archives_in_a_folder_without_images_are_named(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("data/train.zip", "data/test.tar.gz", "data/notes.txt")))
    assert [entry.path for entry in reading.skipped] == ["data/test.tar.gz", "data/train.zip"]
    with pytest.raises(DataError, match=r"2 files are each an archive of its own: unpack it, and name the folder"):
        scan(tmp_path)


def test_a_folder_that_is_left_out_counts_as_its_images(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("train/a", "train/b", "test", "other/x", "other/y"), per_folder=3))
    assert {entry.path: entry.count for entry in reading.skipped} == {"other": 6, "test": 3}
    assert files_of(reading.skipped) == "9 files"


def test_masks_of_several_folders_are_told_by_the_names_of_their_files(tmp_path: Path) -> None:
    for folder, name in (("masks", "{}_mask.png"), ("ill", "{}.jpg"), ("well", "{}.jpg")):
        for inner in ("2020-01", "2020-02"):
            for picture in ("anna", "bert"):
                file = tmp_path / folder / inner / name.format(f"{picture}_{inner}")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"\xff\xd8\xff")
    reading = read(tmp_path, layout="auto")
    assert {entry.path for entry in reading.skipped} == {"masks"}


def test_hidden_folders_are_told_and_hidden_files_are_not(tmp_path: Path) -> None:
    """A class may be called ``.net``; ``.DS_Store`` is everywhere."""
    plant(tmp_path, ("java", "c", ".net", "java/.thumbnails"))
    (tmp_path / "c" / ".DS_Store").write_bytes(b"x")
    reading = read(tmp_path)
    assert {label for item in reading.items for label in item.labels} == {"java", "c"}
    assert reading.passed_over == {"hidden folders": 2, "hidden": 1}


def test_what_is_excluded_may_lie_in_a_folder_that_is_named(tmp_path: Path) -> None:
    root = plant(tmp_path, ("set/a", "set/b", "more/a", "more/b", "more/junk"))
    reading = read(root / "set", parts={"val": str(root / "more")}, exclude=("junk",))
    assert {item.path.rpartition("/")[0] for item in reading.items} == {"a", "b", "val/a", "val/b"}
    with pytest.raises(UsageError, match="--exclude 'rubbish' fits nothing in"):
        read(root / "set", parts={"val": str(root / "more")}, exclude=("rubbish",))


@pytest.mark.parametrize("pattern", ["./old", "old/", "./old/", "old"])
def test_what_is_excluded_may_begin_with_a_point(tmp_path: Path, pattern: str) -> None:
    reading = read(plant(tmp_path, ("cat", "dog", "old")), exclude=(pattern,))
    assert summary(reading) == {"cat": "cat", "dog": "dog"}


PAIRS: dict[str, tuple[str, str]] = {
    "numbers in brackets": (
        "benign (1).png|benign (1)_mask.png|benign (1)_mask_1.png|benign (2).png|benign (2)_mask.png",
        "benign (1).png|benign (2).png",
    ),
    "other words and endings": (
        "a.jpg|a_seg.png|b.jpg|b_segmentation.png|c.jpg|c-label.png|d.jpg|d.jpg_mask.png|e.jpg|e_GroundTruth.png",
        "a.jpg|b.jpg|c.jpg|d.jpg|e.jpg",
    ),
    "words of masks without an image": ("mask_1.jpg|mask_2.jpg|a_mask.jpg|b_mask.jpg", ""),
    "most of them without an image": ("a.jpg|a_label.jpg|b_label.jpg|c_label.jpg", ""),
    "other words": ("a.jpg|a_left.jpg|a_2.jpg|b.jpg", ""),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pictures_that_are_called_like_masks_of_others_are_left_out(tmp_path: Path, name: str) -> None:
    files, expected = (text.split("|") for text in PAIRS[name])
    expected = sorted(files) if expected == [""] else expected
    plant(tmp_path, (f"{label}/{file}" for label in CAT_DOG for file in files))
    reading = read(tmp_path)
    assert [item.path for item in reading.items] == [f"{label}/{file}" for label in CAT_DOG for file in expected]
    left_out = {entry.path for entry in reading.skipped if "is called like a mask of " in entry.reason}
    assert len(left_out) == 2 * (len(files) - len(expected))
    assert any("called like masks of others" in note for note in reading.notes) == bool(left_out)


def test_a_class_of_masks_holds_its_images(tmp_path: Path) -> None:
    files = ("0.jpg", "0_mask.jpg", "1.jpg", "1_mask.jpg")
    reading = read(plant(tmp_path, (f"{label}/{file}" for label in ("mask", "no_mask") for file in files)))
    assert len(reading.items) == 8


def test_masks_within_classes_are_counted(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("ill/images", "ill/masks", "well/images", "well/masks")))
    assert [(entry.path, entry.reason) for entry in reading.skipped] == [
        (f"{label}/masks", f"it holds pictures made of the images in {label} (2 images)") for label in ("ill", "well")
    ]


@pytest.mark.parametrize(
    "tree", ["DCIM/100APPLE DCIM/101APPLE", "2024-01-05 2024-01-06", "2024_01 2024_02", "patient_1 patient_2"]
)
def test_names_that_number_what_was_collected_are_remarked_upon(tmp_path: Path, tree: str) -> None:
    notes = read(plant(tmp_path, tree.split())).notes
    assert any("are read as classes, and their names are like those of cameras, days or patients" in n for n in notes)


@pytest.mark.parametrize("tree", ["cat dog", "0 1", "2019 2020", "100APPLE cat", "12345678 12345679"])
def test_other_names_are_not_remarked_upon(tmp_path: Path, tree: str) -> None:
    assert not read(plant(tmp_path, tree.split())).notes


def test_what_is_advised_to_leave_out_leaves_the_rest(tmp_path: Path) -> None:
    root = plant(tmp_path, ("flowers/cat", "flowers/dog", "flowers/flowers/cat", "flowers/flowers/dog"))
    assert summary(read(root, exclude=("flowers/flowers",))) == {"cat": "cat", "dog": "dog"}


def test_folds_within_training_and_the_place_of_classes_are_said(tmp_path: Path) -> None:
    tree = "train/fold0/a train/fold0/b train/fold1/a train/fold1/b test/a test/b"
    understood = read(plant(tmp_path / "folds", tree.split())).understood
    assert understood[0] == "train: train/fold0, train/fold1 (2 classes, 8 files, 2 folds)"
    assert read(plant(tmp_path / "plain", CAT_DOG)).understood == ("classes: . (2 classes, 4 files)",)


def test_an_archive_beside_class_folders_is_counted(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("cat", "dog", "bird.zip")))
    assert [entry.path for entry in reading.skipped] == ["bird.zip"]


def test_a_class_of_marks_alone_is_no_other_class_of_marks(tmp_path: Path) -> None:
    tree = ("train/+", "train/7", "test/+", "test/7", "test/=")
    reading = read(plant(tmp_path, tree))
    assert summary(reading) == {"train/+": "train:+", "train/7": "train:7", "test/+": "test:+", "test/7": "test:7"}
    assert [entry.path for entry in reading.skipped] == ["test/="]


def test_what_lies_beside_a_named_training_folder_is_left_out_and_told(tmp_path: Path) -> None:
    """Also a test folder that would be read without the option: the test part is drawn from training then."""
    tree = ("set/train/a", "set/train/b", "set/test/a", "set/test/b", "other/c", "deep/er/val/a", "deep/er/val/b")
    root = plant(tmp_path, tree)
    reading = read(root, parts={"train": "set/train", "val": "deep/er/val"})
    assert {item.split for item in reading.items} == {"train", "val"}
    assert [(entry.path, entry.count) for entry in reading.skipped] == [("other", 2), ("set/test", 4)]
    assert all(entry.reason.startswith("it lies beside the folders that are named") for entry in reading.skipped)
    assert read(root / "set", parts={"train": "train", "test": "test"}).skipped == ()
    away = read(root / "other", parts={"train": str(root / "set/train")})
    assert [entry.path for entry in away.skipped] == ["c"]
