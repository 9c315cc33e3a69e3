"""Annotation files beside images: they are no images, and say where things are in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tlsearch.folders.boxes.find import FoundBoxes, find_boxes
from tlsearch.folders.walk import Folder, looks_like_image
from tlsearch.plugin_api import Item
from tlsearch_plugins.readers.folders.layout import Layout
from tlsearch_plugins.readers.folders.masks import without_files


def take_out(tops: Sequence[Folder], layout: Layout) -> FoundBoxes:
    """Give the boxes that annotation files in ``tops`` say, and take these files out of the classes of a layout."""
    files = [file for found in layout.classes for file in found.folder.all_files()]
    boxes = find_boxes(tops, [file for file in files if looks_like_image(file.name)])
    if boxes.used:
        layout.classes = [replace(found, folder=without_files(found.folder, boxes.used)) for found in layout.classes]
    return boxes


def with_boxes(items: Iterable[Item], found: FoundBoxes) -> Iterator[Item]:
    """Give the items with the boxes that were found."""
    for item in items:
        boxes = found.boxes.get(item.file)
        yield replace(item, boxes=boxes) if boxes else item
