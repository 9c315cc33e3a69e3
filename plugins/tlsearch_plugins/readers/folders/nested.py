"""Folders that can be read in two ways: they are read in neither."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.errors import DataError
from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import masks, names
from tlsearch_plugins.readers.folders.inspect import enter, excluded, listed, without
from tlsearch_plugins.readers.folders.layout import AmbiguousError


def require_one_reading(folder: Folder, option: str) -> None:
    """Raise ``AmbiguousError`` where the folders in ``folder`` may be the classes, or may be something else.

    ``option`` is what ``--layout`` chooses them as classes with.
    """
    _require_no_flat_masks(folder, option)
    _require_no_copy(folder, option)
    _require_no_second_name(folder, option)
    _require_no_test_of_one(folder, option)
    _require_no_divided_class(folder, option)
    _require_no_unsorted(folder, option)
    _require_one_level(folder, option)


def _require_no_copy(folder: Folder, option: str) -> None:
    """No folder among the classes holds folders of the same names."""
    inner = folder.image_folders
    beside = {f.name for f in inner}
    for other in inner:
        below = {f.name for f in enter(other)[0].image_folders}
        if not other.images and len(below & (beside - {other.name})) >= 2:
            raise AmbiguousError(
                folder,
                f"{other.name}, which holds folders of the same names as those beside it, takes no part "
                f"({excluded(other)})",
                f"{other.name} is a class of its own (--layout {option})",
            )


def _require_no_flat_masks(folder: Folder, option: str) -> None:
    """No folders of masks beside a folder of images that are in no class folders."""
    made = masks.flat_beside(folder)
    rest = without(folder, made).image_folders
    if made and len(rest) > 1 and not any(names.speaks_of_images(f.name) for f in rest):
        raise AmbiguousError(
            folder,
            f"{listed(made)} holds pictures made of the images in {listed(rest)} and takes no part ({excluded(*made)})",
            f"it is a class of its own (--layout {option})",
        )
    if made:
        raise DataError(
            f"The images in {listed(rest)} in {folder.path} lie in no class folder, and {listed(made)} "
            f"{'holds' if len(made) == 1 else 'hold'} pictures made of them: put the images of each class into a "
            f"folder of its own, give a table of labels, or say --layout {option} where these folders are classes."
        )


def _require_no_second_name(folder: Folder, option: str) -> None:
    """No folder among the classes is called like a copy of another."""
    beside = [f.name for f in folder.image_folders]
    for other in folder.image_folders:
        if (base := names.original_of(other.name, beside)) is not None:
            raise AmbiguousError(
                folder,
                f"{other.name} holds images of {base}, so put them there, or leave them out ({excluded(other)})",
                f"it is a class of its own (--layout {option})",
            )


def _require_no_test_of_one(folder: Folder, option: str) -> None:
    """No folder among the classes is called like the test images of another."""
    beside = [f.name for f in folder.image_folders]
    for other in folder.image_folders:
        if (found := names.bare_of(other.name, beside)) is not None:
            raise AmbiguousError(
                folder,
                f"{other.name} holds {found[1]} images of {found[0]} and is not trained on ({excluded(other)})",
                f"it is a class of its own (--layout {option})",
            )


def _require_no_divided_class(folder: Folder, option: str) -> None:
    """No two folders among the classes are called like two parts of one class."""
    called = names.divided_names([f.name for f in folder.image_folders])
    if called:
        divided = [f for f in folder.image_folders if f.name in called]
        held = [f for f in divided if (found := names.part_and_rest(f.name)) is not None and found[0] != "train"]
        raise AmbiguousError(
            folder,
            f"{listed(divided)} are classes of their own (--layout {option})",
            f"{listed(held)} holds images for testing or choosing and is not trained on ({excluded(*held)}; where all "
            "folders are called like a class and its part, they are read so)",
        )


def _require_no_unsorted(folder: Folder, option: str) -> None:
    """No folder among the classes is called like images that nobody has sorted yet."""
    inner = folder.image_folders
    waiting = [f for f in inner if names.is_unsorted(f.name)]
    rest = [f for f in inner if f not in waiting]
    if waiting and len(rest) >= 2:
        raise AmbiguousError(
            folder,
            f"{listed(waiting)} is a class beside {listed(rest)} (--layout {option})",
            f"its images have no labels yet ({excluded(*waiting)})",
        )


def _require_one_level(folder: Folder, option: str) -> None:
    """Not both the folders and those in them may be the classes.

    Where only one of them holds several folders, the others must hold one each whose name can be that of a class. Where
    all hold one, some must hold one of the same name.
    """
    inner = folder.image_folders
    nested = [f for f in inner if not f.images and len(enter(f)[0].image_folders) >= 2]
    if len(inner) < 2 or any(f.images for f in inner):
        return
    if len(nested) < 2 and any(map(_holds_one_of_its_own, inner)):
        return
    if not nested and not _share_what_they_hold(inner):
        return
    below = [f for outer in inner for f in enter(outer)[0].image_folders]
    if all(names.is_piece(f.name) for f in below):
        return
    numbered_outside = all(names.is_number(f.name) for f in inner)
    if all(names.is_number(f.name) for f in below) and not numbered_outside:
        return
    unique = list({f.name: f for f in below}.values())
    raise AmbiguousError(
        folder,
        f"the classes are {listed(inner)} (--layout {option})",
        f"the classes are {listed(unique)} (--layout subfolders)",
    )


def _holds_one_of_its_own(folder: Folder) -> bool:
    """Whether a folder holds a single folder whose name says nothing new: a wrapper, images, or a number."""
    inner = folder.image_folders
    return len(inner) == 1 and (
        inner[0].name == folder.name or names.is_images(inner[0].name) or names.is_number(inner[0].name)
    )


def _share_what_they_hold(folders: Sequence[Folder]) -> bool:
    """Whether each folder holds a single one, of a name that others have and not all: cat, dog, cat."""
    held = [[f.name for f in folder.image_folders] for folder in folders]
    single = {name for inner in held for name in inner}
    return all(len(inner) == 1 for inner in held) and 2 <= len(single) < len(folders)
