"""Images with boxes that people drew around what their class says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlsearch.data.images.decode import ImageError, calm_pillow
from tlsearch.data.images.placement import PictureSize, picture_size, settled
from tlsearch.data.sources import read_source
from tlsearch.data.usable import label_of, require_one_label
from tlsearch.errors import UsageError
from tlsearch.folders.boxes.box import AnnotatedBox, Box, of_class
from tlsearch.utils.texts import some


@dataclass(frozen=True, kw_only=True)
class BoxedImages:
    """N images with boxes that people drew around what their class says.

    Attributes:
        files: Where they lie.
        classes: The class of each, by its place in the labels of the model.
        boxes: Those of each, one at least.
        sizes: The size of each.
        groups: Numbers of what belongs together.
    """

    files: tuple[Path, ...] = ()
    classes: tuple[int, ...] = ()
    boxes: tuple[tuple[Box, ...], ...] = ()
    sizes: tuple[PictureSize, ...] = ()
    groups: tuple[int, ...] = ()

    def at_most(self, count: int) -> BoxedImages:
        """Give ``count`` of them, evenly spaced; all if they are few."""
        if len(self.files) <= count:
            return self
        return self.of(np.linspace(0, len(self.files) - 1, count).round().astype(int).tolist())

    def of(self, rows: Sequence[int]) -> BoxedImages:
        """Give those at ``rows``."""
        return replace(
            self,
            files=tuple(self.files[row] for row in rows),
            classes=tuple(self.classes[row] for row in rows),
            boxes=tuple(self.boxes[row] for row in rows),
            sizes=tuple(self.sizes[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
        )


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """An image with its class, the number of its group, and its boxes as they were annotated."""

    file: Path
    label: int
    group: int
    boxes: tuple[AnnotatedBox, ...]


def boxed_images(images: Sequence[LabelledImage], labels: Sequence[str]) -> BoxedImages:
    """Give the images that have a usable box of their class, with these boxes in their pixels.

    Args:
        images: With their classes and boxes.
        labels: The names of the classes.
    """
    kept: list[tuple[LabelledImage, tuple[Box, ...], PictureSize]] = []
    with calm_pillow():
        for image in images:
            try:
                size = picture_size(image.file) if image.boxes else PictureSize(1, 1)
            except ImageError:
                continue
            boxes, _ = settled(image.boxes, size)
            if own := of_class(boxes, labels[image.label], labels):
                kept.append((image, own, size))
    return BoxedImages(
        files=tuple(image.file for image, _, _ in kept),
        classes=tuple(image.label for image, _, _ in kept),
        boxes=tuple(own for _, own, _ in kept),
        sizes=tuple(size for _, _, size in kept),
        groups=tuple(image.group for image, _, _ in kept),
    )


@dataclass(frozen=True)
class BoxedDataset:
    """What of a data set is scored, and what chooses the threshold; the latter is empty where the set has no parts."""

    scored: BoxedImages
    choosing: BoxedImages


def read_boxed(source: Path | str, labels: Sequence[str]) -> BoxedDataset:
    """Give the images of a data set that have boxes: of its test part, with those of its validation part to choose by.

    Without a test part those of validation are scored, and without parts all.

    Args:
        source: A folder, a table, an archive or an address, as ``tlsearch run`` reads it.
        labels: The classes of the model.

    Raises:
        UsageError: It has classes that the model does not know, or no box.
        DataError: It cannot be read.
    """
    items = list(read_source(source).items)
    require_one_label(items)
    place = {label: number for number, label in enumerate(labels)}
    unknown = sorted({label_of(item) for item in items} - set(labels))
    if unknown:
        raise UsageError(
            f"{source} has classes that the model does not know ({some(unknown)}): it knows {some(sorted(labels))}; "
            "name a data set with these classes."
        )
    if not any(item.boxes for item in items):
        raise UsageError(
            f"{source} has no boxes: put Pascal VOC XML, COCO JSON or YOLO text beside the images, or add columns "
            "xmin, ymin, xmax and ymax to its table."
        )
    parts = {item.split for item in items}
    scored = next((part for part in ("test", "val") if part in parts), None)

    def of(part: str | None) -> BoxedImages:
        images = [
            LabelledImage(file=item.file, label=place[label_of(item)], group=number, boxes=item.boxes)
            for number, item in enumerate(items)
            if part is None or item.split == part
        ]
        return boxed_images(images, labels)

    return BoxedDataset(of(scored), of("val") if scored == "test" else BoxedImages())
