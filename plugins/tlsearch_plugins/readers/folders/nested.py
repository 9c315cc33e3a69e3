"""Folders within folders where either may be the classes: they are read as neither."""

from __future__ import annotations

from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import enter, listed
from tlsearch_plugins.readers.folders.layout import AmbiguousError, Layout


def copy_beside(folder: Folder) -> Layout | None:
    """A folder among classes that holds folders of the same names: read as neither."""
    inner = folder.image_folders
    beside = {f.name for f in inner}
    for other in inner:
        below = {f.name for f in enter(other)[0].image_folders}
        if not other.images and len(below & (beside - {other.name})) >= 2:
            raise AmbiguousError(
                folder,
                f"{other.name}, which holds folders of the same names as those beside it, takes no part "
                f"(--exclude {other.name!r})",
                f"{other.name} is a class of its own (--layout classes)",
            )
    return None


def two_levels(folder: Folder) -> Layout | None:
    """Folders within folders where either may be the classes: read as neither."""
    inner = folder.image_folders
    nested = [f for f in inner if not f.images and len(enter(f)[0].image_folders) >= 2]
    if len(inner) < 2 or len(nested) < 2 or any(f.images for f in inner):
        return None
    below = [f for outer in inner for f in enter(outer)[0].image_folders]
    if all(names.is_piece(f.name) for f in below):
        return None
    numbered_outside = all(names.is_number(f.name) for f in inner)
    if all(names.is_number(f.name) for f in below) and not numbered_outside:
        return None
    unique = list({f.name: f for f in below}.values())
    raise AmbiguousError(
        folder,
        f"the classes are {listed(inner)} (--layout classes)",
        f"the classes are {listed(unique)} (--layout subfolders)",
    )
