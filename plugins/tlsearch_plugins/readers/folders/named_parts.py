"""Folders of training, validation and test images that the user has named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tlsearch.errors import DataError, UsageError
from tlsearch.folders.walk import Folder, relative_name
from tlsearch.plugin_api import ReadingOptions
from tlsearch.plugins.kinds.reader import PartName
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.chosen import LAYOUTS, WITHIN
from tlsearch_plugins.readers.folders.inspect import enter, holds_classes, without
from tlsearch_plugins.readers.folders.layout import Layout, LeftOut
from tlsearch_plugins.readers.folders.pruned import Pruning
from tlsearch_plugins.readers.folders.rules import add_part, understand

NOT_NAMED = "it lies beside the folders that are named, and --train says that the rest is not for training"


class Places:
    """The names for people of what lies in the folders that were walked: paths below the root.

    What lies in another folder that the user has named begins with the name of its part.
    """

    def __init__(self, root: Folder, *outer: Folder) -> None:
        self._starts = [(_start(root), ""), *((_start(folder), "") for folder in outer)]

    def add(self, folder: Folder, part: str) -> None:
        """Let the names of what lies in ``folder`` begin with ``part``."""
        self._starts.insert(0, (_start(folder), f"{part}/"))

    def prefix_of(self, path: Path) -> str:
        """What begins the names of what lies beside ``path``; empty below the root."""
        return next((prefix for start, prefix in self._starts if str(path).startswith(start)), "")

    def name_of(self, path: Path) -> str:
        """The name of what lies at ``path``."""
        text = str(path)
        for start, prefix in self._starts:
            if text.startswith(start):
                return relative_name(prefix + text[len(start) :].replace(os.sep, "/"))
        return relative_name(path.name)


def _start(folder: Folder) -> str:
    """What the paths of files in a folder begin with: nothing in the working directory."""
    path = str(folder.path)
    return "" if path == os.curdir else path.rstrip(os.sep) + os.sep


def read_named_parts(root: Folder, options: ReadingOptions, places: Places, pruning: Pruning) -> Layout:
    """The layout of ``root`` where the user names the folders of some parts.

    Folders elsewhere are walked by ``pruning``. Where no training folder is named, all else in ``root`` is read as if
    it were alone. Raises ``UsageError`` where a named folder is none, where two of them lie in each other, or where
    ``root`` has such a part of its own.
    """
    named: dict[PartName, Folder] = {}
    for part, wanted in options.parts.items():
        path = _existing(root, wanted)
        inside = _inside(root, path.resolve())
        named[part] = inside or pruning.walk(path).root
        if inside is None:
            places.add(named[part], part)
    pruning.require_all_used(root.path)
    _require_apart(root, named)
    layout = _nothing_else(root, named) if "train" in named else _read_rest(root, named, options.layout)
    for part, folder in named.items():
        if any(found.split == part for found in layout.classes):
            raise UsageError(
                f"{root.path} has a {part} folder of its own: leave out --{part}, or leave that folder out with "
                "--exclude."
            )
        if not holds_classes(folder):
            raise DataError(
                f"The images in {folder.path} lie in no class folder: put those of each class into one of their own."
                if folder.holds_images
                else f"{folder.path} holds no image: name a folder that holds one folder of images a class."
            )
        add_part(layout, folder, part, WITHIN[options.layout])
    if "train" not in named and any(found.split == "train" for found in layout.classes):
        return layout
    layout.classes = [replace(found, split=found.split or "train") for found in layout.classes]
    return layout


def _nothing_else(root: Folder, named: Mapping[PartName, Folder]) -> Layout:
    """A layout without classes yet, that leaves out what lies in ``root`` beside the named folders."""
    beside = _beside(root, list(named.values()))
    return Layout(kind="splits", classes=[], left_out=[LeftOut(folder, NOT_NAMED) for folder in beside])


def _beside(folder: Folder, named: Sequence[Folder]) -> Iterator[Folder]:
    """The folders with images that neither are in a named one nor lead to one."""
    for inner in folder.image_folders if folder not in named else ():
        leads = any(inner.path in each.path.parents for each in named)
        if leads:
            yield from _beside(inner, named)
        elif inner not in named:
            yield inner


def _read_rest(root: Folder, named: Mapping[PartName, Folder], layout: str) -> Layout:
    """What lies in ``root`` beside the named folders, for training.

    Raises ``UsageError`` where one of them is the training folder itself, so that nothing is left to train on.
    """
    alone, _ = enter(without_any(root, list(named.values())))
    try:
        found = understand(alone) if layout == "auto" else LAYOUTS[layout](alone)
    except DataError:
        for part, folder in named.items():
            if names.part_and_rest(folder.name) == ("train", ()):
                raise UsageError(
                    f"--{part} names the training folder {folder.path}, and the rest of {root.path} holds no other: "
                    "name the folder to train on with --train DIR."
                ) from None
        raise
    found.kind = "splits"
    return found


def without_any(root: Folder, leave: list[Folder]) -> Folder:
    """The same folder as if ``leave`` were not in it, at any depth."""
    kept = without(root, leave)
    return replace(kept, folders=[without_any(inner, leave) for inner in kept.folders])


def _existing(root: Folder, wanted: str) -> Path:
    """The folder that ``wanted`` names: below the root, or from the working directory."""
    for path in (root.path / wanted, Path(wanted)):
        if path.is_dir():
            return path
    what = "is not a folder" if Path(wanted).exists() else "does not exist"
    raise DataError(f"{wanted} {what}: name a folder that holds one folder of images for each class.")


def _inside(folder: Folder, wanted: Path) -> Folder | None:
    """The folder below ``folder`` that lies at ``wanted``."""
    if folder.path.resolve() == wanted:
        return folder
    if folder.path.resolve() not in wanted.parents:
        return None
    return next((found for inner in folder.folders if (found := _inside(inner, wanted)) is not None), None)


def _require_apart(root: Folder, named: Mapping[PartName, Folder]) -> None:
    places = [("the data set", root)] if "train" not in named else []
    places += [(f"--{part}", folder) for part, folder in named.items()]
    for number, (one, first) in enumerate(places):
        for other, second in places[number + 1 :]:
            inner, outer = second.path.resolve(), first.path.resolve()
            nested = inner == outer or inner in outer.parents or (outer in inner.parents and first is not root)
            if nested:
                raise UsageError(f"{one} {first.path} and {other} {second.path} lie in each other: keep them apart.")
