"""Boxes from heat maps as files that other programs read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from tlsearch.data.images.decode import ImageError
from tlsearch.data.images.placement import PictureSize, picture_size
from tlsearch.errors import UsageError
from tlsearch.explain.boxes import Threshold, clipped, hot_boxes, placed
from tlsearch.explain.pictures import Explanation
from tlsearch.folders.boxes.box import Box
from tlsearch.folders.boxes.coco import BoxedPicture, write_coco
from tlsearch.folders.boxes.plain import write_csv, write_json
from tlsearch.folders.boxes.voc import write_voc
from tlsearch.predictor import Predictor
from tlsearch.utils.files import write_atomically

BoxFormat = Literal["json", "csv", "coco", "voc"]

VOC_FOLDER = "Annotations"
"""The folder for the files of Pascal VOC."""

FILES: Mapping[BoxFormat, str] = {"json": "boxes.json", "csv": "boxes.csv", "coco": "boxes.coco.json"}
"""What the file of each format is called that has one for all images."""


@dataclass(frozen=True, kw_only=True)
class BoxedFile:
    """The box of one file from its heat map.

    Attributes:
        path: The file.
        size: Its size as it is looked at.
        box: Around what the map is about; None where all the heat lies in the border that a picture was padded with.
        probability: That of the class of the box.
    """

    path: Path
    size: PictureSize
    box: Box | None
    probability: float


def box_of(predictor: Predictor, explanation: Explanation, threshold: Threshold) -> BoxedFile | None:
    """Give the box of an explanation; None where it is of no file on a disk, or the file could not be read.

    Args:
        predictor: The model that was explained.
        explanation: With its heat map.
        threshold: From which share of the greatest heat a place is in the box.
    """
    heat, explained, probability = explanation.heat, explanation.explained, explanation.explained_probability
    if heat is None or explained is None or probability is None or explanation.path is None:
        return None
    try:
        size = picture_size(explanation.path, predictor.decoding.max_pixels)
    except ImageError:
        return None
    shares = hot_boxes(heat[None], (threshold.value,))[0, 0]
    edges = clipped(placed(predictor, size).to_original(shares), size).tolist()
    x_min, y_min, x_max, y_max = (round(edge, 2) for edge in edges)
    box = None
    if x_max > x_min and y_max > y_min:
        box = Box(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max, label=explained)
    return BoxedFile(path=explanation.path, size=size, box=box, probability=probability)


def require_no_boxes(folder: Path, forms: Iterable[BoxFormat]) -> None:
    """Raise ``UsageError`` where boxes in one of these formats lie in a folder already.

    They are never replaced, not even tlsearch's own: people correct boxes by hand.
    """
    for form in forms:
        path = folder / FILES.get(form, VOC_FOLDER)
        if any(path.iterdir()) if path.is_dir() else path.exists():
            raise UsageError(f"{path} holds boxes already, which are never replaced: name another folder with --to.")


def write_boxes(found: Sequence[BoxedFile], form: BoxFormat, folder: Path, labels: Sequence[str]) -> Path:
    """Write boxes and give the file, or for Pascal VOC the folder, which has a file for each image.

    Args:
        found: The boxes.
        form: The format.
        folder: Where files go.
        labels: The classes of the model.

    Raises:
        UsageError: The folder cannot be written, or holds boxes in this format.
    """
    try:
        require_no_boxes(folder, [form])
        folder.mkdir(parents=True, exist_ok=True)
        if form == "voc":
            return _write_voc(found, folder / VOC_FOLDER)
        path = folder / FILES[form]
        if form == "coco":
            write_atomically(path, write_coco(_pictures(found, _below(found)), labels))
        else:
            writers: Mapping[str, Callable[[Sequence[BoxedPicture]], bytes]] = {"json": write_json, "csv": write_csv}
            write_atomically(path, writers[form](_pictures(found, [str(item.path) for item in found])))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{folder} cannot be written ({reason}): name another folder with --to.") from error
    return path


def _pictures(found: Sequence[BoxedFile], names: Iterable[str]) -> list[BoxedPicture]:
    return [
        BoxedPicture(
            file_name=name,
            size=(item.size.width, item.size.height),
            boxes=() if item.box is None else (item.box,),
            scores=() if item.box is None else (item.probability,),
        )
        for name, item in zip(names, found, strict=True)
    ]


def _below(found: Sequence[BoxedFile]) -> list[str]:
    """The paths of files below the innermost folder that holds them all, with forward slashes."""
    paths = [os.path.abspath(item.path) for item in found]  # noqa: PTH100  # symbolic links stay as they are
    common = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""  # noqa: PTH120
    return [os.path.relpath(path, common).replace(os.sep, "/") for path in paths]


def _write_voc(found: Sequence[BoxedFile], folder: Path) -> Path:
    used: set[str] = set()
    for name, item in zip(_below(found), found, strict=True):
        place = PurePosixPath(name)
        stem = place.with_suffix("")
        # Two images of one name but for the ending keep it: a.jpg.xml. An image that is named twice is written twice.
        names = (str(stem), str(place), *(f"{place}-{number}" for number in range(2, len(found) + 2)))
        target = next(each for each in names if each.casefold() not in used)
        used.add(target.casefold())
        path = folder / f"{target}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        boxes = () if item.box is None else (item.box,)
        write_atomically(path, write_voc(place.name, (item.size.width, item.size.height), boxes))
    return folder
