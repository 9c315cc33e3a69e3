"""Boxes as lists: the JSON and the CSV that ``tlsearch explain`` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tlsearch.folders.boxes.box import (
    AnnotatedBox,
    DamagedBoxesError,
    OtherFileError,
    ParsedBoxes,
    checked,
)
from tlsearch.folders.boxes.coco import BoxedPicture
from tlsearch.utils.texts import csv_line

_EDGES = ("x_min", "y_min", "x_max", "y_max")

CSV_COLUMNS = ("path", "width", "height", "label", "probability", "xmin", "ymin", "xmax", "ymax")
"""The columns of the CSV, a row for each box; those of the edges are empty where a picture has none."""


def read_plain(data: bytes) -> dict[str, ParsedBoxes]:
    """Give what the JSON of ``write_json`` says of each picture, by its path.

    Raises:
        OtherFileError: It is JSON of another kind.
        DamagedBoxesError: It is no JSON that can be read.
    """
    if not data[:100].lstrip().startswith(b"[") or b'"boxes"' not in data:
        raise OtherFileError
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise DamagedBoxesError("it is broken JSON") from None
    pictures = [item for item in parsed if _is_picture(item)]
    if not pictures or len(pictures) < len(parsed):
        raise OtherFileError
    return {item["path"]: _parsed(item) for item in pictures}


def write_json(pictures: Sequence[BoxedPicture]) -> bytes:
    """Give a list of pictures, each with its boxes, as JSON in UTF-8. Edges are pixels from 0."""
    written = [
        {
            "path": picture.file_name,
            "width": picture.size[0],
            "height": picture.size[1],
            "boxes": [
                {
                    "label": box.label,
                    **({"probability": picture.scores[number]} if picture.scores else {}),
                    **dict(zip(_EDGES, box.corners, strict=True)),
                }
                for number, box in enumerate(picture.boxes)
            ],
        }
        for picture in pictures
    ]
    return (json.dumps(written, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def write_csv(pictures: Sequence[BoxedPicture]) -> bytes:
    """Give pictures with their boxes as rows with the columns ``CSV_COLUMNS``, in UTF-8. Edges are pixels from 0."""
    lines = [csv_line(CSV_COLUMNS)]
    for picture in pictures:
        start = picture.file_name, *picture.size
        for number, box in enumerate(picture.boxes):
            score = picture.scores[number] if picture.scores else ""
            lines.append(csv_line([*start, box.label, score, *box.corners]))
        if not picture.boxes:
            lines.append(csv_line([*start, "", "", "", "", "", ""]))
    return "".join(lines).encode("utf-8", "replace")


def _is_picture(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("path"), str) and isinstance(item.get("boxes"), list)


def _parsed(item: dict[str, Any]) -> ParsedBoxes:
    boxes, faults = [], []
    width, height = item.get("width"), item.get("height")
    size = (width, height) if type(width) is int and type(height) is int and min(width, height) > 0 else None
    for box in item["boxes"]:
        edges = [box.get(name) if isinstance(box, dict) else None for name in _EDGES]
        if not all(type(edge) in (int, float) for edge in edges):
            faults.append("an edge of a box is not a number")
            continue
        x_min, y_min, x_max, y_max = (float(edge) for edge in edges if edge is not None)
        box = AnnotatedBox(
            x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, label=str(box.get("label") or ""), size=size
        )
        try:
            boxes.append(checked(box))
        except DamagedBoxesError as error:
            faults.append(error.reason)
    return ParsedBoxes(tuple(boxes), tuple(faults))
