"""Classes that are divided each for itself: by folders in them, or by the names of folders beside each other."""

from __future__ import annotations

from tlsearch.errors import DataError
from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import masks, names
from tlsearch_plugins.readers.folders.inspect import excluded, holds_classes, listed, without
from tlsearch_plugins.readers.folders.layout import (
    AmbiguousError,
    ClassFolder,
    Layout,
    LeftOut,
    read_as_class_splits,
)


def class_parts_in_names(folder: Folder) -> Layout | None:
    """``cats_train``, ``cats_test``, ``dogs_train``, ``dogs_test``; the word of training may be missing."""
    inner_names = [f.name for f in folder.image_folders]
    found = names.classes_with_parts(inner_names) or names.classes_beside_parts(inner_names)
    if not found or any(holds_classes(f) for f in folder.image_folders):
        return None
    layout = Layout(kind="class-splits", classes=[], parents=[folder])
    for inner in folder.image_folders:
        name, part = found[inner.name]
        if part == "unlabelled":
            layout.left_out.append(LeftOut(inner, "its images wait for a prediction and have no labels"))
        else:
            layout.classes.append(ClassFolder(name, inner, split=part))
    return layout


def class_splits(folder: Folder) -> Layout | None:
    """Classes that hold the parts of a split: ``cat/train``, ``cat/test``, ``dog/train``, ``dog/test``."""
    inner = folder.image_folders
    divided = [f for f in inner if not f.images and _is_divided(f)]
    if not divided:
        return None
    if len(divided) < len(inner):
        rest = [f for f in inner if f not in divided]
        if all(holds_classes(part) for owner in divided for part in owner.image_folders):
            raise DataError(
                f"{listed(divided)} in {folder.path} holds training and test folders with classes in them, and "
                f"{listed(rest)} lies beside: name the folder to read, such as {divided[0].path}, or leave the rest "
                f"out with {excluded(*rest)}."
            )
        raise AmbiguousError(
            folder,
            f"{listed(divided)} holds training and test folders, which are kept apart, and {listed(rest)} does not "
            f"(--layout class-splits leaves {listed(rest)} out)",
            "all images of each folder belong together (--layout classes)",
        )
    below = [{f.name for part in owner.image_folders for f in part.image_folders} for owner in divided]
    masked = any(masks.folders_beside(owner) for owner in divided)
    if len(divided) > 1 and len(set.intersection(*below)) >= (1 if masked else 2):
        raise DataError(
            f"Every folder in {folder.path} holds training and test folders of its own, with classes in them: name one "
            f"of them, such as {divided[0].path}."
        )
    return read_as_class_splits(folder)


def _is_divided(folder: Folder) -> bool:
    """Whether all folders in a class folder are parts of a split, training among them; masks of them aside."""
    inner = [f.name for f in without(folder, masks.folders_beside(folder)).image_folders]
    parts = names.parts_of(inner)
    return bool(inner) and len(parts) == len(inner) and "train" in parts.values() and len(set(parts.values())) >= 2
