"""The boxes of pictures in a folder: which files in it are annotations, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tlsearch.folders.boxes.box import AnnotatedBox, DamagedBoxesError, OtherFileError, ParsedBoxes
from tlsearch.folders.boxes.coco import MOST_BYTES, read_coco
from tlsearch.folders.boxes.matching import Pictures, key_of
from tlsearch.folders.boxes.plain import read_plain
from tlsearch.folders.boxes.voc import read_voc
from tlsearch.folders.boxes.yolo import NAME_LISTS, YAML_SUFFIXES, read_names, read_yolo
from tlsearch.folders.walk import Folder, looks_like_image
from tlsearch.utils.units import counted

SEVERAL = "it is called like several pictures, so that it is not known whose boxes it has"

_ENDINGS = frozenset(("xml", "json", "txt", "yaml", "yml", "names"))

_HEAD = 200


@dataclass(frozen=True, kw_only=True)
class FoundBoxes:
    """The boxes of the pictures in a folder.

    Attributes:
        boxes: By picture. A picture of which an annotation says that there is nothing in it has none.
        used: The annotation files, damaged ones and lists of the names of classes among them.
        damaged: Annotation files that cannot be used, each with the reason.
        understood: How they were read, a line.
        notes: What a person should know of them, a sentence each.
    """

    boxes: Mapping[Path, tuple[AnnotatedBox, ...]] = field(default_factory=dict)
    used: frozenset[Path] = frozenset()
    damaged: Mapping[Path, str] = field(default_factory=dict)
    understood: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def pictures(self) -> int:
        """How many pictures have a box."""
        return sum(bool(held) for held in self.boxes.values())


@dataclass(kw_only=True)
class _Read:
    """What the files of one format say."""

    name: str
    boxes: dict[Path, tuple[AnnotatedBox, ...]] = field(default_factory=dict)
    used: set[Path] = field(default_factory=set)
    damaged: dict[Path, str] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)
    lists: list[Path] = field(default_factory=list)

    def add(self, picture: Path, parsed: ParsedBoxes) -> None:
        """Take what an annotation says of a picture."""
        self.boxes[picture] = (*self.boxes.get(picture, ()), *parsed.boxes)
        self.faults += [(picture.name, reason) for reason in parsed.faults]

    @property
    def pictures(self) -> int:
        """How many pictures have a box."""
        return sum(bool(held) for held in self.boxes.values())


def find_boxes(tops: Sequence[Folder], pictures: Sequence[Path]) -> FoundBoxes:
    """Give the boxes of ``pictures`` by the annotation files in ``tops``.

    They are Pascal VOC XML, COCO JSON, YOLO text or the JSON of ``tlsearch explain``. Where files of several formats
    are there, that counts which has boxes for the most pictures.

    Args:
        tops: Folders that were walked.
        pictures: The files whose boxes are looked for.
    """
    candidates = _candidates(tops)
    if not candidates:
        return FoundBoxes()
    known = Pictures([top.path for top in tops], pictures)
    files = _Files.of(candidates, known)
    voc = _each("Pascal VOC", files.voc, known, lambda file: read_voc(file.read_bytes()))
    yolo = _each("YOLO", files.yolo, known, lambda file: read_yolo(file.read_bytes(), files.names_for(file)))
    yolo.lists = files.names
    lists = (_list("COCO", files.json, known, read_coco), _list("tlsearch", files.json, known, read_plain))
    formats = (voc, *lists, yolo)
    best = max(formats, key=lambda found: (found.pictures, len(found.damaged)))
    if not best.pictures and not best.damaged:
        return FoundBoxes()
    others = [found for found in formats if found is not best and found.pictures]
    used = {file for found in (best, *others) for file in (*found.used, *found.damaged, *found.lists)}
    line = f"boxes: {best.name} ({counted(best.pictures, 'image')} of {len(pictures):,})"
    return FoundBoxes(
        boxes=best.boxes,
        used=frozenset(used),
        damaged=best.damaged,
        understood=(line,) if best.pictures else (),
        notes=tuple(_notes(best, others)),
    )


@dataclass(frozen=True)
class _Files:
    """The files in folders that may be annotations."""

    voc: list[Path]
    json: list[Path]
    yolo: list[Path]
    names: list[Path]

    @classmethod
    def of(cls, candidates: Sequence[Path], known: Pictures) -> _Files:
        """Tell apart files by their endings, and by whether a picture is called so."""
        found = cls([], [], [], [])
        for file in candidates:
            suffix, called = file.suffix.lower(), bool(known.called(key_of(file)))
            if file.name.lower() in NAME_LISTS or suffix in YAML_SUFFIXES:
                found.names.append(file)
            elif suffix == ".txt":
                found.yolo.extend([file] if called else [])
            elif suffix == ".json":  # one that is called like a picture is of it alone, and not COCO
                found.json.extend([] if known.called(file.stem) else [file])
            elif called and (suffix == ".xml" or _begins_like_voc(file)):
                found.voc.append(file)
        return found

    @cached_property
    def _names_in(self) -> dict[Path, tuple[str, ...]]:
        """The names of the classes by the folder in which they stand."""
        read = ((file.parent, read_names(file)) for file in self.names)
        return {folder: names for folder, names in read if names}

    def names_for(self, annotation: Path) -> tuple[str, ...]:
        """The names of the classes, from the nearest folder above an annotation; of any, where there is none above."""
        above = (self._names_in[folder] for folder in annotation.parents if folder in self._names_in)
        return next(above, next(iter(self._names_in.values()), ()))


def _candidates(tops: Sequence[Folder]) -> list[Path]:
    """The files in folders whose endings are those of annotations, and those that may be without one.

    The latter lie in folders that hold no picture.
    """
    found: dict[Path, None] = {}
    waiting = list(tops)
    while waiting:
        folder = waiting.pop()
        waiting.extend(folder.folders)
        named = [file for file in folder.files if _ends_like_annotation(file.name)]
        if not named and not folder.images:
            named = [file for file in folder.files if not looks_like_image(file.name)]
        found |= dict.fromkeys(named)
    return sorted(found)


def _ends_like_annotation(name: str) -> bool:
    _, _, ending = name.rpartition(".")
    return ending.lower() in _ENDINGS


def _begins_like_voc(file: Path) -> bool:
    """Whether a file without an ending, as in some data sets, is an annotation in XML."""
    try:
        with file.open("rb") as stream:
            return b"<annotation" in stream.read(_HEAD)
    except OSError:
        return False


def _each(name: str, files: Sequence[Path], known: Pictures, read: Callable[[Path], ParsedBoxes]) -> _Read:
    """A format with a file for each picture. Files of another kind are left alone where they are the most."""
    found = _Read(name=name)
    matches, other = known.match(files), 0
    found.damaged = {file: SEVERAL for file in matches.unclear if _can_be_read(file, read)}
    for picture, file in matches.of.items():
        try:
            found.add(picture, read(file))
            found.used.add(file)
        except OtherFileError:
            other += 1
            found.damaged[file] = f"it is no annotation of {name}"
        except DamagedBoxesError as error:
            found.damaged[file] = error.reason
        except OSError as error:
            found.damaged[file] = f"it cannot be opened: {(error.strerror or str(error)).lower()}"
    return found if other <= len(found.used) else _Read(name=name)


def _can_be_read(file: Path, read: Callable[[Path], ParsedBoxes]) -> bool:
    try:
        read(file)
    except (OtherFileError, DamagedBoxesError, OSError):
        return False
    return True


def _list(name: str, files: Sequence[Path], known: Pictures, read: Callable[[bytes], dict[str, ParsedBoxes]]) -> _Read:
    """A format with one file for many pictures."""
    found = _Read(name=name)
    for file in files:
        try:
            if file.stat().st_size > MOST_BYTES:
                continue
            listed = read(file.read_bytes())
        except (OtherFileError, DamagedBoxesError, OSError):  # whether it was meant to be one is not known
            continue
        named = [(picture, parsed) for path, parsed in listed.items() if (picture := known.named(path)) is not None]
        if named:
            found.used.add(file)
        for picture, parsed in named:
            found.add(picture, parsed)
    return found


def _notes(best: _Read, others: Sequence[_Read]) -> Iterator[str]:
    for other in others:
        yield f"the boxes of {other.name} ({counted(other.pictures, 'image')}) are not used beside those of {best.name}"
    if best.faults:
        name, reason = best.faults[0]
        yield f"{counted(len(best.faults), 'box', 'boxes')} set aside, such as one of {name}: {reason}"
    if best.damaged:
        file, reason = next(iter(best.damaged.items()))
        yield f"{counted(len(best.damaged), 'file')} with boxes set aside, such as {file.name}: {reason}"
