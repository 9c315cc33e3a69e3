"""Boxes beside images: they are found in every usual place, and change nothing of how the images are read."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.readers.boxes import CLASSES, SIZE, box_of, boxes, expected, images, voc, write, yolo
from tlsearch.data.sources import read_source
from tlsearch.data.survey import survey
from tlsearch.folders.boxes.coco import BoxedPicture, write_coco
from tlsearch.folders.boxes.plain import write_json
from tlsearch.plugin_api import Item, Reading, ReadingOptions

YOLO = "1 0.35 0.65 0.5 0.5\n"


def plain(reading: Reading) -> list[Item]:
    return [replace(item, boxes=()) for item in reading.items]


PLACES: dict[str, Callable[[Path, Path], tuple[Path, bytes]]] = {
    "Annotations": lambda root, file: (root / "Annotations" / f"{file.stem}.xml", voc(file)),
    "Annotations by class": lambda root, file: (
        root / "Annotations" / file.parent.name / f"{file.stem}.xml", voc(file),
    ),
    "annotations/xmls": lambda root, file: (root / "annotations" / "xmls" / f"{file.stem}.xml", voc(file)),
    "without an ending": lambda root, file: (root / "Annotation" / file.parent.name / file.stem, voc(file)),
    "XML beside the image": lambda root, file: (file.with_suffix(".xml"), voc(file)),
    "XML in the class": lambda root, file: (file.parent / "xml" / f"{file.stem}.xml", voc(file)),
    "labels": lambda root, file: (root / "labels" / f"{file.stem}.txt", yolo(file)),
    "labels by class": lambda root, file: (root / "labels" / file.parent.name / f"{file.stem}.txt", yolo(file)),
    "text beside the image": lambda root, file: (file.with_suffix(".txt"), yolo(file)),
}  # fmt: skip


@pytest.mark.parametrize("place", list(PLACES))
def test_files_for_each_image_are_found_and_are_no_images(tmp_path: Path, place: str) -> None:
    files = images(tmp_path)
    before = read_source(tmp_path)
    for file in files:
        write(*PLACES[place](tmp_path, file))
    write(tmp_path / "labels" / "classes.txt", "\n".join(CLASSES))
    reading = read_source(tmp_path)
    assert plain(reading) == list(before.items)
    assert boxes(reading) == expected(reading)
    assert [line for line in reading.understood if line.startswith("boxes: ")] != []
    assert [entry for entry in reading.skipped if "labels" not in entry.path] == []
    assert not reading.notes
    assert [image.boxes for image in survey(reading).images] == [item.boxes for item in reading.items]


@pytest.mark.parametrize("inner", [False, True])
def test_splits_of_images_and_labels_as_yolo_has_them(tmp_path: Path, inner: bool) -> None:
    """``images/train/ash/1.png`` with ``labels/train/1.txt``, or ``train/ash`` with ``train/labels``."""
    for number, part in enumerate(("train", "val", "test")):
        folder = tmp_path / part if inner else tmp_path / "images" / part
        for file in images(folder, seed=number):
            target = tmp_path / part / "labels" if inner else tmp_path / "labels" / part
            write(target / f"{file.stem}.txt", yolo(file))
    write(tmp_path / "data.yaml", "path: .\nnames:\n  0: ash\n  1: birch\n")
    reading = read_source(tmp_path)
    assert {item.split for item in reading.items} == {"train", "val", "test"}
    assert {label for item in reading.items for label in item.labels} == set(CLASSES)
    assert boxes(reading) == expected(reading)


def test_the_cache_of_yolo_makes_no_class_of_its_labels(tmp_path: Path) -> None:
    """It is an array of NumPy under another name, and lay there alone as what may be an image."""
    files = images(tmp_path)
    for file in files:
        write(tmp_path / "labels" / f"{file.stem}.txt", yolo(file))
    write(tmp_path / "labels" / "train.cache", b"\x93NUMPY\x01\0v\0{}")
    write(tmp_path / "labels.cache", b"\x93NUMPY\x01\0v\0{}")
    assert {label for item in read_source(tmp_path).items for label in item.labels} == set(CLASSES)


@pytest.mark.parametrize("name", ["annotations/instances_train.json", "labels.json", "_annotations.coco.json"])
@pytest.mark.parametrize("below", [True, False])
def test_coco_is_found_by_paths_and_by_names(tmp_path: Path, name: str, below: bool) -> None:
    files = images(tmp_path)
    pictures = [
        BoxedPicture(
            file_name=f"{file.parent.name}/{file.name}" if below else file.name, size=SIZE, boxes=(box_of(file),)
        )
        for file in files
    ]
    write(tmp_path / name, write_coco(pictures, CLASSES))
    reading = read_source(tmp_path)
    assert boxes(reading) == expected(reading)
    assert not reading.notes  # a list that has been read is not called unread
    assert not reading.skipped


def test_the_json_that_explain_writes_is_found(tmp_path: Path) -> None:
    files = images(tmp_path)
    pictures = [BoxedPicture(file_name=str(file), size=SIZE, boxes=(box_of(file),), scores=(0.9,)) for file in files]
    write(tmp_path / "boxes.json", write_json(pictures))
    reading = read_source(tmp_path)
    assert boxes(reading) == expected(reading)


def test_damaged_files_are_named_and_cost_no_others(tmp_path: Path) -> None:
    files = images(tmp_path)
    for file in files:
        write(tmp_path / "Annotations" / f"{file.stem}.xml", voc(file))
    write(tmp_path / "Annotations" / f"{files[0].stem}.xml", voc(files[0])[:-30])
    write(tmp_path / "Annotations" / f"{files[1].stem}.xml", voc(files[1]).replace(b"<xmax>", b"<xmax>many"))
    reading = read_source(tmp_path)
    found = boxes(reading)
    assert len(reading.items) == len(files)
    assert [path for path, held in found.items() if not held] == ["ash/ash-000.png", "ash/ash-001.png"]
    assert {path: held for path, held in found.items() if held} == {
        path: held for path, held in expected(reading).items() if found[path]
    }
    [skipped] = reading.skipped
    assert skipped.path == "Annotations/ash-000.xml"
    assert "broken XML" in skipped.reason
    assert any("1 box set aside" in note and "not a number" in note for note in reading.notes)


def test_files_that_are_all_refused_are_named(tmp_path: Path) -> None:
    """A billion laughs, and files of others: nothing of it is opened, nothing is an image."""
    laughs = b"<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><annotation>&b;</annotation>"
    for file in images(tmp_path):
        write(file.with_suffix(".xml"), laughs)
    reading = read_source(tmp_path)
    assert not any(item.boxes for item in reading.items)
    assert len(reading.items) == len(reading.skipped) == 10
    assert {entry.reason for entry in reading.skipped} == {
        "it has a document type (DOCTYPE), which no annotation needs"
    }
    assert not [line for line in reading.understood if "boxes" in line]


def test_a_file_that_fits_two_images_alike_is_set_aside(tmp_path: Path) -> None:
    images(tmp_path, per_class=4, same_names=True)
    for name in CLASSES:
        for number in range(4):
            write(tmp_path / "labels" / name / f"{number:03}.txt", YOLO)
    write(tmp_path / "labels" / "000.txt", YOLO)
    reading = read_source(tmp_path)
    assert all(len(item.boxes) == 1 for item in reading.items)  # those in the folder of the class fit better
    for name in CLASSES:
        (tmp_path / "labels" / name / "000.txt").unlink()
    reading = read_source(tmp_path)
    assert sorted(item.path for item in reading.items if not item.boxes) == [f"{name}/000.png" for name in CLASSES]
    assert [(entry.path, "several pictures" in entry.reason) for entry in reading.skipped] == [("labels/000.txt", True)]


def test_texts_beside_images_that_are_no_boxes_are_left_alone(tmp_path: Path) -> None:
    files = images(tmp_path)
    for file in files:
        write(file.with_suffix(".txt"), f"a photograph of {file.stem}")
    reading = read_source(tmp_path)
    assert not any(item.boxes for item in reading.items)
    assert not [line for line in reading.understood if "boxes" in line]


def test_of_two_formats_that_counts_which_has_more_boxes(tmp_path: Path) -> None:
    files = images(tmp_path)
    for number, file in enumerate(files):
        write(tmp_path / "labels" / f"{file.stem}.txt", yolo(file))
        if number < 3:
            write(tmp_path / "Annotations" / f"{file.stem}.xml", voc(file))
    reading = read_source(tmp_path)
    assert all(item.boxes for item in reading.items)
    assert [line for line in reading.understood if "boxes" in line] == ["boxes: YOLO (10 images of 10)"]
    assert [note for note in reading.notes if "Pascal VOC" in note] != []


def test_excluded_annotations_are_not_read(tmp_path: Path) -> None:
    for file in images(tmp_path):
        write(tmp_path / "Annotations" / f"{file.stem}.xml", voc(file))
    reading = read_source(tmp_path, ReadingOptions(exclude=("Annotations",)))
    assert not any(item.boxes for item in reading.items)


def test_boxes_of_an_archive_are_those_of_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    for file in images(root):
        write(root / "Annotations" / f"{file.stem}.xml", voc(file))
    archive = tmp_path / "pets.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(root.rglob("*.*")):
            packed.write(path, path.relative_to(tmp_path))
    reading = read_source(archive, ReadingOptions(cache=tmp_path / "cache"))
    assert boxes(reading) == expected(reading)
