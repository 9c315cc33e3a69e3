"""Files and folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tlsearch.folders.walk import Folder, walk
from tlsearch.predictor.sources.picture import Picture


def in_path(path: Path) -> Iterator[Picture]:
    """The file at ``path``, or the pictures in that folder at any depth, by name."""
    if not path.exists():
        yield Picture(name=str(path), problem="it does not exist")
    elif not path.is_dir():
        yield Picture(name=str(path), content=path)
    else:
        for file in images_in(walk(path).root):
            yield Picture(name=str(file), content=file)


def images_in(folder: Folder) -> Iterator[Path]:
    """Files at any depth that may be images, in order of their paths."""
    entries: list[tuple[str, Path | Folder]] = [(file.name, file) for file in folder.images]
    entries += [(inner.name, inner) for inner in folder.folders]
    for _, entry in sorted(entries, key=lambda pair: pair[0]):
        if isinstance(entry, Folder):
            yield from images_in(entry)
        else:
            yield entry
