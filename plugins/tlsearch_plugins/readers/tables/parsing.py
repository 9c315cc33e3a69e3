"""A file of rows as a table of texts: separated values, JSON lines or Parquet, in the encodings that people have."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlsearch.errors import DataError
from tlsearch.folders.content import EMPTY, HEAD_BYTES, TEXT, UNKNOWN, file_type
from tlsearch.folders.walk import looks_like_image
from tlsearch_plugins.readers.tables.records import json_columns, parquet_columns
from tlsearch_plugins.readers.tables.texts import LIST_SEPARATOR, as_meant, clean

__all__ = ["LIST_SEPARATOR", "SPREADSHEETS", "SUFFIXES", "WHOLE_JSON", "Table", "read_table"]

SUFFIXES = frozenset((".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet"))
"""Endings of the files that are read as tables."""

SPREADSHEETS = frozenset((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"))
"""Endings of tables that are not read; whoever names one is told what to do."""

WHOLE_JSON = ".json"
"""The ending of JSON that is no table of lines; whoever names it is told what to do."""

_SEPARATORS = ",;\t|"
_SAMPLE_CHARS = 100_000
_SAMPLE_ROWS = 200
_SHOWN = 40  # letters of a text around the one that may be wrong
_GUESSED = ("cp1252", "latin-1")  # every file is one of them, whatever its letters are


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of texts.

    Attributes:
        path: The file.
        columns: The texts of each column by its name, in the order of the file.
        named: Whether the file names its columns; otherwise they are called 1, 2 and so on.
        repeated: Names that several columns have; all but the first have a number behind them in ``columns``.
        of_bytes: Columns of bytes, such as the images themselves; they are not among the others.
        guessed: A text whose letters may be wrong, as the file does not say its encoding; empty where it is known.
    """

    path: Path
    columns: Mapping[str, Sequence[str]]
    named: bool = True
    repeated: tuple[str, ...] = ()
    guessed: str = ""
    of_bytes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file, for people."""
        return self.path.name

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values()), ()))

    def without_names(self) -> Table:
        """The same table where what was taken for the names of columns is the first row."""
        columns = enumerate(self.columns.items(), 1)
        return replace(
            self, columns={str(number): [_among(name, held), *held] for number, (name, held) in columns}, named=False
        )

    def say(self, column: str) -> str:
        """What a column is called in a sentence."""
        return repr(column) if self.named else f"column {column}"


def _among(text: str, values: Sequence[str]) -> str:
    """A text as it is meant among the others of its column."""
    meant = as_meant([text])[0]
    return meant if meant in values else text


def read_table(path: Path) -> Table:
    """The table in the file at ``path``; its content and its ending decide how it is read.

    Where the first row has the name of an image file, columns have no names. Raises ``DataError`` where the file cannot
    be read, is no table, or has no rows.
    """
    data = _bytes_of(path)
    named, guessed = True, ""
    repeated: tuple[str, ...] = ()
    of_bytes: tuple[str, ...] = ()
    if data.startswith(b"PAR1"):
        columns, of_bytes = parquet_columns(path)
    else:
        text, sure = _decoded(path, data)
        guessed = "" if sure else _foreign(text)
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            columns = json_columns(path, text)
        else:
            columns, named, repeated = _separated_columns(path, text)
    meant = {name: as_meant(values) for name, values in columns.items()}
    table = Table(path=path, columns=meant, named=named, repeated=repeated, guessed=guessed, of_bytes=of_bytes)
    if not table.count:
        raise DataError(f"{path} holds no rows: name a table with a row for each image.")
    return table


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{path} cannot be read ({reason}): check its name, and that it may be read.") from error


def _decoded(path: Path, data: bytes) -> tuple[str, bool]:
    """The text of a file in UTF-8, UTF-16 or Windows-1252, without a byte order mark, and whether that is sure."""
    kind = file_type(data[:HEAD_BYTES])
    if kind is EMPTY or not data.strip():
        raise DataError(f"{path} is empty: name a table with a row for each image.")
    if kind not in (TEXT, UNKNOWN) and not kind.is_image:
        what = kind.name.partition(" and not ")[0]
        fix = "fetch it with: git lfs pull" if "LFS" in what else "download it again, or save the table as CSV"
        raise DataError(f"{path} is {what}, not a table of labels: {fix}.")
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        text = text.removeprefix("\ufeff")
        if not re.search(r"[\x00-\x08\x0e-\x1f]", text):
            return text, encoding not in _GUESSED
    raise DataError(f"{path} is no table of text: save the table as CSV in UTF-8.")


def _foreign(text: str) -> str:
    """The first cell with a letter beyond ASCII, shortened."""
    if (found := re.search(r"[^\x00-\x7f]", text)) is None:
        return ""
    place = found.start()
    before = re.split(r"[,;\t|\r\n]", text[max(0, place - _SHOWN) : place])[-1]
    after = re.split(r"[,;\t|\r\n]", text[place : place + _SHOWN])[0]
    return (before + after).strip()


def _encodings(data: bytes) -> Sequence[str]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    if b"\0" in data[:200]:  # every other byte of Latin letters
        return ("utf-16-le",) if data[1:2] == b"\0" else ("utf-16-be",)
    return ("utf-8", *_GUESSED)


def _separated_columns(path: Path, text: str) -> tuple[dict[str, list[str]], bool, tuple[str, ...]]:
    """The columns of separated values, whether the first row names them, and names that are there again."""
    rows = _rows(path, text)
    if not rows:
        raise DataError(f"{path} is empty: name a table with a row for each image.")
    named = not any(looks_like_image(cell) for cell in rows[0])
    names = _unique(rows[0]) if named else [str(number + 1) for number in range(len(rows[0]))]
    body = rows[1:] if named else rows
    cells: list[tuple[str, ...]] = list(zip(*body, strict=True)) or [() for _ in names]
    columns: dict[str, list[str]] = {}
    for number, (name, values) in enumerate(zip(names, cells, strict=True), 1):
        if name:
            columns[name] = list(values)
        elif any(values):
            columns[f"column {number}"] = list(values)
    again = tuple(name for name, count in Counter(rows[0]).items() if name and count > 1) if named else ()
    return columns, named, again


def _rows(path: Path, text: str) -> list[tuple[str, ...]]:
    """The rows of separated values, all of one length, each cell without spaces around it."""
    import pandas as pd

    separator = ""
    if (first := re.match(r"sep=(.)\r?\n", text)) is not None:  # which Excel writes
        separator, text = first[1], text[first.end() :]
    sample = _sample(text)
    separator = separator or _separator(sample)
    if not separator:
        return _spaced(text)
    width = max((len(row) for row in _split(sample, separator)), default=1)
    try:
        frame = pd.read_csv(
            io.StringIO(text, newline=""),
            sep=separator,
            header=None,
            names=list(range(width)),
            index_col=False,
            dtype=str,
            na_filter=False,
            skipinitialspace=True,
        )
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path} cannot be read as a table: {_fault(str(error))}.") from error
    rows = [tuple(clean(str(cell)) for cell in row) for row in frame.to_numpy(dtype=object)]
    _require_no_divided_text(path, rows, len(next(iter(_split(sample, separator)), ())))
    return rows


def _require_no_divided_text(path: Path, rows: Sequence[tuple[str, ...]], width: int) -> None:
    """Raise ``DataError`` where some rows have more fields than the first one, and others do not.

    A separator in a text divides it, and what is behind it would be lost. Where all rows have more, a program has left
    out the name of a column.
    """
    longer = [number for number, row in enumerate(rows[1:], 2) if any(row[width:])]
    if longer and len(longer) < len(rows) - 1:
        row = rows[longer[0] - 1]
        seen = max(place for place, cell in enumerate(row, 1) if cell)
        message = f"Expected {width} fields in line {longer[0]}, saw {seen}"
        raise DataError(f"{path} cannot be read as a table: {_fault(message)}.")


def _fault(message: str) -> str:
    """What is wrong with a table, from the words of pandas."""
    if (found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)) is not None:
        expected, line, seen = found.groups()
        return (
            f"row {line} has {seen} fields where others have {expected}; put texts with separators in quotation marks"
        )
    if (found := re.search(r"EOF inside string starting at row (\d+)", message)) is not None:
        return f"a quotation mark in row {int(found[1]) + 1} is never closed"
    return f"{' '.join(message.split()).rstrip('.')}; save it as CSV again"


def _sample(text: str) -> str:
    """The first lines, whole."""
    if len(text) <= _SAMPLE_CHARS:
        return text
    return text[: text.rfind("\n", 0, _SAMPLE_CHARS) + 1] or text[:_SAMPLE_CHARS]


def _split(sample: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) == _SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # pandas says what is wrong
    return rows


def _separator(sample: str) -> str:
    """What separates the cells: what divides most rows alike, else what gives most cells; empty where nothing does."""

    def rating(separator: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in _split(sample, separator))
        width, rows = widths.most_common(1)[0] if widths else (1, 0)
        return (rows / widths.total(), width) if width > 1 else (0.0, 0)

    best = max(_SEPARATORS, key=rating)
    return best if rating(best)[0] > 0.5 else next((sep for sep in _SEPARATORS if sep in sample), "")


def _spaced(text: str) -> list[tuple[str, ...]]:
    """Rows without a separator: cells are divided by spaces where every row has as many, else at the last space."""
    lines = [clean(line) for line in text.splitlines() if line.strip()]
    widths = {len(line.split()) for line in lines}
    if len(widths) == 1:
        return [tuple(line.split()) for line in lines]
    halves = [line.rsplit(None, 1) for line in lines]
    if all(len(half) == 2 for half in halves):
        return [tuple(half) for half in halves]
    return [(line,) for line in lines]


def _unique(names: Sequence[str]) -> list[str]:
    """The names of columns, with a number behind those that are there again."""
    seen = Counter[str]()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    return unique
