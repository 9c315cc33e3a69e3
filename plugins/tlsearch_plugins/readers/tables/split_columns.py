"""Which column of a table says the split, and the question where that cannot be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tlsearch.errors import DataError
from tlsearch.utils.texts import some
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.folders.names import words
from tlsearch_plugins.readers.tables.labels import LABEL_NAMES, flags_of_one, is_missing
from tlsearch_plugins.readers.tables.parsing import Table
from tlsearch_plugins.readers.tables.splits import (
    SPLIT_NAMES,
    Meaning,
    is_called_flag,
    is_called_split,
    may_be_label,
    meaning_of,
)

NONE = "none"
"""What ``--split-column`` says where no column is a split."""


class UnclearSplitError(DataError):
    """A column that may say a split and is not understood."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class SplitColumns:
    """What the columns of a table say of a split.

    Attributes:
        used: That of the parts or folds.
        meanings: What each of the others may say.
    """

    used: str | None = None
    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    @property
    def meaning(self) -> Meaning | None:
        """What the used one says."""
        return self.meanings[self.used] if self.used is not None else None

    @property
    def no_labels(self) -> frozenset[str]:
        """Columns that are no labels, as they say parts or folds."""
        return frozenset(name for name, meaning in self.meanings.items() if meaning.kind in ("parts", "folds"))


def find_split(table: Table, rest: Sequence[str], chosen: str | None) -> SplitColumns:
    """The column of the split: the one that is ``chosen``, else what names and cells say of those in ``rest``.

    Raises ``UnclearSplitError`` where one is not understood.
    """
    if chosen is not None:
        meaning = meaning_of(chosen, table.columns[chosen], chosen=True)
        _require_understood(table, chosen, meaning)
        return SplitColumns(chosen, {chosen: meaning})
    labels = _labels_called_like_parts(table, rest)
    able = [name for name in rest if _normal(name) not in LABEL_NAMES and name not in labels]
    meanings = {name: meaning_of(name, table.columns[name]) for name in sorted(able, key=_rank)}
    used = next(
        (name for kind in ("parts", "folds") for name, meaning in meanings.items() if meaning.kind == kind), None
    )
    if used is None:
        for name, meaning in meanings.items():
            if meaning.called and meaning.kind == "unclear":
                raise _unclear(table, name, meaning)
        return SplitColumns(None, meanings)
    _require_understood(table, used, meanings[used])
    _require_one_split(table, used, meanings)
    return SplitColumns(used, meanings)


def remarks(table: Table, split: SplitColumns, taken: Sequence[str | None]) -> Iterator[str]:
    """A note for each column that is called like a split and is not used; ``taken`` are those that are used.

    Raises ``UnclearSplitError`` where nothing says the split, and half of the cells of another column are parts of one.
    """
    for name, meaning in split.meanings.items():
        if name in taken or _says_the_same(table, split, name):
            continue
        if split.used is None and meaning.kind == "unclear":
            raise _unclear(table, name, meaning)
        if split.used is not None and (meaning.called or meaning.kind != "nothing"):
            yield f"{table.say(name)} of {table.name} is not used: {table.say(split.used)} says the split"
        elif meaning.called and (held := _cells(table, name)):
            what = f"it holds {some(held, 3)}, which are no parts of a split"
            yield f"{table.say(name)} of {table.name} is not used: {what}"


def _says_the_same(table: Table, split: SplitColumns, name: str) -> bool:
    """Whether a column says of every row what the used one says."""
    if split.meaning is None or split.used is None or not (other := split.meanings[name].places):
        return False
    rows = zip(table.columns[split.used], table.columns[name], strict=True)
    return all(split.meaning.places[one] == other[two] for one, two in rows)


def _require_one_split(table: Table, used: str, meanings: Mapping[str, Meaning]) -> None:
    """Raise ``UnclearSplitError`` where another column says other parts."""
    split = SplitColumns(used, meanings)
    for name, meaning in meanings.items():
        if meaning.kind == meanings[used].kind == "parts" and not _says_the_same(table, split, name):
            raise UnclearSplitError(
                f"Several columns of {table.name} say different parts of a split ({used}, {name}): choose one with "
                "--split-column, or write train, val and test in a column called split.",
                used,
            )


def _labels_called_like_parts(table: Table, rest: Sequence[str]) -> set[str]:
    """Columns of labels such as ``train`` beside ``bus`` and ``tram``, of which each image has exactly one."""
    flags = flags_of_one(table, rest)
    if all(is_called_flag(name) or is_called_split(name) for name in flags):
        return set()
    return {name for name in flags if may_be_label(name)}


def _require_understood(table: Table, column: str, meaning: Meaning) -> None:
    """Raise ``DataError`` where a column of the split is no split, or holds a fold below 0.

    Programs mean a fold below 0 in different ways.
    """
    values = table.columns[column]
    if meaning.kind == "unclear":
        raise _unclear(table, column, meaning)
    if meaning.kind == "nothing":
        raise DataError(
            f"The column {column!r} of {table.name} holds {some(_cells(table, column), 3) or 'nothing'}, which is "
            "neither train, val or test nor the number of a fold: name another with --split-column."
        )
    negative = [value for value in values if meaning.kind == "folds" and value.startswith("-")]
    if negative:
        raise DataError(
            f"The column {column!r} of {table.name} holds the fold {negative[0]} in {counted(len(negative), 'row')}, "
            "which can mean that they always train or that they belong to no fold: write the number of a fold, or "
            "leave these rows out."
        )


def _unclear(table: Table, column: str, meaning: Meaning) -> UnclearSplitError:
    """The question about a column that may say a split."""
    fix = (
        f"write train, val and test in it, or name another column with --split-column ({NONE} where there is no split)"
    )
    called = "is called like a split and " if is_called_split(column) or is_called_flag(column) else ""
    if meaning.strange and meaning.known:
        what = f"The column {column!r} {called}holds {meaning.strange!r} beside {meaning.known!r}"
        return UnclearSplitError(f"{what}: {fix}.", column)
    held = some(_cells(table, column), 3)
    return UnclearSplitError(
        f"The column {column!r} of {table.name} {called}holds {held}, and it is not known which of them is training: "
        f"{fix}; where these are folds, call it fold and number them.",
        column,
    )


def _cells(table: Table, column: str) -> list[str]:
    return sorted({cell for cell in table.columns[column] if not is_missing(cell)})


def _normal(name: str) -> str:
    return "_".join(words(name))


def _rank(name: str) -> int:
    return SPLIT_NAMES.index(_normal(name)) if _normal(name) in SPLIT_NAMES else len(SPLIT_NAMES)
