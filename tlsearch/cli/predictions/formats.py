"""The formats in which predictions are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

from tlsearch.cli.predictions.parquet import ParquetWriter
from tlsearch.cli.predictions.table import TableWriter
from tlsearch.cli.predictions.text import CsvWriter, JsonLinesWriter, JsonWriter

if TYPE_CHECKING:
    from tlsearch.predictor import Prediction, Predictor


class Writer(Protocol):
    """Writes predictions one after the other; what is written is whole after ``close``."""

    def write(self, prediction: Prediction) -> None:
        """Write a prediction, now or a little later."""
        ...

    def close(self) -> None:
        """Write what is held back, and the end. The stream stays open."""
        ...


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format.

    Attributes:
        ending: What names of its files end with; empty where files have none of their own.
        binary: Whether its stream takes bytes.
        open: Makes its writer on a stream, for the predictions of a predictor; ``calibrated`` is as it was asked for.
    """

    ending: str
    binary: bool
    open: Callable[[IO[Any], Predictor, bool | None], Writer]


FORMATS = {
    "table": Format(ending="", binary=False, open=TableWriter),
    "csv": Format(ending=".csv", binary=False, open=CsvWriter),
    "json": Format(ending=".json", binary=False, open=JsonWriter),
    "jsonl": Format(ending=".jsonl", binary=False, open=JsonLinesWriter),
    "parquet": Format(ending=".parquet", binary=True, open=ParquetWriter),
}
