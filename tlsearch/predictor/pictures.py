"""The picture files that paths name, as a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlsearch.errors import UsageError
from tlsearch.folders.lazy import iter_images


def find_pictures(paths: Sequence[Path | str]) -> list[Path]:
    """The files that ``paths`` name: files as they are, and the pictures in folders at any depth, by name.

    A folder is walked as that of a run: links are followed, files without an ending are looked into, and what programs
    leave behind is passed over. ``Predictor.stream`` takes more than paths, and makes no list.

    Raises:
        UsageError: A path does not exist, or a folder holds no pictures.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"{path} does not exist: name an image file or a folder of images.")
        if not path.is_dir():
            files.append(path)
            continue
        found = [file for file in iter_images(path) if isinstance(file, Path)]
        if not found:
            raise UsageError(f"{path} holds no image file: name an image file or a folder of images.")
        files.extend(found)
    return files
