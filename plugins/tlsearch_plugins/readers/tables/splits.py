"""What a column of a table says of a split, from its name and its cells: parts, folds, nothing, or one of two things.

``meaning_of`` is the only place that knows. What may be a split and is not understood is never passed over: whoever
marked images for testing does not want them in training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tlsearch.plugins.kinds.reader import PartName
from tlsearch_plugins.readers.folders.names import FOLD_WORDS, PART_WORDS, is_fold, part_and_rest, words
from tlsearch_plugins.readers.tables.labels import is_missing

SPLIT_NAMES = (
    *("split", "splits", "data_split", "split_name", "partition", "subset", "set", "data_set", "dataset", "phase"),
    *("part", "usage", "fold", "folds", "kfold", "cv"),
)
"""What columns of splits and folds are called, the plainest first."""

_SURE = frozenset(("split", "splits", "data_split", "split_name", "partition", "fold", "folds", "kfold", "cv"))
"""Those that are called so for nothing else; a set, a part or a phase can be a property of the thing in the picture."""

_FLAG_STARTS = frozenset(("is", "in", "for", "use", "used"))
_YES = frozenset(("1", "true", "yes", "y", "t"))
_NO = frozenset(("0", "false", "no", "n", "f"))
_NUMBER = re.compile(r"-?\d+")
_FEW = 3
_MOST = 20
"""No split has more parts than this; a column of another name that holds more is none."""
_CONTEST: Mapping[str, PartName] = {"training": "train", "publictest": "val", "privatetest": "test"}
"""The three parts of a contest: the ranks in public are those to choose by, and the private ones are the test."""


@dataclass(frozen=True)
class RowPart:
    """Where a row belongs.

    Attributes:
        part: The part of the split.
        fold: The name of the fold.
        unlabelled: Whether its image waits for a prediction.
    """

    part: PartName | None = None
    fold: str | None = None
    unlabelled: bool = False


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a column says of a split.

    Attributes:
        kind: ``parts`` or ``folds``; ``unclear`` where it may be one of them and is not understood; ``nothing``.
        places: What each text in it means; empty where it is not understood.
        strange: A text that is not understood beside one that is.
        known: The text that is.
        called: Whether it is called like a split or a part of one.
    """

    kind: Literal["parts", "folds", "unclear", "nothing"]
    places: Mapping[str, RowPart] = field(default_factory=dict)
    strange: str = ""
    known: str = ""
    called: bool = False


def meaning_of(column: str, cells: Sequence[str], *, chosen: bool = False) -> Meaning:
    """What a column of this name with these cells says of a split; ``chosen`` where the user says that it is one."""
    filled = sorted({cell for cell in cells if not is_missing(cell)})
    called = chosen or is_called_split(column) or is_called_flag(column)
    if not filled or (not called and len(filled) > _MOST):
        return Meaning(kind="nothing", called=called)
    for kind, places in (
        ("parts", _as_parts(filled, called=called)),
        ("parts", _as_flags(column, filled)),
        ("folds", _as_folds(column, filled, chosen=chosen)),
    ):
        if places:
            empty = places.pop("", RowPart())
            places |= {cell: empty for cell in cells if is_missing(cell)}
            return Meaning(kind="folds" if kind == "folds" else "parts", places=places, called=called)
    return _not_understood(column, filled, called=called)


def is_called_split(column: str) -> bool:
    """Whether a column is called like a split or like folds: ``split``, ``train_or_test``."""
    found = words(column)
    return "_".join(found) in SPLIT_NAMES or len({PART_WORDS[word] for word in found if word in PART_WORDS}) > 1


def is_called_flag(column: str) -> bool:
    """Whether a column is called like one part of a split: ``is_train``, ``in_test``, ``holdout``."""
    return _part_of_flag(column) is not None


def may_be_label(column: str) -> bool:
    """Whether a column that is called like a part can be that of a label: ``train`` beside ``bus`` and ``tram``."""
    return not _FLAG_STARTS.intersection(words(column)[:1])


def _part_of_flag(column: str) -> PartName | None:
    """The part that the rows with a yes belong to."""
    found = words(column)
    while found and found[0] in _FLAG_STARTS:
        found = found[1:]
    split = part_and_rest(" ".join(found))
    return split[0] if split is not None and not split[1] and split[0] != "unlabelled" else None


def _as_parts(filled: Sequence[str], *, called: bool) -> dict[str, RowPart]:
    """Words such as train, val and test; in a column of another name training must be among them, and not alone."""
    if {"".join(words(cell)) for cell in filled} <= _CONTEST.keys():
        return {cell: RowPart(part=_CONTEST["".join(words(cell))]) for cell in filled}
    found = {cell: split[0] for cell in filled if (split := part_and_rest(cell)) is not None and not split[1]}
    parts = set(found.values())
    if len(found) < len(filled) or not (called or ("train" in parts and len(parts) > 1)):
        return {}
    return {
        cell: RowPart(unlabelled=True) if part == "unlabelled" else RowPart(part=part) for cell, part in found.items()
    }


def _as_flags(column: str, filled: Sequence[str]) -> dict[str, RowPart]:
    """What is not of the part trains, and what does not train is for testing.

    Where no cell says no, an empty one does: whoever marks some rows leaves the others empty.
    """
    part = _part_of_flag(column)
    if part is None or words(column) == ["valid"] or not _are_flags(filled):  # what is valid may be what can be used
        return {}
    other: PartName = "test" if part == "train" else "train"
    places = {cell: RowPart(part=part if cell.lower() in _YES else other) for cell in filled}
    return places if any(cell.lower() in _NO for cell in filled) else {**places, "": RowPart(part=other)}


def _as_folds(column: str, filled: Sequence[str], *, chosen: bool) -> dict[str, RowPart]:
    """Numbers in a column of folds, and more than three of them in a column that is called a split.

    Two or three numbers in a split may be training and test.
    """
    numbers = [cell for cell in filled if _NUMBER.fullmatch(cell)]
    if not (chosen or is_called_split(column)) or not all(cell in numbers or is_fold(cell) for cell in filled):
        return {}
    folds = bool(FOLD_WORDS & set(words(column)))
    enough = folds or not numbers or (len(filled) > _FEW and (chosen or words(column)[-1].startswith("split")))
    return {cell: RowPart(fold=cell) for cell in filled} if enough else {}


def _not_understood(column: str, filled: Sequence[str], *, called: bool) -> Meaning:
    """Unclear where a cell speaks of a part, or where the name is that of a split and the cells can be its parts."""
    known_cells = [cell for cell in filled if (found := part_and_rest(cell)) is not None and not found[1]]
    near = [cell for cell in filled if any(word in ("test", "val", "train") for word in words(cell))]
    strange = [cell for cell in filled if cell not in known_cells]
    if strange and ((called and near) or 2 * len(known_cells) >= len(filled)):
        known = next((cell for cell in (*known_cells, *near) if cell != strange[0]), "")
        return Meaning(kind="unclear", strange=strange[0], known=known, called=called)
    numbers = all(map(_NUMBER.fullmatch, filled)) and len(filled) <= _FEW
    unclear = called and (_are_flags(filled) or (numbers and is_called_split(column)))
    unclear = unclear or "_".join(words(column)) in _SURE
    return Meaning(kind="unclear" if unclear and len(filled) > 1 else "nothing", called=called)


def _are_flags(filled: Sequence[str]) -> bool:
    return {cell.lower() for cell in filled} <= _YES | _NO
