"""Trees of folders for the tests of their reader, and what was read of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tlsearch.plugin_api import Reading, ReadingOptions
from tlsearch_plugins.readers.folders.reader import FolderReader

CAT_DOG = ("cat", "dog")


def plant(root: Path, folders: Iterable[str], per_folder: int = 2) -> Path:
    """Folders with files that are called like images, or, where a path ends in a file's name, that file."""
    for folder in folders:
        path = root / folder
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("notes")
            continue
        path.mkdir(parents=True, exist_ok=True)
        for number in range(per_folder):
            (path / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    return root


def read(root: Path, layout: str = "auto", **options: object) -> Reading:
    return FolderReader().read(str(root), ReadingOptions(layout=layout, **options))  # type: ignore[arg-type]


def summary(reading: Reading) -> dict[str, str]:
    """For each folder with images that is used: ``label``, ``split:label`` or ``fold/label``."""
    found = {}
    for item in reading.items:
        (label,) = item.labels
        fold = f"{item.fold}/" if item.fold else ""
        found[item.path.rpartition("/")[0]] = f"{item.split}:{label}" if item.split else fold + label
    return found
