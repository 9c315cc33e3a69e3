"""No image of a folder that is called like test, validation or unlabelled images is trained on without a word."""

from __future__ import annotations

from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import excluded
from tlsearch_plugins.readers.folders.layout import AmbiguousError, Layout


def require_no_test_in_training(layout: Layout) -> None:
    """Raise ``AmbiguousError`` where a folder below a class to train on is called like one of test images."""
    for found in layout.classes:
        if found.split in (None, "train") and (inner := _called_like_a_part(found.folder)) is not None:
            waiting = names.part_and_rest(inner.name) == ("unlabelled", ())
            what = "have no labels" if waiting else "are for testing or choosing"
            raise AmbiguousError(
                inner,
                f"its images {what} and are not trained on ({excluded(inner)})",
                f"they belong to the class {found.name} like all others (--layout {layout.kind})",
            )


def _called_like_a_part(folder: Folder) -> Folder | None:
    """The first folder with images below ``folder`` that is called like test, validation or unlabelled images."""
    for inner in folder.image_folders:
        if names.part_and_rest(inner.name) in (("test", ()), ("val", ()), ("unlabelled", ())):
            return inner
        if (deeper := _called_like_a_part(inner)) is not None:
            return deeper
    return None
