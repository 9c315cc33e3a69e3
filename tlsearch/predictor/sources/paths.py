"""Files, folders and archives on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tlsearch.data.images.rgb import os_reason
from tlsearch.folders.archives import is_archive
from tlsearch.folders.lazy import iter_images
from tlsearch.folders.walk import Refused
from tlsearch.predictor.sources.archives import in_archive
from tlsearch.predictor.sources.picture import Picture, shown_path


def in_path(path: Path) -> Iterator[Picture]:
    """The file at ``path``, the pictures in that folder at any depth, by name, or those in that archive."""
    try:
        if path.is_dir():
            yield from _in_folder(path)
        elif is_archive(path.name) and path.is_file():
            yield from in_archive(path, shown_path(path))
        elif path.exists():
            yield Picture(name=shown_path(path), content=path)
        else:
            yield Picture(name=shown_path(path), problem="it does not exist")
    except OSError as error:
        yield Picture(name=shown_path(path), problem=os_reason(error))


def _in_folder(path: Path) -> Iterator[Picture]:
    empty = True
    for found in iter_images(path):
        empty = False
        if isinstance(found, Refused):
            yield Picture(name=shown_path(found.path), problem=found.reason)
        else:
            yield Picture(name=shown_path(found), content=found)
    if empty:
        yield Picture(name=shown_path(path), problem="it is a folder without images")
