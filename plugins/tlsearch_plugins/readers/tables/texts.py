"""Texts in tables as people and programs mean them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import normalize

LIST_SEPARATOR = "\x1f"
"""What stands between the entries of a list that is the value of one cell."""

_QUOTED = r"'[^']*'|\"[^\"]*\""
_ENTRY = re.compile(_QUOTED)
_LIST = re.compile(rf"\[\s*(?:(?:{_QUOTED})\s*(?:,\s*)?)*\]")
_NUMBERS = re.compile(r"\[\s*(?:-?\d+(?:\.0*)?(?:\s*,\s*|\s+|(?=\s*\])))*\s*\]")
_NUMBER = re.compile(r"-?\d+")
_WHOLE = re.compile(r"-?\d+\.0+")
_NEVER = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_UNSEEN = "\u200b\u2060\ufeff"  # spaces without a width, which programs leave at the ends of what is copied


def clean(text: str) -> str:
    """A text composed (NFC), without spaces around it, seen or not, and without what no text holds.

    What joins letters within it stays, as Persian words and many emoji are written with it.
    """
    text, before = _NEVER.sub("", text), ""
    while text != before:
        text, before = text.strip().strip(_UNSEEN), text
    return normalize("NFC", text)


def as_meant(values: Sequence[str]) -> Sequence[str]:
    """The texts of a column: 1.0 as 1, and ``['cat', 'dog']`` or ``[1, 2]`` as a list, where all not empty are so.

    Programs write whole numbers so beside gaps, and lists where a file knows texts alone. Rows of 0 and 1 that are all
    of one length say yes or no to each label, and are no lists of labels.
    """
    filled = [value for value in values if value]
    if filled and all(map(_WHOLE.fullmatch, filled)):
        return [value.partition(".")[0] for value in values]
    if filled and all(map(_LIST.fullmatch, filled)):
        return [join_entries([entry[1:-1] for entry in _ENTRY.findall(value)]) for value in values]
    if filled and all(map(_NUMBERS.fullmatch, filled)):
        lists = [_NUMBER.findall(re.sub(r"\.0*", "", value)) for value in values]
        if not _are_flags([entries for value, entries in zip(values, lists, strict=True) if value]):
            return [join_entries(entries) for entries in lists]
    return values


def _are_flags(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows are of one length, above 1, and hold 0 and 1 alone."""
    return len(rows[0]) > 1 and len({len(row) for row in rows}) == 1 and all(set(row) <= {"0", "1"} for row in rows)


def join_entries(entries: Sequence[str]) -> str:
    """The value of a cell with a list of texts; empty ones and those that are there again do not count."""
    return LIST_SEPARATOR.join(dict.fromkeys(text for entry in entries if (text := clean(entry))))
