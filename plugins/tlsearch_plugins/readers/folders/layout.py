"""What a tree of folders was understood to be, and the readings that look at no name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tlsearch.errors import DataError
from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import enter
from tlsearch_plugins.readers.folders.names import Part


@dataclass(frozen=True)
class ClassFolder:
    """A folder all of whose images have one label.

    Attributes:
        name: The class.
        folder: Where its images lie, at any depth.
        split: train, val or test where the folders say so.
        fold: The name of the fold where the folders say so.
    """

    name: str
    folder: Folder
    split: Part | None = None
    fold: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A folder whose images take no part, and the reason in a few words."""

    folder: Folder
    reason: str


@dataclass(kw_only=True)
class Layout:
    """How a tree was understood.

    Attributes:
        kind: classes, splits, class-splits, folds or subfolders.
        classes: The folders of images.
        left_out: Folders that hold images and take no part.
        left_out_files: Files in the folders of classes that take no part, each with the reason.
        parents: The folders whose entries were told apart: images that lie right in one of them lie in no class.
        notes: What a person should know of the reading, a sentence each.
    """

    kind: str
    classes: list[ClassFolder]
    left_out: list[LeftOut] = field(default_factory=list)
    left_out_files: dict[Path, str] = field(default_factory=dict)
    parents: list[Folder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class AmbiguousError(DataError):
    """A tree that can be read in two ways."""

    def __init__(self, folder: Folder, one: str, other: str) -> None:
        super().__init__(f"{folder.path} can be read in two ways: {one}, or {other}.")


def read_as_classes(folder: Folder) -> Layout:
    """The folders in ``folder`` are the classes, whatever they are called."""
    return Layout(
        kind="classes", classes=[ClassFolder(inner.name, inner) for inner in folder.image_folders], parents=[folder]
    )


def read_as_subfolders(folder: Folder) -> Layout:
    """The folders one level further down are the classes; those of the same name are one class."""
    outer = folder.image_folders
    classes = [ClassFolder(inner.name, inner) for piece in outer for inner in enter(piece)[0].image_folders]
    return Layout(kind="subfolders", classes=classes, parents=[folder, *(enter(piece)[0] for piece in outer)])


def read_as_folds(folder: Folder) -> Layout:
    """The folders in ``folder`` are folds, each of which holds class folders."""
    layout = read_as_subfolders(folder)
    outer = folder.image_folders
    layout.classes = [
        ClassFolder(inner.name, inner, fold=fold.name) for fold in outer for inner in enter(fold)[0].image_folders
    ]
    layout.kind = "folds"
    return layout


def read_as_class_splits(folder: Folder) -> Layout:
    """The folders in ``folder`` are the classes, each of which holds folders of the parts of a split."""
    layout = Layout(kind="class-splits", classes=[], parents=[folder, *folder.image_folders])
    for owner in folder.image_folders:
        parts = names.parts_of([inner.name for inner in owner.image_folders])
        for inner in owner.image_folders:
            if (part := parts.get(inner.name)) is None or part == "unlabelled":
                layout.left_out.append(LeftOut(inner, "it is no training, validation or test folder"))
            else:
                layout.classes.append(ClassFolder(owner.name, inner, split=part))
    return layout
