"""Texts that people type, and lists of names that they read."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Iterable, Sequence


def is_utf8(text: str) -> bool:
    """Whether a file in UTF-8 can hold the text, and the system can open it if it is a path."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # what stands for bytes that are no UTF-8
        return False
    return "\0" not in text


def first_line(error: BaseException) -> str:
    """The first line of an error's message without its full stop, or its kind where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def one_line(text: str) -> str:
    """The text without line breaks, which names of folders and cells of tables may have."""
    return " ".join(line.strip() for line in text.splitlines())


def csv_line(cells: Iterable[object]) -> str:
    """A row of CSV with the line feed that ends it.

    A cell with a line break of any kind has quotes. Python's writer gives them only to those kinds of which its own
    lines end, and its reader takes a carriage return without quotes for the end of a row.
    """
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue().removesuffix("\r\n") + "\n"


NEAR = 0.75
"""How alike two names are at least, from 0 to 1, of which one may have been meant by the other."""

_MUCH_LESS = 0.05
_ONE_LETTER, _WHOLE_WORD = 0.8, 0.8
_BEGINNING, _SAME_LETTERS = 0.9, 0.9
_SAME_WORDS = 0.95


def nearest(typed: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The names that may have been meant, the most alike first; none where none is like what was typed.

    A name is like another where few letters differ, where one is the beginning of the other, and where one is a word of
    the other: ``--limit`` and ``--time-limit``. Upper case, hyphens and underscores do not count. Names that are much
    less alike than the best are left out.
    """
    found = {name: _similarity(_folded(typed), _folded(name)) for name in known}
    least = max(NEAR, max(found.values(), default=0.0) - _MUCH_LESS)
    return sorted((name for name in found if found[name] >= least), key=lambda name: (-found[name], name))[:most]


def _folded(name: str) -> str:
    return name.lstrip("-").casefold().replace("-", "_")


def _similarity(one: str, other: str) -> float:
    """How alike two names are, 0 to 1."""
    ratio = difflib.SequenceMatcher(None, one, other).ratio()
    words, others = one.split("_"), other.split("_")
    short, long = sorted((one, other), key=len)
    if sorted(words) == sorted(others):
        return max(ratio, _SAME_WORDS)
    if len(short) > 2 and long.startswith(short):
        return max(ratio, _BEGINNING)
    if len(short) > 2 and short[0] == long[0] and sorted(short) == sorted(long):
        return max(ratio, _SAME_LETTERS)
    if len(short) > 1 and (one in others or other in words):
        return max(ratio, _WHOLE_WORD)
    if len(short) == len(long) > 2 and sum(a != b for a, b in zip(one, other, strict=True)) == 1:
        return max(ratio, _ONE_LETTER)
    return ratio


def hint(typed: str, known: Iterable[str], otherwise: str, show: Callable[[str], str] = repr) -> str:
    """What to say behind a name that there is not: ``did you mean 'a' or 'b'?``, or ``otherwise`` where none is alike.

    ``show`` writes a name.
    """
    near = nearest(typed, known)
    return f"did you mean {either(map(show, near))}?" if near else f"{otherwise}."


def either(names: Iterable[str]) -> str:
    """``a, b or c``."""
    *rest, last = names
    return f"{', '.join(rest)} or {last}" if rest else last


def some(names: Sequence[str], limit: int = 5) -> str:
    """``a, b, c and 3 more``."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def choose_plugin(names: Iterable[str]) -> str:
    """What to do where there is no plugin of a name: take one of ``names``, if there are any, or install it."""
    listed = ", ".join(names)
    return f"choose one of {listed}, or install its plugin" if listed else "install its plugin, for none is installed"
