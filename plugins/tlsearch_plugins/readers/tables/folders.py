"""Folders whose labels stand in a table: loose images beside ``train.csv``, or with ``metadata.csv`` among them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tlsearch.errors import DataError
from tlsearch.folders.junk import junk_kind
from tlsearch.folders.walk import Folder
from tlsearch.plugins.kinds.reader import PartName
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import enter, holds_classes
from tlsearch_plugins.readers.folders.pruned import is_excluded

_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_NEVER = frozenset(("submission", "submit"))
_LABEL_WORDS = frozenset(
    (
        *("label", "labels", "train", "training", "annotation", "annotations", "metadata", "meta", "groundtruth"),
        *("truth", "gt", "class", "classes", "data", "dataset", "index"),
    )
)
_DEEPEST = 5


def tables_in(root: Path, exclude: Sequence[str] = ()) -> list[Path]:
    """The tables in a folder, else those in the folders in it, else those in the only folder in it.

    Tables of answers to a competition are none, nor what fits a pattern in ``exclude``, nor what lies in a folder that
    cannot be listed.
    """
    return next(table_levels(root, exclude), [])


def table_levels(root: Path, exclude: Sequence[str] = ()) -> Iterator[list[Path]]:
    """The tables of ``tables_in``, then those one level further in, and so on, where there are any."""
    folder, below = root, ""
    for _ in range(_DEEPEST):
        here, folders = _listing(folder, below, exclude)
        if here:
            yield here
        if inside := [table for inner in folders for table in _listing(inner, f"{below}{inner.name}/", exclude)[0]]:
            yield inside
        if len(folders) != 1:
            return
        folder, below = folders[0], f"{below}{folders[0].name}/"


def _listing(folder: Path, below: str, exclude: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """The tables and the folders in a folder whose path below the root is ``below``."""
    tables, folders = [], []
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return [], []
    for entry in entries:
        if junk_kind(entry.name) or is_excluded(entry.name, f"{below}{entry.name}", exclude):
            continue
        if entry.name.lower().endswith(_ENDINGS):
            if not _is_answer(Path(entry.name).stem) and Path(entry.path).is_file():
                tables.append(Path(entry.path))
        elif _is_folder(entry):
            folders.append(Path(entry.path))
    return tables, folders


def _is_answer(stem: str) -> bool:
    """Whether a table is called like answers to a competition, or like a sample of them; not ``sample_labels``."""
    found = set(names.words(stem))
    return bool(_NEVER & found) or ("sample" in found and not _LABEL_WORDS & found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link that leads in a circle
        return False


def in_class_folders(top: Folder) -> bool:
    """Whether the names of folders say the classes, so that no table is needed."""
    root, _ = enter(top)
    inner = root.image_folders
    parts = names.parts_of([folder.name for folder in inner])
    named = [folder for folder in inner if folder.name in parts]
    others = [folder for folder in inner if folder not in named and not names.is_mask(folder.name)]
    if any(holds_classes(folder) for folder in inner):
        return True
    if named and (len(set(parts.values())) > 1 or not others):
        return False
    classes = [folder for folder in inner if not names.is_images(folder.name)]
    classes += [folder for folder in inner if classes and folder.name.isdigit()]
    pieces = [folder for folder in classes if names.is_piece(folder.name)]
    return len(classes) >= 2 and len(pieces) < len(classes)


def part_of(table: Path, root: Path) -> PartName | None:
    """The part of a split that a table is, by its name or by the folder in which it lies."""
    for name in (table.stem, table.parent.name if table.parent != root else ""):
        found = names.part_and_rest(name)
        if found is not None and found[0] != "unlabelled":
            return found[0]
    return None


def choose(tables: Sequence[Path], root: Path) -> list[Path]:
    """The tables to read of those that name images: the parts of a split, or the one that is called like labels.

    Raises ``DataError`` where several can be meant.
    """
    if len(tables) == 1:
        return list(tables)
    parts = [part_of(table, root) for table in tables]
    if None not in parts and "train" in parts and len(set(parts)) == len(parts):
        return list(tables)
    ranked = sorted(tables, key=_rank)
    if _rank(ranked[0]) < _rank(ranked[1]):
        return ranked[:1]
    shown = ", ".join(table.name for table in ranked[:4])
    raise DataError(f"{root} holds several tables of its images ({shown}): name one of them, such as {ranked[0]}.")


def _rank(table: Path) -> tuple[bool, int]:
    found = names.words(table.stem)
    return not _LABEL_WORDS & set(found), len(found)
