"""Predictions as a table for people."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from tlsearch.cli.predictions.fields import FURTHER, Field, table_text
from tlsearch.cli.terminal.lines import unbroken
from tlsearch.cli.terminal.table import Column, Row, Table, reason_cell

if TYPE_CHECKING:
    from tlsearch.predictor import Prediction, Predictor

PART = 500
"""Pictures that a table shows before it is printed: its columns are as wide as what stands in them."""


class TableWriter:
    """A row for each class that is shown. A long table is printed in parts, each below the headings."""

    def __init__(self, stream: IO[str], predictor: Predictor, calibrated: bool | None) -> None:
        self._stream = stream
        self._further: list[Field] = [field for field in FURTHER if field.heading and field.applies(predictor)]
        headings = (Column(field.heading) for field in self._further)
        self._columns = (
            Column("image"), Column("class"), Column(probability_heading(predictor, calibrated), right=True), *headings
        )  # fmt: skip
        self._rows: list[Row] = []
        self._pictures = self._parts = 0

    def write(self, prediction: Prediction) -> None:
        """Add the rows of a picture."""
        image = unbroken(prediction.name)
        further = [table_text(field, prediction) for field in self._further]
        if prediction.error:
            self._rows.append(Row((image, reason_cell(f"not read: {prediction.error}"), "", *further), "yellow"))
        for label, probability in prediction.top:
            self._rows.append(Row((image, unbroken(label), f"{probability:.3f}", *further)))
            image, further = "", ["" for _ in further]
        self._pictures += 1
        if self._pictures % PART == 0:
            self._print()

    def close(self) -> None:
        """Print what is not printed yet."""
        if self._rows or not self._parts:
            self._print()

    def _print(self) -> None:
        from rich.console import Console

        from tlsearch.cli.terminal.screen import print_table, room

        console = Console(file=self._stream, highlight=False)
        if self._parts:
            console.print()
        print_table(console, Table(self._columns, tuple(self._rows)), room(console))
        self._rows, self._parts = [], self._parts + 1


def probability_heading(predictor: Predictor, calibrated: bool | None) -> str:
    """What the probabilities are, where the model has a temperature."""
    if predictor.temperature is None:
        return "probability"
    applied = predictor.applied_temperature(calibrated) is not None
    return "probability (calibrated)" if applied else "probability (not calibrated)"
