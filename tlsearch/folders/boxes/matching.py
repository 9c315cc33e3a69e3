"""Which annotation file belongs to which picture, by their names and by the folders that they lie in."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeAlias

_WORD = re.compile(r"[^\W\d_]+")

_SAYS_NOTHING = frozenset(
    (
        *("annotation", "annotations", "label", "labels", "xml", "xmls", "voc", "yolo", "txt", "boxes", "bbox"),
        *(
            "bboxes",
            "image",
            "images",
            "img",
            "imgs",
            "jpegimages",
            "jpeg",
            "jpegs",
            "jpg",
            "png",
            "photos",
            "pictures",
        ),
        *("obj", "data", "pascal"),
    )
)
"""Words of folders that say only what kind of file lies in them."""


_Fit: TypeAlias = tuple[bool, int]
"""Whether the name has the ending of the picture too, and how many folders are shared."""


@dataclass(frozen=True)
class Matches:
    """Which annotation is whose.

    Attributes:
        of: The annotation of each picture that has one.
        unclear: Annotations that fit several pictures alike, and those of which several fit one picture alike.
    """

    of: Mapping[Path, Path] = field(default_factory=dict)
    unclear: tuple[Path, ...] = ()


class Pictures:
    """Picture files by their names."""

    def __init__(self, tops: Sequence[Path], files: Iterable[Path]) -> None:
        self._tops = tops
        self._by_key: dict[str, list[Path]] = defaultdict(list)
        self._folders: dict[Path, tuple[str, ...]] = {}
        for file in files:
            for key in {file.stem, file.name}:
                self._by_key[key].append(file)

    def called(self, key: str) -> Sequence[Path]:
        """Give the pictures of this name, with or without their ending."""
        return self._by_key.get(key, ())

    def match(self, annotations: Iterable[Path]) -> Matches:
        """Give each picture the annotation of its name whose folders fit best.

        Folders fit where those of the one are among those of the other in the same order, names that say only what
        kind of file is in them aside: ``labels/train/1.txt`` is that of ``images/train/cat/1.jpg``.
        """
        best: dict[Path, tuple[_Fit, list[Path]]] = {}
        for annotation in annotations:
            key, folders = key_of(annotation), self._parts(annotation.parent)
            for picture in self.called(key):
                shared = _fit(folders, self._parts(picture.parent))
                held = best.get(picture, ((False, -1), []))
                if shared is None or (fit := (key == picture.name, shared)) < held[0]:
                    continue
                best[picture] = (fit, [*held[1], annotation]) if fit == held[0] else (fit, [annotation])
        return _settled(best)

    def named(self, path: str) -> Path | None:
        """Give the picture that a path in a list of pictures means, or None where none or several can be meant."""
        wanted = PurePosixPath(path.replace("\\", "/"))
        names = _meaning(wanted.parent.parts)
        all_fits = ((_fit(names, self._parts(file.parent)), file) for file in self.called(wanted.name))
        fits = [(fit, file) for fit, file in all_fits if fit is not None]
        most = max((fit for fit, _ in fits), default=0)
        able = [file for fit, file in fits if fit == most]
        return able[0] if len(able) == 1 else None

    def _parts(self, folder: Path) -> tuple[str, ...]:
        """The names of the folders that lead to a file, below the outermost folder that was walked."""
        if folder not in self._folders:
            inside = [top for top in self._tops if folder == top or top in folder.parents]
            below = folder.relative_to(min(inside, key=lambda top: len(top.parts))) if inside else folder
            self._folders[folder] = _meaning(below.parts)
        return self._folders[folder]


def key_of(annotation: Path) -> str:
    """Give the name of the picture that an annotation file is called after, with or without its ending."""
    return annotation.stem if annotation.suffix.lower() in (".xml", ".txt") else annotation.name


def _meaning(parts: Collection[str]) -> tuple[str, ...]:
    """The names of folders in lower case, without those that say only what kind of file lies there."""
    return tuple(part for name in parts if not _says_nothing(part := name.casefold()))


def _says_nothing(name: str) -> bool:
    words = _WORD.findall(name)
    return bool(words) and all(word in _SAYS_NOTHING for word in words)


def _fit(one: Sequence[str], other: Sequence[str]) -> int | None:
    """How many names two paths share; None where neither is a part of the other, in order."""
    fewer, more = sorted((one, other), key=len)
    rest = iter(more)
    return len(fewer) if all(name in rest for name in fewer) else None


def _settled(best: Mapping[Path, tuple[_Fit, Sequence[Path]]]) -> Matches:
    owners: dict[Path, list[tuple[_Fit, Path]]] = defaultdict(list)
    unclear: set[Path] = set()
    for picture, (fit, files) in best.items():
        if len(files) > 1:
            unclear.update(files)
        else:
            owners[files[0]].append((fit, picture))
    of: dict[Path, Path] = {}
    for annotation, held in owners.items():
        most = max(fit for fit, _ in held)
        able = [picture for fit, picture in held if fit == most]
        if len(able) == 1:
            of[able[0]] = annotation
        else:
            unclear.add(annotation)
    return Matches(of, tuple(sorted(unclear)))
