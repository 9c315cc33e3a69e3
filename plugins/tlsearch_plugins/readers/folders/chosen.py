"""The layouts that a user chooses with ``--layout``."""

from __future__ import annotations

from functools import partial

from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import holds_classes
from tlsearch_plugins.readers.folders.layout import (
    Layout,
    read_as_class_splits,
    read_as_classes,
    read_as_folds,
    read_as_subfolders,
)
from tlsearch_plugins.readers.folders.rules import Within, read_as_splits, understand_part


def _folds_or_classes(folder: Folder) -> Layout:
    """Folds where all folders are numbered so, as in a training folder; classes otherwise, as in a test folder."""
    inner = folder.image_folders
    return read_as_folds(folder) if inner and all(names.is_fold(f.name) for f in inner) else read_as_classes(folder)


def _subfolders_or_classes(folder: Folder) -> Layout:
    """The folders one level further down, if there are any, and the folders otherwise."""
    deeper = any(inner.image_folders for inner in folder.image_folders)
    return read_as_subfolders(folder) if deeper else read_as_classes(folder)


def _within_parts(within: Within, otherwise: Within, folder: Folder) -> Layout:
    """The layout within each part where ``folder`` holds a split with training; that of ``folder`` otherwise."""
    parts = names.parts_of([inner.name for inner in folder.image_folders])
    held = [parts[f.name] for f in folder.image_folders if f.name in parts and holds_classes(f)]
    return read_as_splits(folder, within) if "train" in held else otherwise(folder)


LAYOUTS: dict[str, Within] = {
    "classes": read_as_classes,
    "subfolders": partial(_within_parts, _subfolders_or_classes, read_as_subfolders),
    "splits": partial(read_as_splits, within=read_as_classes),
    "class-splits": read_as_class_splits,
    "folds": partial(_within_parts, _folds_or_classes, read_as_folds),
}
"""What ``--layout`` chooses from."""

WITHIN: dict[str, Within] = {
    "auto": partial(understand_part, option="classes"),
    "classes": read_as_classes,
    "splits": read_as_classes,
    "subfolders": _subfolders_or_classes,
    "folds": _folds_or_classes,
    "class-splits": read_as_classes,
}
"""How the folder of a part that the user names is read, by ``--layout``.

The same names as in ``LAYOUTS``, for a folder that is a part already: there are no parts in it to tell apart, so that
``splits`` and ``class-splits`` take the folders right in it, as ``classes`` does.
"""
