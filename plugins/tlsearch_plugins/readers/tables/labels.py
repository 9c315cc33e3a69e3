"""Labels in tables: which columns can hold them, and what a cell says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tlsearch.utils.texts import one_line
from tlsearch_plugins.readers.folders.names import words
from tlsearch_plugins.readers.tables.parsing import LIST_SEPARATOR, Table

LABEL_NAMES = (
    *("label", "labels", "class", "classes", "category", "categories", "target", "targets", "label_name"),
    *("class_name", "classname", "category_name", "label_text", "class_label", "image_label", "diagnosis", "dx"),
    *(
        "species",
        "species_name",
        "breed",
        "variety",
        "cultivar",
        "disease",
        "finding",
        "finding_labels",
        "y",
        "label_id",
        "class_id",
    ),
    *("category_id", "class_index", "class_idx", "level", "grade", "severity"),
)
"""What columns of labels are called, the plainest first."""

_MISSING = frozenset(("", "nan", "null", "<na>", "n/a", "#n/a"))
_YES = frozenset(("1", "1.0", "true"))
_NO = frozenset(("0", "0.0", "false", ""))
INDEX_NAMES = frozenset(("", "unnamed_0", "index", "row", "row_id", "no", "nr"))
"""What columns of numbers of rows are called."""

_COUNTER = re.compile(r"(?:unnamed|column|index_level)_\d+")
"""What a column is called that programs put before the others, or that has no name."""

_BOX_NAMES = frozenset(("x", "y", "w", "h", "width", "height"))
_FRACTION = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)


def labels_of(text: str, separator: str = "") -> frozenset[str]:
    """The labels of a cell; none where it is empty or says that it is missing. Each is of one line.

    ``separator`` stands between those of a cell (``separator_of``).
    """
    parts = _parts(text, separator or LIST_SEPARATOR)
    return frozenset(one_line(part) for part in parts if not is_missing(part))


def separator_of(values: Sequence[str]) -> str:
    """What stands between labels in the cells of a column; empty where each cell holds one label.

    Most cells that hold the separator hold parts that are labels of their own in other rows: one part is enough with
    ``|`` and ``;``, which are hardly in names; all must be with a comma or a space.
    """
    whole = set(values)
    for separator, enough, fewest in (("|", any, 1), (";", any, 1), (",", all, 1), (" ", all, 2)):
        joined = [parts for value in whole if len(parts := _parts(value, separator)) > 1]
        several = [parts for parts in joined if enough(part in whole for part in parts)]
        if len(several) >= max(fewest, len(joined) / 2):
            return separator
    return ""


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator)]


def is_missing(text: str) -> bool:
    """Whether a text stands for a value that is not there; ``None`` can be a class."""
    return text.lower() in _MISSING or text == "NA"


def is_yes(text: str) -> bool:
    """Whether a cell of 0 and 1 says that a label is one of the image's."""
    return text.lower() in _YES


def counts_rows(column: str) -> bool:
    """Whether a column is called like one of the numbers of rows, or has no name."""
    called = "_".join(words(column))
    return called in INDEX_NAMES or _COUNTER.fullmatch(called) is not None


def is_usable(table: Table, column: str) -> bool:
    """Whether a column can say a label: it is not empty, does not just number the rows, and is no side of a box."""
    called = "_".join(words(column))
    if called in INDEX_NAMES or column.count("[") != column.count("]"):  # as a comma in brackets divides a name
        return False
    box = called in _BOX_NAMES and {"x", "y"} < {"_".join(words(name)) for name in table.columns if _is_side(name)}
    counts = counts_rows(column) and all(value.isdigit() for value in table.columns[column])
    return any(table.columns[column]) and not box and not counts


def _is_side(column: str) -> bool:
    return "_".join(words(column)) in _BOX_NAMES


def one_hot_columns(table: Table, columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that stand for a label each: all of them where they hold 0 and 1 alone, none where they do not.

    Beside columns of another kind they are labels only where every row has exactly one of them. A label that no row has
    may be among them.
    """
    flags = [column for column in columns if {value.lower() for value in table.columns[column]} <= _YES | _NO]
    if sum(any(map(is_yes, table.columns[column])) for column in flags) < 2:
        return ()
    return tuple(flags if len(flags) == len(columns) else flags_of_one(table, flags))


def flags_of_one(table: Table, columns: Sequence[str]) -> list[str]:
    """The columns of 0 and 1, where every row has exactly one of them; none otherwise."""
    flags = [column for column in columns if {value.lower() for value in table.columns[column]} <= _YES | _NO]
    rows = zip(*(table.columns[column] for column in flags), strict=True)
    return flags if flags and all(sum(map(is_yes, row)) == 1 for row in rows) else []


def is_label(table: Table, column: str) -> bool:
    """Whether a column can hold labels: at least two that are there again and again, and no measures."""
    filled = [value for value in table.columns[column] if not is_missing(value)]
    distinct = set(filled)
    return 2 <= len(distinct) <= len(filled) / 2 and not all(_FRACTION.fullmatch(value) for value in distinct)


def label_columns(table: Table, columns: Sequence[str]) -> list[str]:
    """The columns that are called like labels; of those that say the same, such as a number and a name, the best one.

    A name is better than a number.
    """
    called = {"_".join(words(column)): column for column in columns}
    named = [called[name] for name in LABEL_NAMES if name in called]
    chosen: list[str] = []
    for column in sorted(named, key=lambda name: all(value.isdigit() for value in table.columns[name] if value)):
        if not any(_say_the_same(table, column, other) for other in chosen):
            chosen.append(column)
    return [column for column in named if column in chosen]


def _say_the_same(table: Table, one: str, other: str) -> bool:
    pairs = set(zip(table.columns[one], table.columns[other], strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
