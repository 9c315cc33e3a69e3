"""Which files of a folder are meant, and which class and split each belongs to; no file is opened here.

Two layouts are known: ``root/<class>/**`` and ``root/{train,val,test}/<class>/**``. Everything is sorted, so
that the same folder gives the same list on every machine.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlsearch.data.decode import FORMAT_NAMES
from tlsearch.errors import DataError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Folder names, compared without case, and the split that each means."""

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))
"""Endings by which a folder is taken for a class; whether a file is a picture is decided by opening it."""

TEST_PREFIX = "test/"
"""What the paths of images begin with that lie in a test folder outside the data set, as if it lay inside."""

_IGNORED = frozenset(("thumbs.db", "desktop.ini", "__macosx"))


@dataclass(frozen=True)
class Skipped:
    """A file or folder that takes no part: ``path`` relative to the root, and the reason in a few words."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImageFile:
    """A file that should be a picture: its path relative to the root, its class and its split, if any."""

    path: str
    class_name: str
    split: str | None


@dataclass
class _Walk:
    root: Path
    prefix: str = ""
    files: list[ImageFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def find_files(root: Path) -> tuple[list[ImageFile], list[Skipped]]:
    """All files that lie in class folders, and what is not used, both sorted by path.

    Raises ``DataError`` when ``root`` is no folder or its split folders are ambiguous.
    """
    walk = _Walk(_require_folder(root))
    folders, _ = _list(walk, root)
    splits = _split_folders(walk, folders)
    if splits is None:
        _walk_classes(walk, root, None)
    else:
        for name, folder in splits.items():
            _walk_classes(walk, folder, name)
        for folder in sorted(set(folders) - set(splits.values())):
            walk.skipped.append(Skipped(_relative(walk, folder), "it lies beside the split folders"))
    return (
        sorted(walk.files, key=lambda found: found.path),
        sorted(walk.skipped, key=lambda skipped: skipped.path),
    )


def find_test_files(root: Path) -> tuple[list[ImageFile], list[Skipped]]:
    """All files in the class folders of a test folder outside the data set, as ``find_files`` gives them.

    Paths begin with ``TEST_PREFIX``. Raises ``DataError`` when ``root`` is no folder.
    """
    walk = _Walk(_require_folder(root), TEST_PREFIX)
    _walk_classes(walk, root, "test")
    return (
        sorted(walk.files, key=lambda found: found.path),
        sorted(walk.skipped, key=lambda skipped: skipped.path),
    )


def _require_folder(root: Path) -> Path:
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {what}: name a folder that holds one folder of images for each class.")
    return root


def _split_folders(walk: _Walk, folders: Sequence[Path]) -> dict[str, Path] | None:
    """The folder of each split, or None where the folders are classes.

    Folders are splits when all of them, or at least two, bear the name of a split, and one of those holds class
    folders (``_holds_classes``); a class that happens to be called "train" remains a class.
    """
    named = [(SPLIT_NAMES[f.name.lower()], f) for f in folders if f.name.lower() in SPLIT_NAMES]
    if not named or not (len(named) == len(folders) or len(named) >= 2):
        return None
    bearers = [folder for _, folder in named if _holds_classes(folder)]
    if not bearers and (len(named) < len(folders) or all(name != "train" for name, _ in named)):
        return None
    splits: dict[str, Path] = {}
    for name, folder in named:
        if name in splits:
            pair = f"{splits[name].name} and {folder.name}"
            raise DataError(f"The folders {pair} in {walk.root} both mean the {name} split: merge them.")
        splits[name] = folder
    if splits.get("train") not in bearers:
        raise DataError(
            f"{walk.root} has split folders but none called train that holds class folders: add it, or give "
            "the classes other names."
        )
    return splits


def _holds_classes(folder: Path) -> bool:
    """Whether a folder holds folders and no picture of its own.

    Beside pictures, which then lie in no class folder, at least two folders with pictures.
    """
    try:
        entries = [entry for entry in folder.iterdir() if not _is_ignored(entry.name)]
    except OSError:
        return False
    folders = [entry for entry in entries if entry.is_dir()]
    loose = any(entry.suffix.lower() in IMAGE_SUFFIXES and not entry.is_dir() for entry in entries)
    return sum(map(_holds_pictures, folders)) >= 2 if loose else bool(folders)


def _holds_pictures(folder: Path) -> bool:
    """Whether a file at any depth has the name of a picture; the first one is enough."""
    names = (name for _, _, files in os.walk(folder) for name in files)
    return any(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in names)


def _walk_classes(walk: _Walk, folder: Path, split: str | None) -> None:
    folders, files = _list(walk, folder)
    for file in files:
        if file.suffix.lower() in IMAGE_SUFFIXES:
            walk.skipped.append(Skipped(_relative(walk, file), "it lies in no class folder"))
    for class_folder in folders:
        inside = list(_files_under(walk, class_folder, (_identity(folder), _identity(class_folder))))
        if not any(file.suffix.lower() in IMAGE_SUFFIXES for file in inside):
            walk.skipped.append(Skipped(_relative(walk, class_folder), "the folder holds no image"))
            continue
        name = unicodedata.normalize("NFC", class_folder.name)
        walk.files.extend(ImageFile(_relative(walk, file), name, split) for file in inside)


def _files_under(walk: _Walk, folder: Path, ancestors: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """Files at any depth; symbolic links are followed unless they lead back to a folder above."""
    folders, files = _list(walk, folder)
    yield from files
    for inner in folders:
        identity = _identity(inner)
        if identity in ancestors:
            walk.skipped.append(Skipped(_relative(walk, inner), "the symbolic link leads in a circle"))
        else:
            yield from _files_under(walk, inner, (*ancestors, identity))


def _list(walk: _Walk, folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the regular files in ``folder``, sorted; what cannot be used is noted."""
    folders: list[Path] = []
    files: list[Path] = []
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  # names, to test them before they become paths
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        walk.skipped.append(Skipped(_relative(walk, folder), f"it cannot be opened: {words}"))
        return folders, files
    for name in names:
        if _is_ignored(name):
            continue
        path = folder / name
        reason = _refuse(path)
        if reason:
            walk.skipped.append(Skipped(_relative(walk, path), reason))
        elif path.is_dir():
            folders.append(path)
        else:
            files.append(path)
    return folders, files


def _refuse(path: Path) -> str:
    """Why a path cannot be used, or an empty string; a pipe or a device is never opened."""
    if not path.name.isprintable() and _has_surrogates(path.name):
        return "its name is not valid UTF-8"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "the symbolic link leads nowhere"
    except OSError as error:
        return f"it cannot be opened: {(error.strerror or str(error)).lower()}"
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "it is not a regular file"
    return ""


def _has_surrogates(name: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in name)


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name.lower() in _IGNORED


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _relative(walk: _Walk, path: Path) -> str:
    """The path below the root with forward slashes, always printable as UTF-8, after the prefix."""
    return walk.prefix + path.relative_to(walk.root).as_posix().encode(errors="replace").decode()


def describe_no_images(root: Path, skipped: Sequence[Skipped]) -> str:
    """The sentence for a folder without a usable image."""
    if any(item.reason == "it lies in no class folder" for item in skipped):
        return f"The images in {root} lie in no class folder: put those of each class into one of their own."
    return f"{root} holds no {FORMAT_NAMES} image: name a folder that holds one folder of images a class."
