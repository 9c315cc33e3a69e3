"""What lies in a folder: class folders, one folder too many, or images."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import replace

from tlsearch.folders.walk import Folder
from tlsearch.utils.texts import some
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.names import Part


def enter(root: Folder, part: Part | None = None) -> tuple[Folder, list[Folder]]:
    """The first folder from ``root`` inwards that holds more than one folder with images, and those it lies in.

    The folder of the only class is not entered, nor one that is called like a part of a split, unless ``root`` is that
    ``part``: ``test_set`` in ``test_set``.
    """
    entered: list[Folder] = []
    while not root.images and not root.lost and len(root.image_folders) == 1:
        inner = root.image_folders[0]
        called = names.parts_of([inner.name]).get(inner.name, part)
        if called != part or not holds_classes(inner):
            break
        entered.append(root)
        root = inner
    return root, entered


def holds_classes(folder: Folder) -> bool:
    """Whether a folder holds folders of images rather than images.

    Beside images, which then lie in no class folder, at least two; a single one must have a name that can be a class.
    """
    inner = folder.image_folders
    if folder.images:
        return len(inner) >= 2
    if len(inner) != 1:
        return bool(inner)
    only = inner[0]
    if only.name == folder.name or names.parts_of([only.name]) or names.is_images(only.name):
        return holds_classes(only)
    return True


def without(folder: Folder, leave: Sequence[Folder]) -> Folder:
    """The same folder as if ``leave`` were not in it."""
    return replace(folder, folders=[inner for inner in folder.folders if inner not in leave])


def listed(folders: Sequence[Folder]) -> str:
    """The names of folders: ``cat, dog and 3 more``."""
    return some([folder.name for folder in folders], 4)


def excluded(*folders: Folder) -> str:
    """The options that leave folders out, and no other of their names: ``--exclude 'train/test'``."""
    return " ".join(f"--exclude {glob.escape(folder.relative)!r}" for folder in folders)
