"""No image of a folder that is called like test or validation images is trained on without a word."""

from __future__ import annotations

from tlsearch.folders.walk import Folder
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.layout import AmbiguousError, Layout


def require_no_test_in_training(layout: Layout) -> None:
    """Raise ``AmbiguousError`` where a folder below a class to train on is called like one of test images."""
    for found in layout.classes:
        if found.split in (None, "train") and (inner := _called_like_a_part(found.folder)) is not None:
            raise AmbiguousError(
                inner,
                f"its images are for testing or choosing and are not trained on (--exclude {inner.relative!r})",
                f"they belong to the class {found.name} like all others (--layout {layout.kind})",
            )


def _called_like_a_part(folder: Folder) -> Folder | None:
    """The first folder with images below ``folder`` whose name is that of a test or validation part."""
    for inner in folder.image_folders:
        if names.part_and_rest(inner.name) in (("test", ()), ("val", ())):
            return inner
        if (deeper := _called_like_a_part(inner)) is not None:
            return deeper
    return None
