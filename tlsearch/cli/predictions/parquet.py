"""Predictions as a Parquet table: a row for each picture, written in groups of rows."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from tlsearch.cli.predictions.fields import FIELDS, Kind, plain

if TYPE_CHECKING:
    from tlsearch.predictor import Prediction, Predictor

GROUP = 10_000
"""Rows of a group: so many are held before they are written."""


class ParquetWriter:
    """A row for each picture, with a column for each field."""

    def __init__(self, stream: IO[bytes], predictor: Predictor, calibrated: bool | None) -> None:
        import pyarrow
        from pyarrow import parquet

        text = pyarrow.string()
        types = {
            Kind.TEXT: text,
            Kind.NUMBER: pyarrow.float64(),
            Kind.FLAG: pyarrow.bool_(),
            Kind.TEXTS: pyarrow.list_(text),
            Kind.CLASSES: pyarrow.list_(pyarrow.struct([("label", text), ("probability", pyarrow.float64())])),
        }
        self._schema = pyarrow.schema([(field.name, types[field.kind]) for field in FIELDS])
        self._file = parquet.ParquetWriter(stream, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, prediction: Prediction) -> None:
        """Add a row."""
        self._rows.append({field.name: plain(field, prediction) for field in FIELDS})
        if len(self._rows) == GROUP:
            self._write_group()

    def close(self) -> None:
        """Write the last group and the end of the file."""
        if self._rows:
            self._write_group()
        self._file.close()

    def _write_group(self) -> None:
        import pyarrow

        self._file.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []
