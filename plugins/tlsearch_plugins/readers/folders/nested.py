"""Folders that can be read in two ways: they are read in neither."""

from __future__ import annotations

from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import enter, listed
from tlsearch_plugins.readers.folders.layout import AmbiguousError


def require_one_reading(folder: Folder, option: str) -> None:
    """Raise ``AmbiguousError`` where the folders in ``folder`` may be the classes, or may be something else.

    ``option`` is what ``--layout`` chooses them as classes with.
    """
    _require_no_copy(folder, option)
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
                f"(--exclude {other.name!r})",
                f"{other.name} is a class of its own (--layout {option})",
            )


def _require_no_unsorted(folder: Folder, option: str) -> None:
    """No folder among the classes is called like images that nobody has sorted yet."""
    inner = folder.image_folders
    waiting = [f for f in inner if names.is_unsorted(f.name)]
    rest = [f for f in inner if f not in waiting]
    if waiting and len(rest) >= 2:
        excluded = " ".join(f"--exclude {f.name!r}" for f in waiting)
        raise AmbiguousError(
            folder,
            f"{listed(waiting)} is a class beside {listed(rest)} (--layout {option})",
            f"its images have no labels yet ({excluded})",
        )


def _require_one_level(folder: Folder, option: str) -> None:
    """Not both the folders and those in them may be the classes.

    Where only one of them holds several folders, the others must hold one each whose name can be that of a class.
    """
    inner = folder.image_folders
    nested = [f for f in inner if not f.images and len(enter(f)[0].image_folders) >= 2]
    if len(inner) < 2 or not nested or any(f.images for f in inner):
        return
    if len(nested) < 2 and any(map(_holds_one_of_its_own, inner)):
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
