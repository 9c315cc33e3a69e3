"""The classes of validation and test folders, against those of the training folder, which decide."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from tlsearch.errors import DataError
from tlsearch.utils.texts import some
from tlsearch_plugins.readers.folders.layout import ClassFolder, Layout, LeftOut
from tlsearch_plugins.readers.folders.names import words


def match_parts(root: Path, layout: Layout, named: Collection[str] = ()) -> None:
    """Give the classes of validation and test the names of training, and leave out those that training does not know.

    ``named`` are the parts whose folders the user has named. Raises ``DataError`` where a part has several classes and
    none of them is one of training.
    """
    layout.classes = [replace(found, name=normalize("NFC", found.name)) for found in layout.classes]
    trained = {found.name for found in layout.classes if found.split in (None, "train")}
    kept: list[ClassFolder] = []
    unknown: dict[str, list[ClassFolder]] = defaultdict(list)
    for found in layout.classes:
        name = _nearest(found.name, trained)
        if name is None:
            unknown[str(found.split)].append(found)
            continue
        if name != found.name:
            layout.notes.append(f"{found.folder.relative} is read as the class {name}")
        kept.append(replace(found, name=name))
    _require_known(root, (kept, unknown), trained, named)
    layout.classes = kept
    for split, folders in unknown.items():
        reason = f"training has no class of this name, so its images say nothing in {split}"
        layout.left_out += [LeftOut(found.folder, reason) for found in folders]
    _note_missing(layout, trained)
    for name in sorted(name for name in trained if words(name) in (["unknown"], ["unidentified"])):
        layout.notes.append(f"{name} is read as a class; if its images have no labels yet, say --exclude {name!r}")


def _nearest(name: str, trained: set[str]) -> str | None:
    """The class of training that is called so, or that differs in case, spaces and marks only."""
    if name in trained:
        return name
    alike = [other for other in trained if other.casefold().strip() == name.casefold().strip()]
    alike = alike or [other for other in trained if words(name) and words(other) == words(name)]
    return alike[0] if len(alike) == 1 else None


def _require_known(
    root: Path,
    found: tuple[Sequence[ClassFolder], dict[str, list[ClassFolder]]],
    trained: set[str],
    named: Collection[str],
) -> None:
    """``found`` are the folders of known classes, and those of others by part."""
    kept, unknown = found
    known = Counter(str(found.split) for found in kept)
    deeper = {inner.name for found in kept for inner in found.folder.image_folders}
    for split, folders in unknown.items():
        names = some(sorted({folder.name for folder in folders}))
        if not known[split] and any(_is_called_like(found, deeper) for found in folders):
            raise DataError(
                f"The classes of {split} in {root} ({names}) are none of those of training ({some(sorted(trained))}), "
                "and folders in those of training are called like them or like what they hold: say --layout subfolders "
                f"where {some(sorted(deeper))} are the classes, or leave {split} out with --exclude."
            )
        if len(trained) == 1:
            raise DataError(
                f"{root} has one class to train on ({next(iter(trained))}), and {split} holds others ({names}): "
                "tlsearch learns classes from images of each of them, so put some of all into training, or name a "
                f"folder that holds all classes, such as {folders[0].folder.path.parent}."
            )
        if not known[split] and len(folders) > 1:
            leave = f"leave out --{split}" if split in named else f"leave {split} out with --exclude"
            raise DataError(
                f"The classes of {split} in {root} ({names}) are none of those of training "
                f"({some(sorted(trained))}): give their folders the same names, or {leave}."
            )


def _is_called_like(found: ClassFolder, names: set[str]) -> bool:
    """Whether a folder of a class, or one in it, has one of the names."""
    return found.name in names or any(inner.name in names for inner in found.folder.image_folders)


def _note_missing(layout: Layout, trained: set[str]) -> None:
    for split, what in (("val", "validation"), ("test", "test")):
        held = {found.name for found in layout.classes if found.split == split}
        if held and (absent := sorted(trained - held)):
            layout.notes.append(f"no {what} images of {some(absent)}")
