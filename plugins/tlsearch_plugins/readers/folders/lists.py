"""Lists of images, labels or parts that lie beside folders and are not read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from tlsearch.folders.walk import Folder
from tlsearch.utils.texts import some
from tlsearch_plugins.readers.folders import names

_ENDINGS = (".txt", ".json", ".lst", ".xml", ".yaml", ".yml", ".mat", ".pkl", ".xlsx", ".xls", ".xlsm", ".ods")
_WORDS = frozenset(
    (
        *("label", "labels", "split", "splits", "fold", "folds", "annotation", "annotations", "metadata"),
        *("list", "imagelabels", "setid", "groundtruth"),
    )
)


def lists_beside(folders: Sequence[Folder], read: Collection[Path] = ()) -> Iterator[str]:
    """A sentence that names the lists in ``folders``, and in folders without images in them; nothing without one.

    What is in ``read`` has been read.
    """
    held: dict[Path, None] = {}
    for folder in folders:
        for place in (folder, *(inner for inner in folder.folders if not inner.holds_images)):
            held |= {file: None for file in place.files if _is_list(file) and file not in read}
    if held:
        found = some([file.name for file in held], 4)
        yield f"not read: {found}; what such a list says can stand in a table with the columns file, label and split"


def _is_list(file: Path) -> bool:
    """Whether a file is called like a list of images: of training, of labels, of folds."""
    found = set(names.words(file.stem))
    parts = {word for word, part in names.PART_WORDS.items() if part != "unlabelled"}
    return file.suffix.lower() in _ENDINGS and bool(found & (parts | _WORDS))
