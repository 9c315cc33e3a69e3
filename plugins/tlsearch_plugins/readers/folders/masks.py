"""Pictures that were made of the images: masks, annotations, thumbnails. They lie beside them and are no images.

They are told by their names: those of folders, and those of files, which are the name of an image with a word more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tlsearch.folders.walk import Folder
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import enter, holds_classes, without
from tlsearch_plugins.readers.folders.layout import ClassFolder, Layout, LeftOut

_GAP = re.compile(r"[\s_.\-()]+")
_MAY_BE_MASK = re.compile("|".join(sorted(names.MASK_WORDS)), re.IGNORECASE)


def folders_beside(folder: Folder) -> list[Folder]:
    """The folders in ``folder`` that hold masks of the images in the folders beside them."""
    inner = folder.image_folders
    called = [f for f in inner if names.is_mask(f.name)]
    rest = [f for f in inner if f not in called]
    holders = [f for f in rest if holds_classes(f)]
    return [m for m in called if any(_same_inside(m, f) or names.is_images(f.name) for f in holders)]


def flat_beside(folder: Folder) -> list[Folder]:
    """The folders of masks in ``folder`` whose images lie beside them in no class folders, or in flat ones.

    A folder of the images is called like images, or most masks have the name of an image in the others.
    """
    called = [f for f in folder.image_folders if names.is_only_mask(f.name) and not names.is_unsorted(f.name)]
    rest = [f for f in folder.image_folders if f not in called]
    if not called or not rest or any(map(holds_classes, rest)):
        return []
    if any(names.speaks_of_images(f.name) for f in rest):
        return called
    worn = any(names.is_mask(f.name) for f in rest)  # with_mask, without_mask
    within = any(not names.is_only_mask(f.name) for mask in called for f in _within(mask))
    return called if not worn and not within and all(_made_of(mask, rest) for mask in called) else []


def are_called_alike(made: Sequence[Folder], folders: Sequence[Folder]) -> bool:
    """Whether most pictures in each of some folders have the names of images in others; numbers alone do not tell."""
    images = [file for folder in folders for file in folder.all_files()]
    named = [[file for file in folder.all_files() if not file.stem.isdigit()] for folder in made]
    flat = [replace(folder, folders=[], files=files) for folder, files in zip(made, named, strict=True)]
    return all(folder.images and _named_alike(folder, images) for folder in flat)


def _within(folder: Folder) -> list[Folder]:
    """All folders at any depth below ``folder`` that hold images."""
    return [found for inner in folder.image_folders for found in (inner, *_within(inner))]


def _made_of(masks: Folder, folders: Sequence[Folder]) -> bool:
    """Whether the names of files say that a folder holds masks of the images in others; counts alone do not.

    A mask can also be worn: ``mask/1.jpg`` beside ``face/1.jpg``.
    """
    while not masks.images and len(masks.image_folders) == 1:
        masks = masks.image_folders[0]
    counted = all(file.stem.isdigit() for file in masks.images)
    images = [file for folder in folders for file in folder.images]
    return _named_alike(masks, images) and not (counted and names.words(masks.name) == ["mask"])


def folders_within(folder: Folder) -> list[Folder]:
    """The folders in the folder of a class that hold masks of its images.

    Its images lie in a folder that is called like images, or right in it; then most masks have the name of an image.
    """
    called = [f for f in folder.image_folders if names.is_only_mask(f.name) and not f.image_folders]
    rest = [f for f in folder.image_folders if f not in called]
    if not called or not all(names.is_images(f.name) for f in rest):
        return []
    return called if rest else [f for f in called if _named_alike(f, folder.images)]


def leave_out(layout: Layout) -> None:
    """Take the masks out of the classes of a layout, and say so."""
    by_file: dict[Path, str] = {}
    for number, found in enumerate(layout.classes):
        masks = folders_within(found.folder)
        reason = f"it holds pictures made of the images in {found.folder.name}"
        layout.left_out += [LeftOut(folder, reason) for folder in masks]
        worn = names.is_mask(found.name)  # then the word in the names of files is that of the class
        made = {} if worn else _files_within(without(found.folder, masks) if masks else found.folder)
        by_file |= made
        if masks or made:
            layout.classes[number] = _reduced(found, masks, made)
    layout.left_out_files |= {file: f"it is called like a mask of {name}" for file, name in by_file.items()}
    if by_file:
        file, name = next(iter(by_file.items()))
        layout.notes.append(
            f"{counted(len(by_file), 'picture')} called like masks of others, such as {file.name} of {name}: not used; "
            "where they are images of their own, give a table of labels"
        )


def _reduced(found: ClassFolder, masks: list[Folder], made: Mapping[Path, str]) -> ClassFolder:
    return replace(found, folder=without_files(without(found.folder, masks), made))


def without_files(folder: Folder, files: Collection[Path]) -> Folder:
    """The same folder as if ``files`` were not in it, at any depth."""
    return replace(
        folder,
        files=[file for file in folder.files if file not in files],
        folders=[without_files(inner, files) for inner in folder.folders],
    )


def _files_within(folder: Folder) -> dict[Path, str]:
    """The masks among the files of a folder at any depth, each with the name of its image.

    Names of masks count where most of them in the folder are those of an image that is there with a word more.
    """
    found = _pairs(folder)
    for inner in folder.image_folders:
        found |= _files_within(inner)
    return found


def _pairs(folder: Folder) -> dict[Path, str]:
    known: dict[str, str] = {}
    for file in folder.images:
        known |= {file.stem.casefold(): file.name, file.name.casefold(): file.name}
    starts = {file: found for file in folder.images if (found := _starts(file.stem))}
    pairs: dict[Path, str] = {}
    for file, bases in starts.items():
        if (base := next((base for base in bases if base in known), None)) is not None:
            pairs[file] = known[base]
    return pairs if 2 * len(pairs) > len(starts) else {}


def _starts(stem: str) -> list[str]:
    """What stands before words of masks in a name, the longest first: ``a_b`` of ``a_b_mask_1``.

    Each stands there without and with a bracket that ends it: of ``a (1)_mask`` these are ``a (1`` and ``a (1)``.
    """
    if not _MAY_BE_MASK.search(stem):
        return []
    starts = []
    for gap in reversed(list(_GAP.finditer(stem))):
        if not gap.start():
            continue
        if not names.are_mask_words(words := names.words(stem[gap.end() :])):
            break
        if any(word in names.MASK_WORDS for word in words):
            starts.append(stem[: gap.start()].casefold())
            closed = stem[: gap.end()].rstrip(" _.-").casefold()
            starts.append(closed)
    return starts


def _named_alike(masks: Folder, images: Sequence[Path]) -> bool:
    """Whether most pictures in ``masks`` have the name of one of ``images``, with or without a word more."""
    stems = {file.stem.casefold() for file in images}
    alike = [file for file in masks.images if stems.intersection((file.stem.casefold(), *_starts(file.stem)))]
    return 2 * len(alike) > len(masks.images)


def _same_inside(masks: Folder, other: Folder) -> bool:
    """Whether the folders in ``masks`` are called like some in ``other``: two of them, or all."""
    ours, theirs = ({f.name for f in enter(each)[0].image_folders} for each in (masks, other))
    return len(ours & theirs) >= 2 or (bool(ours) and ours <= theirs)
