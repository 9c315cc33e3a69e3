"""Folders whose labels stand in a table: loose images beside ``train.csv``, or with ``metadata.csv`` among them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tlsearch.errors import DataError
from tlsearch.folders.junk import junk_kind
from tlsearch.folders.walk import Folder, walk
from tlsearch.plugins.kinds.reader import PartName
from tlsearch_plugins.readers.folders import names
from tlsearch_plugins.readers.folders.inspect import enter, holds_classes

_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_NEVER = frozenset(("submission", "sample", "submit"))
_LABEL_WORDS = frozenset(
    (
        *("label", "labels", "train", "training", "annotation", "annotations", "metadata", "meta", "groundtruth"),
        *("truth", "gt", "class", "classes", "data", "dataset", "index"),
    )
)
_DEEPEST = 4


def holds_table(root: Path) -> bool:
    """Whether the images in ``root`` lie in no class folders and a table lies beside them."""
    try:
        return bool(tables_in(root)) and not in_class_folders(walk(root).root)
    except OSError:
        return False


def tables_in(root: Path, depth: int = 0) -> list[Path]:
    """The tables in a folder, else those in the folders in it, else those in the only folder in it.

    Tables of answers to a competition are none.
    """
    here, folders = _listing(root)
    if here:
        return here
    if inside := [table for folder in folders for table in _listing(folder)[0]]:
        return inside
    return tables_in(folders[0], depth + 1) if len(folders) == 1 and depth < _DEEPEST else []


def _listing(folder: Path) -> tuple[list[Path], list[Path]]:
    tables, folders = [], []
    with os.scandir(folder) as listing:
        for entry in sorted(listing, key=lambda entry: entry.name):
            if junk_kind(entry.name):
                continue
            if entry.name.lower().endswith(_ENDINGS):
                if not _NEVER & set(names.words(Path(entry.name).stem)) and entry.is_file():
                    tables.append(Path(entry.path))
            elif entry.is_dir():
                folders.append(Path(entry.path))
    return tables, folders


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
