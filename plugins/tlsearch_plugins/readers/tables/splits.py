"""Parts of a split and folds in the columns of tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tlsearch.errors import DataError
from tlsearch.plugins.kinds.reader import PartName
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.folders.names import is_fold, part_and_rest, words
from tlsearch_plugins.readers.tables.labels import is_missing, is_yes
from tlsearch_plugins.readers.tables.parsing import Table

SPLIT_NAMES = (
    *("split", "splits", "data_split", "split_name", "subset", "set", "data_set", "dataset", "partition", "phase"),
    *("part", "usage", "fold", "folds", "kfold", "cv", "is_test", "is_valid", "is_val", "is_train", "is_training"),
    "is_training_image",
)
"""What columns of splits and folds are called, the plainest first."""

_NUMBER = re.compile(r"-?\d+")
_FOLD_NAMES = frozenset(("fold", "folds", "kfold", "cv", "split", "splits"))
_FLAGS = frozenset(("0", "1", "true", "false"))


@dataclass(frozen=True)
class Place:
    """Where a row belongs.

    Attributes:
        part: The part of the split.
        fold: The name of the fold.
        unlabelled: Whether its image waits for a prediction.
    """

    part: PartName | None = None
    fold: str | None = None
    unlabelled: bool = False


def place_of(column: str, text: str) -> Place | None:
    """What a cell of the column says, or None where it is no part and no fold."""
    if is_missing(text):
        return Place()
    name = words(column)
    if name[:1] == ["is"]:
        return _flag(" ".join(name[1:]), text)
    if (found := part_and_rest(text)) is not None and not found[1]:
        part = found[0]
        return Place(unlabelled=True) if part == "unlabelled" else Place(part=part)
    return Place(fold=text) if _NUMBER.fullmatch(text) or is_fold(text) else None


def is_split_column(table: Table, column: str) -> bool:
    """Whether every cell of the column is a part or a fold; plain numbers are folds where the column is called so."""
    filled = {value for value in table.columns[column] if not is_missing(value)}
    places = [place_of(column, value) for value in filled]
    if not places or any(place is None for place in places):
        return False
    numbered = any(_NUMBER.fullmatch(value) for value in filled)
    return not numbered or words(column)[0] == "is" or bool(_FOLD_NAMES & set(words(column)))


def require_no_half_split(table: Table, column: str) -> None:
    """Raise ``DataError`` where some cells of a column that is called like a split name parts and others do not.

    Rows that somebody marked for testing must not be trained on.
    """
    filled = sorted({value for value in table.columns[column] if not is_missing(value)})
    strange = [value for value in filled if place_of(column, value) is None]
    tested = [value for value in filled if "test" in words(value) or "val" in words(value)]
    if strange and tested:
        raise DataError(
            f"The column {column!r} is called like a split and holds {strange[0]!r} beside {tested[0]!r}: write train, "
            "val and test in it, or name another column with --split-column."
        )


def require_no_negative_fold(table: Table, column: str) -> None:
    """Raise ``DataError`` where a column of folds holds a number below 0, which programs mean in different ways."""
    values = table.columns[column]
    negative = [value for value in values if _NUMBER.fullmatch(value) and value.startswith("-")]
    if negative:
        raise DataError(
            f"The column {column!r} of {table.name} holds the fold {negative[0]} in {counted(len(negative), 'row')}, "
            "which can mean that they always train or that they belong to no fold: write the number of a fold, or "
            "leave these rows out."
        )


def holds_folds(table: Table, column: str) -> bool:
    """Whether the column says folds, not parts."""
    places = (place_of(column, value) for value in set(table.columns[column]))
    return any(place is not None and place.fold is not None for place in places)


def _flag(of: str, text: str) -> Place | None:
    """What ``is_valid`` and the like say: what is not of the part trains, and what does not train is for testing."""
    found = part_and_rest(of)
    if found is None or found[0] == "unlabelled" or text.lower() not in _FLAGS:
        return None
    if is_yes(text):
        return Place(part=found[0])
    return Place(part="test" if found[0] == "train" else "train")
