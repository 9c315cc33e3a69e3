"""COCO: one JSON file for many pictures (Lin et al., ECCV 2014). A box is x, y, width and height in pixels from 0."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlsearch.folders.boxes.box import (
    AnnotatedBox,
    Box,
    DamagedBoxesError,
    OtherFileError,
    ParsedBoxes,
    checked,
)

MOST_BYTES = 500_000_000

_KEYS = (b'"images"', b'"annotations"', b'"bbox"')


@dataclass(frozen=True, kw_only=True)
class BoxedPicture:
    """A picture with its boxes, to be written.

    Attributes:
        file_name: The name of its file, or the path below the folder of pictures.
        size: Width and height in pixels.
        boxes: Those in it.
        scores: The probability of each box's label; empty where nothing is known of it.
    """

    file_name: str
    size: tuple[int, int]
    boxes: tuple[Box, ...]
    scores: tuple[float, ...] = ()


def read_coco(data: bytes) -> dict[str, ParsedBoxes]:
    """Give what a file says of each picture, by its file name.

    Boxes around crowds are left out, for they are around many things.

    Raises:
        OtherFileError: It is JSON of another kind.
        DamagedBoxesError: It is no JSON that can be read.
    """
    if not data[:100].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or not all(key in data for key in _KEYS):
        raise OtherFileError  # before a large file of another kind is parsed
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise DamagedBoxesError("it is broken JSON") from None
    if not isinstance(parsed, dict) or not all(
        isinstance(parsed.get(part), list) for part in ("images", "annotations")
    ):
        raise OtherFileError
    labels = {
        _key(item.get("id")): str(item.get("name", ""))
        for item in parsed.get("categories") or ()
        if isinstance(item, dict)
    }
    pictures = {
        _key(item.get("id")): (item["file_name"], _size(item))
        for item in parsed["images"]
        if isinstance(item, dict) and isinstance(item.get("file_name"), str)
    }
    if not pictures:
        raise OtherFileError
    boxes: dict[str, list[AnnotatedBox]] = {name: [] for name, _ in pictures.values()}
    faults: dict[str, list[str]] = defaultdict(list)
    for item in parsed["annotations"]:
        if not isinstance(item, dict) or (picture := pictures.get(_key(item.get("image_id")))) is None:
            continue
        if item.get("iscrowd") in (1, True):
            continue
        name, size = picture
        try:
            boxes[name].append(_box(item, labels, size))
        except DamagedBoxesError as error:
            faults[name].append(error.reason)
    return {name: ParsedBoxes(tuple(held), tuple(faults.get(name, ()))) for name, held in boxes.items()}


def write_coco(pictures: Sequence[BoxedPicture], classes: Sequence[str]) -> bytes:
    """Give pictures with their boxes as one file, in UTF-8. Ids count from 1.

    Args:
        pictures: With their boxes, whose labels are among the classes.
        classes: The categories, in their order.
    """
    place = {name: number for number, name in enumerate(classes, 1)}
    annotations: list[dict[str, Any]] = []
    for picture_id, picture in enumerate(pictures, 1):
        for number, box in enumerate(picture.boxes):
            width, height = box.x_max - box.x_min, box.y_max - box.y_min
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture_id,
                    "category_id": place[box.label],
                    "bbox": [box.x_min, box.y_min, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                    **({"score": picture.scores[number]} if picture.scores else {}),
                }
            )
    written = {
        "info": {"description": "boxes from heat maps by tlsearch"},
        "images": [
            {"id": number, "file_name": picture.file_name, "width": picture.size[0], "height": picture.size[1]}
            for number, picture in enumerate(pictures, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in place.items()],
    }
    return (json.dumps(written, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _key(identity: object) -> str:
    """An id, which some programs write as a number here and as a text there."""
    return str(identity)


def _size(item: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = item.get("width"), item.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float) and 1 <= width < 1e9 and 1 <= height < 1e9:
        return int(width), int(height)
    return None


def _box(item: Mapping[str, Any], labels: Mapping[str, str], size: tuple[int, int] | None) -> AnnotatedBox:
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(type(value) in (int, float) for value in box):
        raise DamagedBoxesError("a bbox is not four numbers")
    x, y, width, height = (float(value) for value in box)
    identity = _key(item.get("category_id"))
    label = labels.get(identity, "" if item.get("category_id") is None else identity)
    return checked(AnnotatedBox(x_min=x, y_min=y, x_max=x + width, y_max=y + height, label=label, size=size))
