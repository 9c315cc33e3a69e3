"""Columns of texts from files that know types: JSON lines and Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlsearch.errors import DataError
from tlsearch_plugins.readers.tables.texts import clean, join_entries


def json_columns(path: Path, text: str) -> dict[str, list[str]]:
    """The columns of JSON objects, one a line. Raises ``DataError`` where a line is none."""
    records: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise DataError(f"Line {number} of {path} is no JSON object: write one object a line, or save it as CSV.")
        records.append(record)
    names = dict.fromkeys(name for record in records for name in record)
    return {clean(name): [_text(record.get(name)) for record in records] for name in names}


def parquet_columns(path: Path) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """The columns of a Parquet table that hold texts, numbers or lists, and the names of those that hold bytes.

    Bytes, which may be images, are not read. Raises ``DataError`` where the file is broken or has no two columns of
    texts.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            kept = [field.name for field in file.schema_arrow if not _holds_bytes(field.type)]
            bytes_held = [field.name for field in file.schema_arrow if _holds_bytes(field.type)]
            columns = file.read(columns=kept).to_pydict()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is a broken Parquet table: make or download it again.") from error
    if bytes_held and len(kept) < 2:
        raise DataError(say_bytes(path, bytes_held))
    return {clean(str(name)): [_text(value) for value in values] for name, values in columns.items()}, tuple(bytes_held)


def say_bytes(path: Path, columns: Sequence[str]) -> str:
    """The sentence for a table with the images themselves in some ``columns``."""
    return (
        f"{path} holds the images themselves (in {', '.join(map(repr, columns))}): save them as files, and name those "
        "in the table."
    )


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return True
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _text(value: Any) -> str:
    """A value as a person would write it; empty for none."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return join_entries([_text(entry) for entry in value])
    return clean(str(value))
