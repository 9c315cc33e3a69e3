"""Where the folders lie that a configuration names beside its data set: below it, or from the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PARTS = ("train", "val", "test")
"""They are looked for below the data set first, and then from the working directory."""

BESIDE = (*PARTS, "images")
"""The last, for a table, is looked for from the working directory first, and then beside the table."""


def found_place(name: str, named: Path | None, dataset: Any) -> Path | None:
    """Give where the folder of a field lies, as it is found when the data set is read.

    Args:
        name: One of ``BESIDE``.
        named: What the user has named; None for nothing.
        dataset: The data set: a path, an address, or images in memory.

    Returns:
        The folder that is there. Where none is, what was named; None where it may lie in what is still to be unpacked
        or downloaded, so that nobody knows.
    """
    if named is None:
        return None
    below = _base(dataset) / named if isinstance(dataset, Path) else named
    either = (below, named) if name in PARTS else (named, below)
    there = next((place for place in either if place.is_dir()), None)
    unpacked = isinstance(dataset, Path) and (dataset.is_dir() or not dataset.exists())
    return there or (named if unpacked or named.is_absolute() else None)


def moved_places(named: Mapping[str, Path | None], before: Any, now: Any) -> dict[str, Path]:
    """Give the folders that lay below a data set and have been moved with it, by field.

    Args:
        named: What a configuration names, by field of ``BESIDE``.
        before: Where the data set was.
        now: Where it is.
    """
    if not isinstance(before, Path) or not isinstance(now, Path):
        return {}
    then, base = before.parent if now.is_file() else before, _base(now)
    below = {name: path for name, path in named.items() if path is not None and path.is_relative_to(then)}
    moved = {name: base / path.relative_to(then) for name, path in below.items()}
    return {name: place for name, place in moved.items() if place.is_dir()}


def _base(dataset: Path) -> Path:
    """The folder of a data set, or that of a table."""
    return dataset.parent if dataset.is_file() else dataset
