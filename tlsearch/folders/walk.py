"""A folder as a tree of what may be meant in it. Everything is sorted, so that every machine reads the same tree.

No file is opened here. Symbolic links are followed unless they lead back to a folder above.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tlsearch.folders.content import type_of_file
from tlsearch.folders.junk import HIDDEN, HIDDEN_FOLDERS, is_cloud_stub, junk_kind
from tlsearch.utils.units import counted

IMAGE_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx", ".avif", ".heic", ".heif"),
    )
)
"""Endings by which a file is taken for an image; whether it is one is decided by opening it."""


DEEPEST = 100
"""Folders below the root that are entered; whoever nests deeper has made a mistake."""


CIRCLE = "the symbolic link leads in a circle"
_FILE_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


@dataclass(frozen=True)
class Skipped:
    """A file or folder that takes no part: ``path`` relative to the root, and the reason in a few words.

    ``count`` is the number of images in a folder.
    """

    path: str
    reason: str
    count: int = 1


def files_of(skipped: Iterable[Skipped]) -> str:
    """``3 files``: how many files take no part, those in folders among them."""
    return counted(sum(entry.count for entry in skipped), "file")


@dataclass(frozen=True)
class Refused:
    """An entry that cannot be used, with the reason; ``folder`` where it is one, or a link that may have led to one."""

    path: Path
    reason: str
    folder: bool


@dataclass(eq=False, kw_only=True)
class Folder:
    """A folder and what lies in it.

    Attributes:
        path: Where it lies.
        relative: Its path below the root of the walk with forward slashes; empty for the root.
        folders: The folders in it, sorted by name.
        files: The regular files in it, sorted by name.
        refused: Entries that cannot be used.
    """

    path: Path
    relative: str
    folders: list[Folder] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the folder itself."""
        return self.path.name

    @cached_property
    def images(self) -> list[Path]:
        """The files right in this folder that may be images: by their endings or, where no file has one, by content."""
        named = [file for file in self.files if looks_like_image(file.name)]
        if named or not self.files:
            return named
        return [file for file in self.files if (kind := type_of_file(file)) is not None and kind.meant_as_image]

    @cached_property
    def holds_images(self) -> bool:
        """Whether a file at any depth may be an image."""
        return bool(self.images) or any(folder.holds_images for folder in self.folders)

    @cached_property
    def image_folders(self) -> list[Folder]:
        """The folders right in this one that hold images at any depth."""
        return [folder for folder in self.folders if folder.holds_images]

    def all_files(self) -> Iterator[Path]:
        """Every file at any depth."""
        yield from self.files
        for folder in self.folders:
            yield from folder.all_files()

    @property
    def lost(self) -> list[Refused]:
        """Refused entries that may be folders of images."""
        return [entry for entry in self.refused if entry.folder and entry.reason != CIRCLE]

    def all_refused(self) -> Iterator[Refused]:
        """Every entry at any depth that cannot be used."""
        yield from self.refused
        for folder in self.folders:
            yield from folder.all_refused()

    def count_images(self) -> int:
        """How many files at any depth may be images."""
        return len(self.images) + sum(folder.count_images() for folder in self.folders)


@dataclass(frozen=True)
class Tree:
    """A folder that was walked, and how many entries of each kind were passed over (``junk``)."""

    root: Folder
    passed_over: Counter[str]


def looks_like_image(name: str) -> bool:
    """Whether a file of this name is meant as an image, by its ending or as a stub of one."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES or is_cloud_stub(name)  # noqa: PTH122  # for speed


def walk(root: Path, only: Collection[Path] = ()) -> Tree:
    """All that may be meant below ``root``, which is a folder.

    ``only`` are folders below it, none in another: nothing else is looked into, as where a root is a whole disk.
    Raises ``OSError`` where ``root`` itself, or one of ``only``, cannot be listed.
    """
    passed_over = Counter[str]()
    inner = {path for path in only if path != root}
    folder = _walk_to(root, "", inner, (), passed_over) if inner else _walk(root, "", (identity(root),), passed_over)
    return Tree(folder, passed_over)


def relative_name(path: str) -> str:
    """The same path, always printable as UTF-8."""
    return path.encode(errors="replace").decode()


def _walk_to(
    path: Path, relative: str, only: Collection[Path], above: tuple[tuple[int, int], ...], passed_over: Counter[str]
) -> Folder:
    """A folder that leads to those in ``only``, and holds nothing else."""
    folder, above = Folder(path=path, relative=relative), (*above, identity(path))
    further: dict[str, list[Path]] = {}
    for wanted in only:
        further.setdefault(wanted.relative_to(path).parts[0], []).append(wanted)
    for name, inside in sorted(further.items()):
        inner, below = path / name, relative_name(f"{relative}/{name}" if relative else name)
        if inner in inside:
            folder.folders.append(_walk(inner, below, (*above, identity(inner)), passed_over))
        else:
            folder.folders.append(_walk_to(inner, below, inside, above, passed_over))
    return folder


def _walk(path: Path, relative: str, above: tuple[tuple[int, int], ...], passed_over: Counter[str]) -> Folder:
    """Read one folder and those in it. Raises ``OSError`` where it cannot be listed."""
    folder = Folder(path=path, relative=relative)
    with os.scandir(path) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if junk := junk_kind(entry.name):
            passed_over[HIDDEN_FOLDERS if junk == HIDDEN and examine(entry)[0] == "folder" else junk] += 1
            continue
        below = relative_name(f"{relative}/{entry.name}" if relative else entry.name)
        kind, reason = examine(entry)
        if kind == "file" and not reason:
            folder.files.append(Path(entry.path))
        elif kind == "folder" and not reason:
            reason = _enter(folder, entry, below, above, passed_over)
        if reason:
            folder.refused.append(Refused(Path(entry.path), reason, kind == "folder"))
    return folder


def _enter(
    folder: Folder, entry: os.DirEntry[str], below: str, above: tuple[tuple[int, int], ...], passed_over: Counter[str]
) -> str:
    """Walk a folder in ``folder``; what is in the way, or an empty string."""
    path = Path(entry.path)
    try:
        own = identity(path)
        if own in above:
            return CIRCLE
        if len(above) > DEEPEST:
            return f"it lies more than {DEEPEST} folders deep"
        folder.folders.append(_walk(path, below, (*above, own), passed_over))
    except OSError as error:
        return f"it cannot be opened: {os_words(error)}"
    return ""


def examine(entry: os.DirEntry[str] | Path) -> tuple[str, str]:
    """Whether an entry is a file or a folder, and why it cannot be used; a pipe or a device is never opened.

    A link that leads nowhere counts as a folder unless its name ends like a file's.
    """
    unreadable = "its name is not valid UTF-8" if has_surrogates(entry.name) else ""
    try:
        if entry.is_dir():
            return "folder", unreadable
        if entry.is_file():
            return "file", unreadable
        entry.stat()
    except OSError as error:
        kind = "file" if _FILE_ENDING.search(entry.name) else "folder"
        nowhere = isinstance(error, FileNotFoundError)
        return kind, "the symbolic link leads nowhere" if nowhere else f"it cannot be opened: {os_words(error)}"
    return "file", "it is not a regular file"


def has_surrogates(name: str) -> bool:
    """Whether a name is not valid UTF-8 on the disk."""
    return not name.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in name)


def identity(folder: Path) -> tuple[int, int]:
    """What tells a folder from every other, whatever names lead to it."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def os_words(error: OSError) -> str:
    """What the system says of an error."""
    return (error.strerror or str(error)).lower()
