"""Predictions as CSV and JSON, each written as soon as it is there."""

from __future__ import annotations

import json
from textwrap import indent
from typing import IO, TYPE_CHECKING, Any

from tlsearch.cli.predictions.fields import FIELDS, FURTHER, cell, plain
from tlsearch.cli.terminal.lines import is_unicode
from tlsearch.utils.texts import csv_line

if TYPE_CHECKING:
    from tlsearch.predictor import Prediction, Predictor

CSV_COLUMNS = ("path", "rank", "label", "probability", "error", "calibrated")


class CsvWriter:
    """A row for each class that is shown, ``rank`` 1 being the best; a picture with an error has one row."""

    def __init__(self, stream: IO[str], predictor: Predictor, calibrated: bool | None) -> None:
        self._stream = stream
        self._write_row([*CSV_COLUMNS, *(field.name for field in FURTHER)])

    def write(self, prediction: Prediction) -> None:
        """Write the rows of a picture."""
        further = [cell(field, prediction) for field in FURTHER]
        if prediction.error:
            self._write_row([prediction.name, "", "", "", prediction.error, "", *further])
        calibrated = str(prediction.calibrated).lower()
        for rank, (label, probability) in enumerate(prediction.top, start=1):
            self._write_row([prediction.name, rank, label, f"{probability:.6f}", "", calibrated, *further])

    def close(self) -> None:
        """Do nothing: every row is written."""

    def _write_row(self, cells: list[object]) -> None:
        self._stream.write(csv_line(cells))


class JsonWriter:
    """A list of objects."""

    def __init__(self, stream: IO[str], predictor: Predictor, calibrated: bool | None) -> None:
        self._stream = stream
        self._escaped = not is_unicode(stream)
        self._before = "["

    def write(self, prediction: Prediction) -> None:
        """Write an object."""
        text = json.dumps(as_object(prediction), indent=2, ensure_ascii=self._escaped)
        self._stream.write(f"{self._before}\n{indent(text, '  ')}")
        self._before = ","

    def close(self) -> None:
        """Write the end of the list."""
        self._stream.write("[]\n" if self._before == "[" else "\n]\n")


class JsonLinesWriter:
    """An object in each line."""

    def __init__(self, stream: IO[str], predictor: Predictor, calibrated: bool | None) -> None:
        self._stream = stream
        self._escaped = not is_unicode(stream)

    def write(self, prediction: Prediction) -> None:
        """Write a line."""
        self._stream.write(json.dumps(as_object(prediction), ensure_ascii=self._escaped) + "\n")

    def close(self) -> None:
        """Do nothing: every line is written."""


def as_object(prediction: Prediction) -> dict[str, Any]:
    """What JSON has of a prediction."""
    return {field.name: plain(field, prediction) for field in FIELDS}
