"""Boxes beside images: they are found in every usual place, and change nothing of how the images are read."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import texture
from tlsearch.data.sources import read_source
from tlsearch.data.survey import survey
from tlsearch.folders.boxes.box import Box, settle
from tlsearch.folders.boxes.coco import BoxedPicture, write_coco
from tlsearch.folders.boxes.plain import write_csv, write_json
from tlsearch.folders.boxes.voc import write_voc
from tlsearch.plugin_api import Item, Reading, ReadingOptions

CLASSES = ("ash", "birch")
SIZE = (32, 32)
YOLO = "1 0.35 0.65 0.5 0.5\n"


def images(folder: Path, per_class: int = 5, seed: int = 0, *, same_names: bool = False) -> list[Path]:
    """Pictures of two classes in ``folder``, by path; their names are theirs alone unless they are numbers."""
    rng = np.random.default_rng(seed)
    files = []
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            file = folder / name / (f"{number:03}.png" if same_names else f"{name}-{number:03}.png")
            Image.fromarray(texture(label, SIZE[0], rng)).save(file)
            files.append(file)
    return files


def box_of(file: Path) -> Box:
    """A box that is the picture's alone."""
    number = int(file.stem.rpartition("-")[2]) + (10 if "birch" in file.stem else 0)
    return Box(x_min=number, y_min=2, x_max=number + 8, y_max=20, label=file.stem.partition("-")[0])


def voc(file: Path) -> bytes:
    return write_voc(file.name, SIZE, [box_of(file)])


def yolo(file: Path) -> bytes:
    box = box_of(file)
    x, y = (box.x_min + box.x_max) / 64, (box.y_min + box.y_max) / 64
    shares = (x, y, (box.x_max - box.x_min) / 32, (box.y_max - box.y_min) / 32)
    return f"{CLASSES.index(box.label)} {' '.join(map(str, shares))}\n".encode()


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def boxes(reading: Reading) -> dict[str, list[Box]]:
    """The boxes in pixels, without what is lost where shares become pixels."""
    return {item.path: [rounded(settle(box, *SIZE)) for box in item.boxes] for item in reading.items}


def rounded(box: Box) -> Box:
    x_min, y_min, x_max, y_max = (round(edge, 6) for edge in box.corners)
    return Box(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, label=box.label)


def expected(reading: Reading) -> dict[str, list[Box]]:
    return {item.path: [box_of(item.file)] for item in reading.items}


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


COLUMNS: dict[str, tuple[str, Callable[[Box], Sequence[float]]]] = {
    "edges": ("xmin,ymin,xmax,ymax", lambda b: b.corners),
    "edges with a line": ("x_min,y_min,x_max,y_max", lambda b: b.corners),
    "numbered edges": ("x1,y1,x2,y2", lambda b: b.corners),
    "Open Images": ("XMin,YMin,XMax,YMax", lambda b: tuple(edge / 32 for edge in b.corners)),
    "sides": ("left,top,right,bottom", lambda b: b.corners),
    "corner and size": ("x,y,w,h", lambda b: (b.x_min, b.y_min, b.x_max - b.x_min, b.y_max - b.y_min)),
    "bbox": (
        "bbox_x,bbox_y,bbox_width,bbox_height", lambda b: (b.x_min, b.y_min, b.x_max - b.x_min, b.y_max - b.y_min),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(COLUMNS))
def test_columns_of_a_table_say_boxes(tmp_path: Path, kind: str) -> None:
    header, values = COLUMNS[kind]
    files = images(tmp_path / "images")
    rows = [f"{file.name},{box_of(file).label},{','.join(map(str, values(box_of(file))))}" for file in files]
    table = write(tmp_path / "boxes.csv", "\n".join([f"filename,class,{header}", *rows]))
    reading = read_source(table)
    assert {next(iter(item.labels)) for item in reading.items} == set(CLASSES)
    assert boxes(reading) == expected(reading)
    assert not reading.notes


def test_a_table_may_have_a_row_for_each_box_and_the_size_of_the_image(tmp_path: Path) -> None:
    """As TensorFlow's object detection has it; a box that was drawn on a larger copy is made smaller."""
    files = images(tmp_path / "images")
    rows = []
    for file in files:
        for box in (box_of(file), replace(box_of(file), y_min=22, y_max=30)):
            edges = ",".join(str(2 * edge) for edge in box.corners)
            rows.append(f"{file.name},64,64,{box.label},{edges}")
    rows.append(rows[0])
    table = write(tmp_path / "labels.csv", "\n".join(["filename,width,height,class,xmin,ymin,xmax,ymax", *rows]))
    reading = read_source(table)
    assert boxes(reading) == {
        item.path: [box_of(item.file), replace(box_of(item.file), y_min=22, y_max=30)] for item in reading.items
    }
    assert [note for note in reading.notes if "again" in note] == [
        "the table has an image again in 1 row: it counts once"
    ]


def test_a_table_of_boxes_beside_class_folders(tmp_path: Path) -> None:
    """It need not say a label, and is not called unused."""
    files = images(tmp_path)
    rows = [f"{file.name},{','.join(map(str, box_of(file).corners))}" for file in files]
    write(tmp_path / "boxes.csv", "\n".join(["image,xmin,ymin,xmax,ymax", *rows]))
    reading = read_source(tmp_path)
    assert {
        item.path: [box.x_min for box in held]
        for item, held in zip(reading.items, boxes(reading).values(), strict=True)
    } == {item.path: [box_of(item.file).x_min] for item in reading.items}
    assert not reading.notes


def test_the_csv_that_explain_writes_is_read_as_a_table(tmp_path: Path) -> None:
    files = images(tmp_path)
    pictures = [BoxedPicture(file_name=str(file), size=SIZE, boxes=(box_of(file),), scores=(0.9,)) for file in files]
    reading = read_source(
        write(tmp_path / "found" / "boxes.csv", write_csv(pictures)), ReadingOptions(images=str(tmp_path))
    )
    assert boxes(reading) == expected(reading)


def test_files_beside_the_images_of_a_table(tmp_path: Path) -> None:
    files = images(tmp_path / "JPEGImages")
    for file in files:
        write(tmp_path / "Annotations" / f"{file.stem}.xml", voc(file))
    table = write(tmp_path / "labels.csv", "\n".join(["file,label", *(f"{f.name},{f.parent.name}" for f in files)]))
    reading = read_source(table)
    assert boxes(reading) == expected(reading)


def test_rows_with_damaged_boxes_keep_their_images(tmp_path: Path) -> None:
    files = images(tmp_path / "images")
    rows = [f"{file.name},{box_of(file).label},{','.join(map(str, box_of(file).corners))}" for file in files]
    rows[0] = f"{files[0].name},ash,5,5,5,9"
    rows[1] = f"{files[1].name},ash,5,5,many,9"
    rows[2] = f"{files[2].name},ash,,,,"
    table = write(tmp_path / "boxes.csv", "\n".join(["filename,class,xmin,ymin,xmax,ymax", *rows]))
    reading = read_source(table)
    assert len(reading.items) == len(files)
    assert sum(not item.boxes for item in reading.items) == 3
    assert any("2 boxes of boxes.csv set aside" in note for note in reading.notes)
