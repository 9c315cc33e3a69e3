"""How a tree of folders is read: which folders are classes, parts of a split, folds, or none of them.

The rules stand in ``RULES`` and are asked in that order; the first one that recognises a tree reads it. Where two
readings are possible none is taken: ``AmbiguousError`` shows both and the option that chooses. The guide on image
folders has the same table in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from tlsearch.errors import DataError
from tlsearch.folders.walk import Folder
from tlsearch.utils.texts import some
from tlsearch_plugins.readers.folders import masks, names
from tlsearch_plugins.readers.folders.divided_classes import class_parts_in_names, class_splits
from tlsearch_plugins.readers.folders.inspect import enter, excluded, holds_classes, listed, without
from tlsearch_plugins.readers.folders.layout import (
    AmbiguousError,
    Layout,
    LeftOut,
    read_as_classes,
    read_as_folds,
    read_as_subfolders,
)
from tlsearch_plugins.readers.folders.names import Part
from tlsearch_plugins.readers.folders.nested import require_one_reading

Rule = Callable[[Folder], Layout | None]
NO_LABELS = "its images have no labels: they lie in no class folder"

Within = Callable[[Folder], Layout]
"""Reads the folder of one part of a split."""


def understand(root: Folder) -> Layout:
    """The layout of the folder ``root``, which ``enter`` has given. Raises ``DataError`` where there is none."""
    for rule in RULES:
        if (layout := rule(root)) is not None:
            return layout
    raise AssertionError("the last rule takes every tree")


def read_as_splits(folder: Folder, within: Within | None = None) -> Layout:
    """The folders in ``folder`` are the parts of a split, each of which holds class folders, read by ``within``."""
    parts = names.parts_of([inner.name for inner in folder.image_folders])
    holders = [f for f in folder.image_folders if parts.get(f.name, "unlabelled") != "unlabelled" and holds_classes(f)]
    _require_one_each(folder, holders, parts)
    if not any(parts[holder.name] == "train" for holder in holders):
        raise DataError(
            f"{folder.path} has split folders but none called train that holds class folders: name it with "
            "--train DIR, or say --layout classes where these folders are classes."
        )
    layout = Layout(kind="splits", classes=[], parents=[folder])
    for holder in holders:
        add_part(layout, holder, parts[holder.name], within or understand_part)
    for other in folder.image_folders:
        if other not in holders:
            layout.left_out.append(LeftOut(other, _why_beside(other, parts)))
    return layout


def _why_beside(folder: Folder, parts: dict[str, Part]) -> str:
    if folder.name not in parts:
        made = " and is called like pictures made of the images" if names.is_mask(folder.name) else ""
        return f"it lies beside the split folders{made}"
    return NO_LABELS


def add_part(layout: Layout, holder: Folder, part: Part | None, within: Within) -> None:
    """Read the folder of one part by ``within`` and add its classes to the layout."""
    root, _ = enter(holder, part)
    inner = within(root)
    layout.classes.extend(replace(found, split=part) for found in inner.classes)
    layout.left_out.extend(inner.left_out)
    layout.parents.extend(inner.parents)
    layout.notes.extend(inner.notes)


def understand_part(root: Folder, option: str = "splits") -> Layout:
    """The layout within one part of a split: everything but splits.

    ``option`` is what ``--layout`` chooses the folders right in it as classes with.
    """
    for rule in (partial(_masks, option=option), _masks_within, _folds, _pieces):
        if (layout := rule(root)) is not None:
            return layout
    require_one_reading(root, option)
    return read_as_classes(root)


def _require_one_each(root: Folder, holders: Sequence[Folder], parts: dict[str, Part]) -> None:
    first: dict[Part, Folder] = {}
    for holder in holders:
        part = parts[holder.name]
        if part in first:
            raise DataError(
                f"The folders {first[part].name} and {holder.name} in {root.path} both mean the {part} split: merge "
                f"them, or name the one to use with --{part} DIR."
            )
        first[part] = holder


def _splits(folder: Folder) -> Layout | None:
    """Parts of a split side by side, each with class folders."""
    inner = folder.image_folders
    parts = names.parts_of([f.name for f in inner])
    named = [f for f in inner if f.name in parts]
    if not named:
        return None
    holders = [f for f in named if parts[f.name] != "unlabelled" and holds_classes(f)]
    if any(parts[holder.name] == "train" for holder in holders):
        if not {parts[f.name] for f in named} & {"val", "test"}:
            _require_no_other_part(folder, holders, named)
        return read_as_splits(folder)
    if holders:
        return _training_beside(folder, holders, parts)
    return _parts_without_classes(folder, named, parts)


def _require_no_other_part(folder: Folder, holders: Sequence[Folder], named: Sequence[Folder]) -> None:
    """Raise ``DataError`` where another folder with class folders lies beside a training folder, or several folders.

    Such are ``eval`` beside ``train``, and ``bus`` and ``tram`` beside ``train`` where kinds of trains lie in it.
    """
    others = [f for f in folder.image_folders if f not in named and not names.is_mask(f.name)]
    divided = [f for f in others if holds_classes(f)]
    if divided:
        raise DataError(
            f"{folder.path} holds class folders in {listed(holders)} and in {listed(divided)}, of which it is not "
            f"known what they are for: name one with --test {divided[0].name} or --val {divided[0].name}, leave out "
            f"what takes no part with {excluded(*divided)}, or say --layout classes where all of them are classes."
        )
    if len(others) > 1:
        raise AmbiguousError(
            folder,
            f"{listed(holders)} holds the classes, and {listed(others)} takes no part ({excluded(*others)})",
            f"{listed(holders)} is a class beside {listed(others)} (--layout classes)",
        )


def _training_beside(folder: Folder, holders: Sequence[Folder], parts: dict[str, Part]) -> Layout:
    """A test or validation folder among the class folders of training."""
    _require_one_each(folder, holders, parts)
    held = {c.name for holder in holders for c in read_as_classes(enter(holder, parts[holder.name])[0]).classes}
    waiting = [
        f
        for f in folder.image_folders
        if parts.get(f.name, "train") != "train" and f not in holders and f.name not in held
    ]
    rest = without(folder, [*holders, *waiting])
    beside = {f.name for f in rest.image_folders}
    if beside and not held & beside:
        rest, _ = enter(rest)
        beside = {c.name for c in understand_part(rest, "classes").classes}
    if beside and not held & beside:
        called, other = some(sorted(held), 4), some(sorted(beside), 4)
        raise DataError(
            f"{listed(holders)} in {folder.path} is called like test images and holds other folders ({called}) than "
            f"what lies beside it ({other}): leave it out with {excluded(*holders)}, name the folder to train on with "
            "--train DIR, or say --layout classes where these folders are classes."
        )
    if not beside:
        return read_as_splits(folder)  # which says what is missing
    layout = understand_part(rest, "classes")
    layout.kind = "splits"
    layout.left_out += [LeftOut(f, NO_LABELS) for f in waiting]
    layout.classes = [replace(found, split="train") for found in layout.classes]
    for holder in holders:
        add_part(layout, holder, parts[holder.name], understand_part)
    layout.notes.append(f"training: the other folders beside {listed(holders)}")
    return layout


def _parts_without_classes(folder: Folder, named: Sequence[Folder], parts: dict[str, Part]) -> Layout | None:
    """Folders that are called like parts and hold images without class folders."""
    others = [f for f in folder.image_folders if f not in named]
    if all(names.bare_of(f.name, [other.name for other in others]) for f in named):
        return None  # they are test images of one class
    if not others:
        if names.classes_with_parts([f.name for f in named]):
            return None
        raise DataError(
            f"The images in {listed(named)} in {folder.path} lie in no class folder: put those of each class into a "
            "folder of its own, give a table of labels, or say --layout classes where these folders are classes."
        )
    unlabelled = [f for f in named if parts[f.name] == "unlabelled"]
    if len(unlabelled) == len(named):
        layout = understand(enter(without(folder, unlabelled))[0])
        layout.left_out += [LeftOut(f, "its images wait for a prediction and have no labels") for f in unlabelled]
        return layout
    if all(parts[f.name] == "train" for f in named):
        return None  # a class may be called train
    held = [f for f in named if parts[f.name] != "train"]
    raise AmbiguousError(
        folder,
        f"{listed(held)} is a class beside {listed(others)} (--layout classes)",
        f"its images are for testing and have no labels (--exclude {held[0].relative})",
    )


def _folds(folder: Folder) -> Layout | None:
    """Numbered folds, each with class folders."""
    inner = folder.image_folders
    folds = [f for f in inner if names.is_fold(f.name)]
    if len(folds) < 2 or len(folds) < len(inner) or not all(holds_classes(f) for f in folds):
        return None
    for fold in folds:
        if names.parts_of([f.name for f in enter(fold)[0].image_folders]):
            raise DataError(
                f"Every fold in {folder.path} holds training and test folders of its own, so that an image is in "
                f"several of them: name one fold, such as {fold.path}."
            )
    return read_as_folds(folder)


def _masks(folder: Folder, option: str = "classes") -> Layout | None:
    """Images beside pictures that were made of them: masks, thumbnails, annotations.

    Where several folders lie beside them, names of files must say so: boxes can also be what is in the pictures.
    ``option`` is what ``--layout`` chooses the folders in ``folder`` as classes with.
    """
    twins = masks.folders_beside(folder)
    if not twins:
        return None
    rest = without(folder, twins)
    others = rest.image_folders
    sure = (
        len(others) < 2 or any(names.speaks_of_images(f.name) for f in others) or masks.are_called_alike(twins, others)
    )
    if not sure:
        raise AmbiguousError(
            folder,
            f"{listed(twins)} holds pictures made of the images in {listed(others)} and takes no part "
            f"({excluded(*twins)})",
            f"it is a class of its own (--layout {option})",
        )
    layout = understand(enter(rest)[0])
    made = f"it holds pictures made of the images in {listed(rest.image_folders)}"
    layout.left_out += [LeftOut(f, made) for f in twins]
    return layout


def _masks_within(folder: Folder) -> Layout | None:
    """Classes that hold their images beside masks of them: ``ill/images`` and ``ill/masks``."""
    inner = folder.image_folders
    divided = [f for f in inner if masks.folders_within(f) and not f.images]
    return read_as_classes(folder) if len(inner) >= 2 and len(divided) * 2 >= len(inner) else None


def _pieces(folder: Folder) -> Layout | None:
    """Numbered pieces of one collection, each with class folders: ``batch1``, ``batch2``."""
    inner = folder.image_folders
    if len(inner) < 2 or not all(names.is_piece(f.name) and not f.images and holds_classes(f) for f in inner):
        return None
    below = [f.name for piece in inner for f in enter(piece)[0].image_folders]
    single = all(len(enter(piece)[0].image_folders) < 2 for piece in inner)
    if all(map(names.is_piece, below)) or (single and all(map(names.is_number, below))):
        return None
    layout = read_as_subfolders(folder)
    layout.notes.append(
        f"{listed(inner)} are pieces of one collection; to keep the images of each on one side of every split, say "
        "--group-by '^([^/]+)/'"
    )
    return layout


def _one_reading(folder: Folder) -> Layout | None:
    require_one_reading(folder, "classes")
    return None


RULES: tuple[Rule, ...] = (
    _splits,
    class_parts_in_names,
    _folds,
    _masks,
    _masks_within,
    class_splits,
    _pieces,
    _one_reading,
    read_as_classes,
)
"""In this order; the last one takes every tree."""
