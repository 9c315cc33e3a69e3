"""Which image a row of a table means: names with and without folders and endings, as people and programs write them."""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

from tlsearch.folders.walk import Folder, looks_like_image, relative_name
from tlsearch.utils.addresses import is_address
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import enter

LONGEST = 4096
"""A path of as many letters is none."""


def image_root(top: Folder) -> Folder:
    """The folder of images in ``top``: where folders of classes would lie, or the only folder of loose images."""
    root, _ = enter(top)
    innermost = root
    while not innermost.images and len(innermost.image_folders) == 1:
        innermost = innermost.image_folders[0]
    return root if innermost.image_folders else innermost


@dataclass(frozen=True)
class _Known:
    """A file, and the names of the folders below the folder of images that lead to it, its own last.

    ``split`` is the part of a split that its folders say, those above the folder of images among them.
    """

    file: Path
    parts: tuple[str, ...]
    split: names.Part | None


@dataclass(frozen=True)
class Starts:
    """Where the names in a table start from.

    Attributes:
        folders: The folders that they may start from (absolute paths), the likeliest first.
        apart: The names of folders to which only a name with the folder leads. They are other parts of a split that
            number their images as its own part does, so that ``7.jpg`` is one picture in ``train`` and another in
            ``test``, and masks and thumbnails called like the images.
        rivals: Folders of other parts in which a name may be meant as well, where it is in one of ``folders``.
    """

    folders: tuple[str, ...]
    apart: frozenset[str] = frozenset()
    rivals: tuple[str, ...] = ()


