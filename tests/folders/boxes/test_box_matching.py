"""Which annotation file is whose: by names, and where names are not enough by folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsearch.folders.boxes.matching import Pictures

TOP = Path("/data/set")


def pictures(*names: str) -> Pictures:
    return Pictures([TOP], [TOP / name for name in names])


@pytest.mark.parametrize(
    ("picture", "annotation"),
    [
        ("cat/1.jpg", "Annotations/1.xml"),
        ("cat/1.jpg", "Annotations/cat/1.xml"),
        ("cat/1.jpg", "cat/1.txt"),
        ("images/train/cat/1.jpg", "labels/train/1.txt"),
        ("train/images/cat/1.jpg", "train/labels/cat/1.txt"),
        ("VOC2012/JPEGImages/1.jpg", "VOC2012/Annotations/1.xml"),
        ("cat/a.b.jpg", "cat/a.b.xml"),
        ("cat/a.b.jpg", "cat/a.b.jpg.xml"),
        ("Images/n02-Cat/n02_1.jpg", "Annotation/n02-Cat/n02_1"),
    ],
)
def test_an_annotation_belongs_to_the_picture_of_its_name(picture: str, annotation: str) -> None:
    other = "images/val/dog/1.jpg" if "train" in picture else "dog/9.jpg"
    found = pictures(picture, other).match([TOP / annotation])
    assert found.of == {TOP / picture: TOP / annotation}
    assert found.unclear == ()


def test_folders_tell_pictures_of_one_name_apart() -> None:
    """Also those that are called like numbers."""
    found = pictures("001/1.jpg", "002/1.jpg").match([TOP / "labels/001/1.txt", TOP / "labels/002/1.txt"])
    assert found.of == {TOP / f"{name}/1.jpg": TOP / f"labels/{name}/1.txt" for name in ("001", "002")}


def test_what_fits_two_pictures_alike_is_neither_s() -> None:
    found = pictures("cat/1.jpg", "dog/1.jpg").match([TOP / "labels/1.txt"])
    assert (found.of, found.unclear) == ({}, (TOP / "labels/1.txt",))


def test_of_two_that_fit_one_picture_alike_neither_counts() -> None:
    both = [TOP / "labels/1.txt", TOP / "boxes/1.txt"]
    found = pictures("cat/1.jpg").match(both)
    assert (found.of, set(found.unclear)) == ({}, set(both))


def test_a_name_with_the_ending_is_better() -> None:
    found = pictures("a.jpg", "a.png").match([TOP / "x/a.xml", TOP / "x/a.png.xml"])
    assert found.of == {TOP / "a.jpg": TOP / "x/a.xml", TOP / "a.png": TOP / "x/a.png.xml"}


@pytest.mark.parametrize("path", ["cat/1.jpg", "images/cat/1.jpg", "/home/me/set/cat/1.jpg", "cat\\1.jpg", "cat/1"])
def test_a_path_in_a_list_means_the_picture_whose_folders_fit(path: str) -> None:
    assert pictures("cat/1.jpg", "dog/1.jpg").named(path) == TOP / "cat/1.jpg"


def test_a_name_in_a_list_means_a_picture_if_only_one_is_called_so() -> None:
    assert pictures("cat/1.jpg", "dog/2.jpg").named("2.jpg") == TOP / "dog/2.jpg"
    assert pictures("cat/1.jpg", "dog/1.jpg").named("1.jpg") is None
    assert pictures("cat/1.jpg").named("bird/1.jpg") is None
