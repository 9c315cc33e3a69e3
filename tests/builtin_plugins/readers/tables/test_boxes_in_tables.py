"""Boxes in the columns and rows of tables, and beside the images of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.readers.boxes import CLASSES, SIZE, box_of, boxes, expected, images, voc, write
from tlsearch.data.sources import read_source
from tlsearch.folders.boxes.box import Box
from tlsearch.folders.boxes.coco import BoxedPicture
from tlsearch.folders.boxes.plain import write_csv
from tlsearch.plugin_api import ReadingOptions

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