class ImageFiles:
    """The files below a folder, by all names under which a table may know them.

    Attributes:
        top: The folder in which files are looked for.
        root: The folder of images in it, from which the paths of images start.
        kept: The files that take part, or None for all. Where a name fits several files, they decide.
        paths_hold: Whether absolute paths in the table are those of files here, so that one without a file is lost.
    """

    def __init__(
        self, top: Folder, root: Folder, kept: frozenset[Path] | None = None, *, paths_hold: bool = False
    ) -> None:
        self.top, self.root, self.kept, self.paths_hold = top, root, kept, paths_hold
        self._tops = (_absolute(root.path), _absolute(top.path))
        self._named_tops = self._places()
        self._by_path: dict[str, Path] = {}
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        self._by_end: dict[str, list[_Known]] = defaultdict(list)
        self._folders: dict[str, str] = {}
        self._splits: dict[str, names.Part | None] = {}
        self._there: dict[str, bool] = {}
        self._stems: dict[tuple[Path, int], frozenset[str]] = {}
        self._answers: dict[tuple[str, Starts], tuple[Path, ...]] = {}
        for file in top.all_files():
            self._add(file)

    def _places(self) -> tuple[str, str]:
        return _absolute(self.root.path, compose=False), _absolute(self.top.path, compose=False)

    def _absolute(self, file: Path) -> str:
        """The absolute path of a file; that of its folder is made once."""
        folder, name = os.path.split(file)
        if folder not in self._folders:
            self._folders[folder] = _absolute(Path(folder), compose=False).rstrip("/")
        return f"{self._folders[folder]}/{name}"

    def _add(self, file: Path) -> None:
        path = normalize("NFC", self._absolute(file))
        self._by_path[path] = file
        if not looks_like_image(file.name):
            return
        stem = posixpath.splitext(path)[0]
        self._by_stem[stem].append(file)
        for known in {path, stem}:
            parts = tuple(_below(known, self._tops).split("/"))
            self._by_end[parts[-1].casefold()].append(_Known(file, parts, self._split_of(path)))

    def _split_of(self, path: str) -> names.Part | None:
        """The part of a split that the folders of a file say, below that in which files are looked for."""
        folder = posixpath.dirname(path)
        if folder not in self._splits:
            self._splits[folder] = said_split(folder.removeprefix(self._tops[1]).split("/"))
        return self._splits[folder]

    def path_of(self, file: Path) -> str:
        """The path of a file below the folder of images."""
        return relative_name(_below(self._absolute(file), self._named_tops))

    def find(self, name: str, starts: Starts) -> tuple[Path, ...]:
        """The files that ``name`` may mean: none, one, or several.

        It is looked for below each folder of ``starts``, with and without its ending. Where it is in none of them,
        those count whose path ends in ``name``, or whose path below the folder of images is the end of ``name``. A name
        that says a part of a split does not mean a file in the folder of another one, and an absolute path into a
        folder that is there means no file elsewhere. Where there is none at all, what follows the path in an address
        does not count, nor does the ending.
        """
        key = (name, starts)
        if key not in self._answers:
            text = normalize("NFC", name.strip().replace("\\", "/"))
            self._answers[key] = next(filter(None, (self._usable(each, starts) for each in _ways_to_say(text))), ())
        return self._answers[key]

    def _usable(self, text: str, starts: Starts) -> tuple[Path, ...]:
        usable = bool(text) and not text.endswith("/") and "\0" not in text
        return self._that_take_part(text, starts, self._find(text, starts)) if usable else ()

    def _that_take_part(self, text: str, starts: Starts, found: tuple[Path, ...]) -> tuple[Path, ...]:
        """Of the files that a name may mean those that take part; all of them where none does."""
        if self.kept is None:
            return found
        kept = [file for file in found if file in self.kept]
        kept = kept or [file for file in self._by_its_end(text, starts) if file in self.kept]
        return tuple(kept) or found

    def _find(self, text: str, starts: Starts) -> tuple[Path, ...]:
        for start in starts.folders:
            if found := self._at(start, text):
                others = (file for rival in starts.rivals for file in self._at(rival, text))
                return tuple(dict.fromkeys((*found, *others)))
        return () if self._leads_to_a_folder(text, starts) else self._by_its_end(text, starts)

    def _at(self, start: str, text: str) -> tuple[Path, ...]:
        """The file of that name below a folder, or those without its ending."""
        path = posixpath.normpath(posixpath.join(start, text))
        file = self._by_path.get(path)
        return (file,) if file is not None else tuple(self._by_stem.get(path, ()))

    def _leads_to_a_folder(self, text: str, starts: Starts) -> bool:
        """Whether a name is an absolute path, or one that leads upwards, into a folder that is there.

        A file that is not in it is lost, and no other one is meant.
        """
        if not self.paths_hold or not text.startswith(("/", "../")):
            return False
        folder = posixpath.dirname(posixpath.join(starts.folders[0], text))
        if folder not in self._there:
            self._there[folder] = len(folder) < LONGEST and os.path.isdir(folder)  # noqa: PTH112  # for speed
        return self._there[folder]

    def _by_its_end(self, text: str, starts: Starts) -> tuple[Path, ...]:
        wanted = [part for part in text.split("/") if part not in ("", ".", "..")]
        if not wanted:
            return ()
        alike = [known for known in self._by_end.get(wanted[-1].casefold(), ()) if _ends_alike(known.parts, wanted)]
        alike = [each for each in alike if each.parts[0] not in starts.apart or len(wanted) >= len(each.parts)]
        if (split := said_split(wanted[:-1])) is not None:
            alike = [each for each in alike if each.split in (split, None)]
        exact = [known for known in alike if known.parts[-1] == wanted[-1]]
        return tuple(dict.fromkeys(known.file for known in exact or alike))

    def narrow(self, named: Set[Path]) -> None:
        """Let the folder of images be the innermost one that holds all files in ``named``, but not a part of a split.

        What lies beside it is none of the table's business.
        """
        while not named & set(self.root.images):
            holders = [folder for folder in self.root.image_folders if images_below(folder) & named]
            parts = names.parts_of([folder.name for folder in self.root.image_folders])
            if len(holders) != 1 or holders[0].name in parts:
                return
            self.root = holders[0]
            self._named_tops = self._places()

    def starts(self, table: Path, part: str | None, *, said: bool = False, once: bool = False) -> Starts:
        """The folders that the names in a table may start from, the likeliest first.

        They are that of the table, that of the images, that which is called like the table, those called like the
        ``part`` of the table (of training where it is none), and those called like images.

        Args:
            table: The file.
            part: The part of its rows.
            said: Whether each row says its part, so that one name that is in two folders is enough to keep them apart.
            once: Whether no name is in rows of two parts. Then the rows of all parts may mean images in one folder,
                whatever else is in the others.
        """
        wanted = part or "train"
        inner = self.root.image_folders
        same = [folder.path for folder in inner if folder.name == table.stem]
        parts = names.parts_of([folder.name for folder in inner])
        own = [folder for folder in inner if parts.get(folder.name) == wanted]
        others = [folder for folder in inner if folder not in own and folder.name in parts]
        plain = [folder.path for folder in inner if names.is_images(folder.name)]
        paths = (table.parent, self.root.path, *same, *(folder.path for folder in own), *plain)
        open_to_doubt = said and once and wanted != "train"
        apart = [folder for folder in others if not open_to_doubt and self._number_alike(folder, own, sure=said)]
        made = [folder for folder in inner if names.is_mask(folder.name)]
        whole = [replace(self.root, folders=[]), *(folder for folder in inner if folder not in made)]
        apart += [folder for folder in made if self._number_alike(folder, whole)]
        return Starts(
            tuple(dict.fromkeys(map(_absolute, paths))),
            frozenset(normalize("NFC", folder.name) for folder in apart),
            tuple(_absolute(folder.path) for folder in others if open_to_doubt),
        )

    def _number_alike(self, one: Folder, others: Sequence[Folder], *, sure: bool = False) -> bool:
        """Whether most images in the first folder have the names of images in the others; where ``sure``, any."""
        both = len(self._stems_of(one) & frozenset[str]().union(*map(self._stems_of, others)))
        return both > 0 and (sure or 2 * both > len(self._stems_of(one)))

    def _stems_of(self, folder: Folder) -> frozenset[str]:
        """The paths below a folder of all images in it, without their endings."""
        key = folder.path, len(folder.folders)
        if key not in self._stems:
            start = len(str(folder.path)) + 1
            paths = (posixpath.splitext(str(file)[start:])[0] for file in images_below(folder))
            self._stems[key] = frozenset(path.casefold() for path in paths)
        return self._stems[key]


def images_below(folder: Folder) -> frozenset[Path]:
    """Every file at any depth that may be an image."""
    return frozenset(folder.images).union(*(images_below(inner) for inner in folder.folders))


def _ways_to_say(text: str) -> Iterator[str]:
    """The name itself; the path of an address; with ``%20`` as a space; and without endings, as files get others."""
    names = [text]
    if is_address(text):
        names.append(unquote(re.split(r"[?#]", text, maxsplit=1)[0]))
    elif (plain := normalize("NFC", unquote(text))) != text:
        names.append(plain)
    yield from names
    yield from (posixpath.splitext(name)[0] for name in names if looks_like_image(name))


def said_split(folders: Sequence[str]) -> names.Part | None:
    """The part of a split that the innermost folder says which is called like one; None where none is."""
    found = (names.part_and_rest(name) for name in reversed(folders))
    return next((split[0] for split in found if split is not None and not split[1]), None)


def _ends_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the shorter of two paths is the end of the other, upper and lower case aside."""
    count = min(len(one), len(other))
    return [part.casefold() for part in one[-count:]] == [part.casefold() for part in other[-count:]]


def _below(path: str, tops: Sequence[str]) -> str:
    """The path below the first of ``tops`` in which it lies."""
    for top in tops:
        start = top.rstrip("/") + "/"
        if path.startswith(start):
            return path[len(start) :]
    return path.lstrip("/")


def _absolute(path: Path, *, compose: bool = True) -> str:
    text = os.path.abspath(path).replace(os.sep, "/")  # noqa: PTH100  # symbolic links stay as they are
    return normalize("NFC", text) if compose else text
